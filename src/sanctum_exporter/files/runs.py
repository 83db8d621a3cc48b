"""Telemetry directories: the newest run, or every run at once.

esper-lite makes ``telemetry_YYYY-MM-DD_HHMMSS[_NNN]/events.jsonl`` for each run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from sanctum_exporter.files.follower import FileFollower
from sanctum_exporter.readings import Activity, GroupReading, ReadingSource
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake

EVENTS_FILE: Final = "events.jsonl"
_RUN_NAME: Final = re.compile(r"telemetry_(\d{4}-\d{2}-\d{2}_\d{6})(?:_(\d+))?")

NewIntake = Callable[[Path, str | None], Intake]
"""Makes the empty state that a file is read into, given the file and the name of its run."""


class Follower(ReadingSource, Protocol):
    """Something that is read bit by bit."""

    @property
    def failure(self) -> str | None:
        """Why it is not being read, None while it is."""
        ...

    @property
    def waiting(self) -> str | None:
        """What is waited for before the values are whole, None once they are."""
        ...

    def poll(self) -> bool:
        """Read a bit of what is new; tell whether there may be more at once."""
        ...


def is_needed(follower: Follower) -> bool:
    """Tell whether it would be missed: it follows a run that is midway, or waits for its first."""
    readings = follower.readings()
    return not readings or any(reading.life.midway for reading in readings)


def nothing_read() -> ReadingSource:
    """Return what is published before anything is read: no group, and every count 0."""
    return Intake(Groups())


class NewestRun:
    """The newest run of a directory; goes over to a newer one when it appears.

    Args:
        directory: where runs are, or the directory of one run; it need not exist yet.
        new_intake: makes the empty state of a run.
    """

    def __init__(self, directory: Path, new_intake: NewIntake) -> None:
        self._directory = directory
        self._new_intake = new_intake
        self._before = nothing_read()
        self._current: FileFollower | None = None
        self._next: FileFollower | None = None
        self._failure: str | None = None

    @property
    def path(self) -> Path | None:
        """The file of the newest run, None for none yet."""
        return self._current.path if self._current else None

    @property
    def failure(self) -> str | None:
        """Why the run is not being read, None while it is."""
        return self._failure or (self._current.failure if self._current else None)

    @property
    def waiting(self) -> str | None:
        """What is waited for before the values are whole, None once they are."""
        return self._current.waiting if self._current else _no_run_yet(self._directory)

    def readings(self) -> Sequence[GroupReading]:
        """Return the groups that the newest run publishes."""
        return (self._current or self._before).readings()

    def activity(self) -> Activity:
        """Return the counts of the newest run's events."""
        return (self._current or self._before).activity()

    def poll(self) -> bool:
        """Read a bit of the newest run."""
        try:
            newest = max(find_runs(self._directory), key=run_order, default=None)
            self._failure = None
        except OSError as error:
            self._failure = _describe(error, self._directory)
            return False
        if newest is None:
            return self._current.poll() if self._current else False
        latest = self._next or self._current
        if latest is None or latest.path != newest:
            self._next = FileFollower(newest, lambda: self._new_intake(newest, None))
        if self._next is None:
            return self._current.poll() if self._current else False
        more = self._next.poll()
        caught_up = self._next.failure is None and self._next.waiting is None
        if caught_up or self._current is None:
            self._current, self._next = self._next, None
        return more


