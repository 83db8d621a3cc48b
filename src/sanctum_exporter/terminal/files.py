"""A telemetry file or directory, followed in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from sanctum_exporter.files.names import shown
from sanctum_exporter.files.polling import Following
from sanctum_exporter.files.runs import MOST_GROUPS_OF_EACH_RUN, AllRuns, LatePath
from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.state.groups import MOST_GROUPS, Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.view.document import Overview, RunView
from sanctum_exporter.view.history import History
from sanctum_exporter.web.api import Api


class SourceFeed:
    """A source in this process; it has a history from now on.

    Args:
        name: what it is called.
        source: what to show.
        not_ready: says why the values are not to be relied on, None while they are.
        close: called at the end.
        clock: seconds since the epoch.
    """

    period_seconds = 1.0
    is_past = False

    def __init__(
        self,
        name: str,
        source: ReadingSource,
        not_ready: Callable[[], str | None] = lambda: None,
        close: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._source = source
        self._history = History()
        self._clock = clock
        self._close = close
        self._api = Api(
            source,
            self._history,
            origin=lambda: name,
            not_ready=not_ready,
            telemetry_path="",
            clock=clock,
        )

    def overview(self) -> Overview:
        """Return every run in a line, and note this moment."""
        self._history.note(self._source.readings(), self._clock())
        return self._api.overview()

    def run(self, name: str | None) -> RunView | None:
        """Return a run by its name."""
        return self._api.run(name)

    def close(self) -> None:
        """End what gives the source its values."""
        self._close()


def follow(path: Path) -> SourceFeed:
    """Follow a file, or every run of a directory, which need not exist yet."""
    follower = _follower(path)
    following = Following(follower)
    return SourceFeed(shown(path), following, following.not_ready, following.close)


def read_once(path: Path) -> SourceFeed:
    """Read a file, or every run of a directory, as it is now."""
    follower = _follower(path)
    while follower.poll():
        pass
    # A last line that lacks only its end is taken where nothing comes after it.
    follower.poll()
    return SourceFeed(shown(path), follower, lambda: follower.failure or follower.waiting)


def _follower(path: Path) -> AllRuns | LatePath:
    is_directory = path.is_dir()
    most = MOST_GROUPS_OF_EACH_RUN if is_directory else MOST_GROUPS

    def new_intake(events: Path, run: str | None) -> Intake:
        return Intake(Groups(run=run, most=most), source=shown(events))

    return AllRuns(path, new_intake) if is_directory else LatePath(path, new_intake)
