"""Where the runs of a telemetry directory are, whatever else lies in it.

esper-lite makes ``telemetry_YYYY-MM-DD_HHMMSS[_NNN]/events.jsonl`` for each run.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sanctum_exporter import logs
from sanctum_exporter.files.names import cannot_read, run_label

EVENTS_FILE: Final = "events.jsonl"
_RUN_NAME: Final = re.compile(r"telemetry_(\d{4}-\d{2}-\d{2}_\d{6})(?:_(\d+))?")
_OWN: Final = ""

# A run is looked at with every poll while it changes. After that, what it writes is late by a
# fiftieth of its silence, and never by more than a few seconds: thousands of finished runs cost
# next to nothing, and file servers are not asked for them all the time.
_FRESH_SECONDS: Final = 30.0
_SHARE_OF_SILENCE: Final = 1 / 50
_LONGEST_PAUSE_SECONDS: Final = 5.0


class RunDirectory:
    """The events file of each run in a directory, or of the run that the directory is itself.

    An entry that may not be entered is no run of ours, unless its name or its past says so; the
    log names it once. A run that is reached by several names, as by a symlink ``latest``, is one
    run, by its real name.

    Args:
        path: the directory, which need not exist yet.
        clock: monotonic seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self.failure: str | None = None
        """Why the directory itself cannot be read, None while it can."""
        self.runs: Mapping[Path, str] = {}
        """The events file of each run and its label; another mapping where that has changed."""

    def look(self) -> Set[Path]:
        """Look at the entries whose turn it is; return the files of the runs among them."""
        try:
            names = self._names()
        except OSError as error:
            self.failure = cannot_read(self._path, error)
            return frozenset()
        self.failure = None
        changed = names != self._entries.keys()
        now = self._clock()
        if changed:
            self._entries = {
                name: self._entries.get(name) or _Entry(name, self._path / name / EVENTS_FILE, now)
                for name in names
            }
        due = [entry for entry in self._entries.values() if entry.due_at <= now]
        for entry in due:
            changed |= self._look_at(entry, now)
        if changed:
            self.runs = self._each_once()
        return {entry.events for entry in due} & self.runs.keys()

    def wake(self) -> None:
        """Look at every entry the next time."""
        for entry in self._entries.values():
            entry.due_at = 0.0

    def _names(self) -> set[str]:
        if os.path.lexists(self._path / EVENTS_FILE):
            return {_OWN}
        try:
            with os.scandir(self._path) as entries:
                return {entry.name for entry in entries}
        except FileNotFoundError:
            return set()

    def _look_at(self, entry: _Entry, now: float) -> bool:
        """Look at one entry; tell whether another file, or none, is there now."""
        before, refusal = entry.file, None
        version: tuple[int, int] | None = None
        try:
            stat = entry.events.stat()
            entry.file, version = (stat.st_dev, stat.st_ino), (stat.st_size, stat.st_mtime_ns)
        except (FileNotFoundError, NotADirectoryError):
            entry.file = None
        except OSError as error:
            if entry.file is None and not entry.must_be_run():
                refusal = cannot_read(entry.events.parent, error)
            else:
                # A run all the same: who follows it says why it cannot be read.
                entry.file = entry.file or entry.name
        if refusal is not None and entry.refusal is None:
            logs.warning("%s; it is passed over", refusal)
        entry.refusal = refusal
        if (entry.file, version) != (before, entry.version):
            entry.changed_at = now
        entry.version = version
        silence = now - entry.changed_at
        if silence < _FRESH_SECONDS:
            entry.due_at = now
        else:
            entry.due_at = now + min(silence * _SHARE_OF_SILENCE, _LONGEST_PAUSE_SECONDS)
        if entry.file == before:
            return False
        # Not resolve(), which raises where symlinks go round in a circle.
        own = Path(os.path.realpath(self._path), entry.name, EVENTS_FILE)
        entry.is_alias = Path(os.path.realpath(entry.events)) != own
        return True

    def _each_once(self) -> dict[Path, str]:
        found: dict[object, _Entry] = {}
        runs = [entry for entry in self._entries.values() if entry.file is not None]
        for entry in sorted(runs, key=lambda entry: (entry.is_alias, entry.name)):
            found.setdefault(entry.file, entry)
        own_name = Path(os.path.realpath(self._path)).name
        return {entry.events: run_label(entry.name or own_name) for entry in found.values()}


@dataclass(slots=True)
class _Entry:
    """What is known of an entry of the directory."""

    name: str
    events: Path
    changed_at: float
    due_at: float = 0.0
    file: object = None
    """What tells its events file from others, None where there is none."""
    version: tuple[int, int] | None = None
    refusal: str | None = None
    is_alias: bool = False
    """Whether its file is somewhere else, and this is one more name of it."""

    def must_be_run(self) -> bool:
        """Tell whether it is a run though its file cannot be asked for."""
        return (
            self.name == _OWN
            or _RUN_NAME.fullmatch(self.name) is not None
            or os.path.lexists(self.events)
        )


def run_order(events: Path) -> tuple[str, int, str]:
    """Return what runs are sorted by, oldest first: the time in the name, then its number."""
    name = events.parent.name
    match = _RUN_NAME.fullmatch(name)
    if match is None:
        return "", 0, name
    return match[1], int(match[2] or 0), name