class AllRuns:
    """Every run of a directory at once, each named by its own directory.

    Args:
        directory: where runs are; it need not exist yet.
        new_intake: makes the empty state of a run.
    """

    def __init__(self, directory: Path, new_intake: NewIntake) -> None:
        self._directory = directory
        self._new_intake = new_intake
        self._before = nothing_read()
        self._runs: dict[Path, FileFollower] = {}
        self.failure: str | None = None
        """Why the runs are not being read, None while they are."""

    @property
    def waiting(self) -> str | None:
        """What is waited for before the values are whole, None once they are."""
        if not self._runs:
            return _no_run_yet(self._directory)
        return next((run.waiting for run in self._runs.copy().values() if run.waiting), None)

    def readings(self) -> list[GroupReading]:
        """Return the groups that the runs publish."""
        runs = self._runs.copy()
        return [reading for path in sorted(runs) for reading in runs[path].readings()]

    def activity(self) -> Activity:
        """Return the counts of all runs' events."""
        none = self._before.activity()
        events, rejected = Counter(none.events), Counter(none.rejected)
        last_rejection = 0.0
        for follower in self._runs.copy().values():
            activity = follower.activity()
            events.update(activity.events)
            rejected.update(activity.rejected)
            last_rejection = max(last_rejection, activity.last_rejection_timestamp)
        return Activity(events, rejected, last_rejection)

    def poll(self) -> bool:
        """Read a bit of every run."""
        try:
            found = set(find_runs(self._directory))
        except OSError as error:
            self.failure = _describe(error, self._directory)
            return False
        for path in self._runs.keys() - found:
            del self._runs[path]
        for path in found - self._runs.keys():
            self._runs[path] = self._follow(path)
        # Not any(), which would stop at the first run that has more.
        more = max((follower.poll() for follower in self._runs.values()), default=False)
        self.failure = next((run.failure for run in self._runs.values() if run.failure), None)
        return more

    def _follow(self, path: Path) -> FileFollower:
        return FileFollower(path, lambda: self._new_intake(path, path.parent.name))


class LatePath:
    """A path that may turn out to be a file or a directory once it exists.

    Args:
        path: the path.
        new_intake: makes the empty state of a run.
    """

    def __init__(self, path: Path, new_intake: NewIntake) -> None:
        self._path = path
        self._new_intake = new_intake
        self._before = nothing_read()
        self._follower: Follower | None = None

    @property
    def newest_run(self) -> Path | None:
        """The file of the newest run of a directory, None for none yet, or where it is a file."""
        return self._follower.path if isinstance(self._follower, NewestRun) else None

    @property
    def failure(self) -> str | None:
        """Why the path is not being read, None while it is."""
        return self._follower.failure if self._follower else None

    @property
    def waiting(self) -> str | None:
        """What is waited for before the values are whole, None once they are."""
        return self._follower.waiting if self._follower else _not_there(self._path)

    def readings(self) -> Sequence[GroupReading]:
        """Return the groups that the path publishes."""
        return (self._follower or self._before).readings()

    def activity(self) -> Activity:
        """Return the counts of the path's events."""
        return (self._follower or self._before).activity()

    def poll(self) -> bool:
        """Read a bit of what is at the path."""
        if self._follower is None:
            path = self._path
            if path.is_dir():
                self._follower = NewestRun(path, self._new_intake)
            elif path.exists():
                self._follower = FileFollower(path, lambda: self._new_intake(path, None))
            else:
                return False
        return self._follower.poll()


def find_runs(directory: Path) -> Iterator[Path]:
    """Yield the events file of each run in a directory, or of the run that it is itself.

    Raises:
        OSError: if the directory is there and cannot be read.
    """
    own = directory / EVENTS_FILE
    if own.exists():
        yield own
        return
    try:
        entries = list(directory.iterdir())
    except FileNotFoundError:
        return
    for entry in entries:
        events = entry / EVENTS_FILE
        if events.exists():
            yield events


def _not_there(path: Path) -> str:
    return f"waiting for {path}, which does not exist yet"


def _no_run_yet(directory: Path) -> str:
    return f"waiting for a run in {directory}"


def _describe(error: OSError, directory: Path) -> str:
    return f"cannot read {directory}: {error.strerror or error}"


def run_order(events: Path) -> tuple[str, int, str]:
    """Return what runs are sorted by, oldest first: the time in the name, then its number."""
    name = events.parent.name
    match = _RUN_NAME.fullmatch(name)
    if match is None:
        return "", 0, name
    return match[1], int(match[2] or 0), name
