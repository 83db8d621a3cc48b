"""``/api/v1``: the documents of a source as JSON, the same for every client within a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from threading import Lock
from typing import Final

import msgspec

from sanctum_exporter._version import __version__
from sanctum_exporter.readings import GroupReading, ReadingSource
from sanctum_exporter.view.document import (
    Exporter,
    Overview,
    RunView,
    by_run,
    encode,
    overview,
    run_view,
)
from sanctum_exporter.view.history import History
from sanctum_exporter.web.content import JSON, Content, Page, Query, etag

RUNS_PATH: Final = "/api/v1/runs"
RUN_PATH: Final = "/api/v1/run"

FRESH_SECONDS: Final = 0.5
"""How old an answer may be: with many viewers, work is done twice a second and not for each."""
_MOST_KEPT: Final = 32


class Api:
    """Answers for the documents of a source; for any thread.

    Args:
        source: what they are of.
        history: the last minutes of its groups.
        origin: where the values come from, for people.
        not_ready: why the exporter does not do its job, None while it does.
        telemetry_path: where the metrics are.
        clock: seconds since the epoch.
        monotonic: seconds that only pass.
    """

    def __init__(
        self,
        source: ReadingSource,
        history: History,
        *,
        origin: Callable[[], str],
        not_ready: Callable[[], str | None],
        telemetry_path: str,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._history = history
        self._origin = origin
        self._not_ready = not_ready
        self._telemetry_path = telemetry_path
        self._clock = clock
        self._monotonic = monotonic
        self._lock = Lock()
        self._kept: dict[str | None, tuple[float, Content]] = {}

    def pages(self) -> dict[str, Page]:
        """Return what answers at which path."""
        return {RUNS_PATH: self._runs, RUN_PATH: self._run}

    def overview(self) -> Overview:
        """Return every run in a line."""
        return overview(self._exporter(), self._source.readings(), self._clock())

    def run(self, name: str | None) -> RunView | None:
        """Return a run by its name, None for the newest; None if there is no such run."""
        runs = by_run(self._source.readings())
        groups = next(iter(runs.values()), None) if name is None else runs.get(name)
        return None if groups is None else self._view(groups)

    def _runs(self, query: Query) -> Content:
        return self._fresh("", self.overview)

    def _run(self, query: Query) -> Content:
        name = query.get("run", [None])[0]
        return self._fresh("run" if name is None else f"run {name}", lambda: self.run(name))

    def _view(self, groups: list[GroupReading]) -> RunView:
        now = self._clock()
        self._history.note(self._source.readings(), now)
        histories = {
            group.group_id: self._history.series(group.run, group.group_id) for group in groups
        }
        return run_view(self._exporter(), groups, histories, now)

    def _exporter(self) -> Exporter:
        return Exporter(__version__, self._origin(), self._not_ready(), self._telemetry_path)

    def _fresh(self, key: str, make: Callable[[], Overview | RunView | None]) -> Content:
        with self._lock:
            now = self._monotonic()
            kept = self._kept.get(key)
            if kept is None or now - kept[0] >= FRESH_SECONDS:
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                kept = self._kept[key] = now, _content(make())
            return kept[1]


def _content(document: Overview | RunView | None) -> Content:
    if document is None:
        body = msgspec.json.encode({"error": f"no such run; {RUNS_PATH} lists those there are"})
        return Content(JSON, body, status=HTTPStatus.NOT_FOUND)
    # That time has passed is no news.
    timeless = msgspec.structs.replace(document, now=0.0)
    return Content(JSON, encode(document), etag(encode(timeless)))
