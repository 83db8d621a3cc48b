"""Telemetry directories followed: the newest run, or every run at once."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from sanctum_exporter import logs
from sanctum_exporter.files.counts import total
from sanctum_exporter.files.directory import RunDirectory, run_order
from sanctum_exporter.files.follower import FileFollower
from sanctum_exporter.files.names import cannot_read, shown
from sanctum_exporter.readings import Activity, GroupReading, ReadingSource
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake

_MOST_FAILURES_SAID: Final = 3

MOST_RUNS: Final = 2000
"""Runs that are followed at once unless asked otherwise: if each has two groups, their state takes
25 MB and a scrape of them 60 MB more."""
MOST_GROUPS_OF_EACH_RUN: Final = 4
"""Groups of a run that is one of many: an A/B run has two, and events of the hub make a third."""

NewIntake = Callable[[Path, str | None], Intake]
"""Makes the empty state that a file is read into, given the file and the label of its run."""


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

    def wake(self) -> None:
        """Look with the next poll at what is looked at more rarely, too."""
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
        clock: monotonic seconds.
    """

    def __init__(
        self,
        directory: Path,
        new_intake: NewIntake,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = RunDirectory(directory, clock)
        self._no_run_yet = _no_run_yet(directory)
        self._new_intake = new_intake
        self._before = nothing_read()
        self._runs: Mapping[Path, str] = {}
        self._newest: Path | None = None
        self._current: FileFollower | None = None
        self._next: FileFollower | None = None

    @property
    def path(self) -> Path | None:
        """The file of the newest run, None for none yet."""
        return self._current.path if self._current else None

    @property
    def failure(self) -> str | None:
        """Why the newest run is not being read, None while it is."""
        if self._directory.failure is not None:
            return self._directory.failure
        latest = self._next or self._current
        return latest.failure if latest else None

    @property
    def waiting(self) -> str | None:
        """What is waited for before the values are whole, None once they are."""
        return self._current.waiting if self._current else self._no_run_yet

    def readings(self) -> Sequence[GroupReading]:
        """Return the groups that the newest run publishes."""
        return (self._current or self._before).readings()

    def activity(self) -> Activity:
        """Return the counts of the newest run's events."""
        return (self._current or self._before).activity()

    def poll(self) -> bool:
        """Read a bit of the newest run."""
        self._directory.look()
        if self._directory.failure is not None:
            return False
        if self._runs is not self._directory.runs:
            self._runs = self._directory.runs
            self._newest = max(self._runs, key=run_order, default=None)
        newest, current = self._newest, self._current
        if newest is None or (current is not None and current.path == newest):
            self._next = None
            return current.poll() if current else False
        if self._next is None or self._next.path != newest:
            self._next = FileFollower(newest, lambda: self._new_intake(newest, None))
        coming = self._next
        more = coming.poll()
        if current is None or (coming.failure is None and coming.waiting is None):
            self._current, self._next = coming, None
        return more

    def wake(self) -> None:
        """Look at every entry of the directory with the next poll."""
        self._directory.wake()


class AllRuns:
    """Every run of a directory at once, each named by its own directory.

    What runs counted that are gone, or were read anew, stays counted: the counts are the exporter's
    own, and their sum must not fall.

    Args:
        directory: where runs are; it need not exist yet.
        new_intake: makes the empty state of a run.
        clock: monotonic seconds.
        most: how many runs are followed at once, the newest ones.
    """

    def __init__(
        self,
        directory: Path,
        new_intake: NewIntake,
        clock: Callable[[], float] = time.monotonic,
        most: int = MOST_RUNS,
    ) -> None:
        self._path = directory
        self._most = most
        self._directory = RunDirectory(directory, clock)
        self._no_run_yet = _no_run_yet(directory)
        self._new_intake = new_intake
        self._runs: Mapping[Path, str] = {}
        self._has_passed_over = False
        self._followed = _Followed(gone=nothing_read().activity())
        self._unfinished: set[Path] = set()
        self._failure: str | None = None

    @property
    def failure(self) -> str | None:
        """Why some or all runs are not being read, None while they are."""
        return self._directory.failure or self._failure

    @property
    def waiting(self) -> str | None:
        """What is waited for before the values are whole, None once they are."""
        runs = self._followed.runs
        if not runs:
            return self._no_run_yet
        return next((run.waiting for run in runs.values() if run.waiting), None)

    def readings(self) -> list[GroupReading]:
        """Return the groups that the runs publish."""
        runs = self._followed.runs
        return [reading for path in sorted(runs) for reading in runs[path].readings()]

    def activity(self) -> Activity:
        """Return the counts of all runs' events."""
        followed = self._followed
        counts = total([followed.gone, *(run.counted() for run in followed.runs.values())])
        return replace(counts, runs_passed_over=followed.passed_over)

    def poll(self) -> bool:
        """Read a bit of every run whose turn it is."""
        looked_at = self._directory.look()
        if self._directory.failure is not None:
            return False
        if self._runs is not self._directory.runs:
            self._followed = self._follow(self._directory.runs)
            self._runs = self._directory.runs
        runs = self._followed.runs
        turns = (looked_at | self._unfinished) & runs.keys()
        self._unfinished = {path for path in turns if runs[path].poll()}
        self._failure = _several([run.failure for run in runs.values() if run.failure])
        return bool(self._unfinished)

    def wake(self) -> None:
        """Read a bit of every run with the next poll."""
        self._directory.wake()

    def _follow(self, labels: Mapping[Path, str]) -> _Followed:
        before = self._followed
        newest = sorted(labels, key=run_order, reverse=True)[: self._most]
        passed_over = len(labels) - len(newest)
        if passed_over and not self._has_passed_over:
            self._has_passed_over = True
            logs.warning(
                "%s has %d runs, of which the newest %d are followed; --most-runs changes that",
                shown(self._path),
                len(labels),
                self._most,
            )
        runs = {
            path: before.runs.get(path) or self._follower(path, labels[path]) for path in newest
        }
        gone = [run.counted() for path, run in before.runs.items() if path not in runs]
        return _Followed(runs, total([before.gone, *gone]), passed_over)

    def _follower(self, path: Path, label: str) -> FileFollower:
        return FileFollower(path, lambda: self._new_intake(path, label))


@dataclass(frozen=True, slots=True)
class _Followed:
    """The runs that are followed, and what those counted that are not any more.

    Replaced as one, so that a reader never counts a run twice or not at all.
    """

    runs: Mapping[Path, FileFollower] = field(default_factory=dict)
    gone: Activity = field(default_factory=Activity)
    passed_over: int = 0


class LatePath:
    """A path that may turn out to be a file or a directory once it exists.

    Args:
        path: the path.
        new_intake: makes the empty state of a run.
        clock: monotonic seconds.
    """

    def __init__(
        self, path: Path, new_intake: NewIntake, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._clock = clock
        self._new_intake = new_intake
        self._before = nothing_read()
        self._follower: Follower | None = None
        self._failure: str | None = None

    @property
    def newest_run(self) -> Path | None:
        """The file of the newest run of a directory, None for none yet, or where it is a file."""
        return self._follower.path if isinstance(self._follower, NewestRun) else None

    @property
    def failure(self) -> str | None:
        """Why the path is not being read, None while it is."""
        return self._follower.failure if self._follower else self._failure

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
            self._follower = self._find()
        return self._follower.poll() if self._follower else False

    def wake(self) -> None:
        """Look at all that is at the path with the next poll."""
        if self._follower is not None:
            self._follower.wake()

    def _find(self) -> Follower | None:
        path = self._path
        self._failure = None
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            return None
        except OSError as error:
            self._failure = cannot_read(path, error)
            return None
        if stat.S_ISDIR(mode):
            return NewestRun(path, self._new_intake, self._clock)
        return FileFollower(path, lambda: self._new_intake(path, None))


def _not_there(path: Path) -> str:
    return f"waiting for {shown(path)}, which does not exist yet"


def _no_run_yet(directory: Path) -> str:
    return f"waiting for a run in {shown(directory)}"


def _several(failures: Sequence[str]) -> str | None:
    said = failures[:_MOST_FAILURES_SAID]
    more = len(failures) - len(said)
    return "; ".join([*said, *([f"and {more} more"] if more else [])]) or None
