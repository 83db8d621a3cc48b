"""Recordings on a disk: which there are, what their runs are called, and their events in order."""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from sanctum_exporter.files.directory import EVENTS_FILE
from sanctum_exporter.files.lines import SourceError, read_lines
from sanctum_exporter.files.names import run_label, shown
from sanctum_exporter.telemetry.decode import decode
from sanctum_exporter.telemetry.events import Event
from sanctum_exporter.telemetry.rejection import RejectedEventError, line_too_long
from sanctum_exporter.telemetry.times import latest_believed

_LONGEST_NAME: Final = 240
_MOST_WITHOUT_TIME: Final = 1000
_NAMES: Final = (EVENTS_FILE, f"{EVENTS_FILE}.gz")


@dataclass(frozen=True)
class Recording:
    """A recorded telemetry file, and the name of its run, as ``watch --all-runs`` labels it."""

    path: Path
    run: str


class RecordedLine(NamedTuple):
    """A line of a recording.

    Attributes:
        number: its number, from 1.
        text: as it stands there, None if it is too long to be kept.
        event: what it says; the error of a line that says nothing that can be read.
        at: when it was written, in seconds since the epoch, as far as its event and those before
            it tell: time never goes back. What stands before the first that tells is as old.
        share_read: how much of the file the lines up to this one are, roughly, 0 to 1.
    """

    number: int
    text: bytes | None
    event: Event | RejectedEventError
    at: float
    share_read: float


def find(paths: Iterable[Path]) -> tuple[list[Recording], list[str]]:
    """Return the recordings at some paths, sorted by run, and what is wrong with other paths.

    Args:
        paths: files, directories of runs, or the directory of one run.
    """
    found: dict[Path, Recording] = {}
    problems: list[str] = []
    for path in paths:
        try:
            files = list(_files(path))
        except OSError as error:
            problems.append(f"cannot read {shown(path)}: {error.strerror or error}")
            continue
        if not files:
            problems.append(f"{shown(path)} holds no {EVENTS_FILE}: give a telemetry directory")
        for file in files:
            found.setdefault(file.resolve(), Recording(file, _run(file)))
    return _told_apart(found), problems


def read(recording: Recording) -> Iterator[RecordedLine]:
    """Yield the lines of a recording that are not blank.

    Raises:
        SourceError: if it cannot be read, or none of its first lines tells its time.
    """
    latest = latest_believed(time.time())
    at = 0.0
    before: list[RecordedLine] = []
    for line in read_lines(recording.path):
        if line.text is not None and not line.text.strip():
            continue
        event = _event(line.text)
        told = None if isinstance(event, RejectedEventError) else event.timestamp
        if told is not None and told <= latest:
            at = max(at, told.timestamp())
        recorded = RecordedLine(line.number, line.text, event, at, line.share_read)
        if at:
            for earlier in before:
                yield earlier._replace(at=at)
            before.clear()
            yield recorded
        elif len(before) < _MOST_WITHOUT_TIME:
            before.append(recorded)
        else:
            break
    if not at:
        raise SourceError(
            f"{shown(recording.path)} has no event of esper-lite that tells its time: "
            "is it its telemetry?"
        )


def file_name(run: str) -> str:
    """Return a name for a file that every system takes, another one for every run.

    What is odd is written as in a URL, which readers of partitioned tables undo.
    """
    name = quote(run, safe=" ()")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:40]}-{hashlib.sha256(run.encode()).hexdigest()}"
    return f"%2e{name[1:]}" if name.startswith(".") else name


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        # Whatever may be wrong with it is told now, and not once half of the others are done.
        with path.open("rb"):
            yield path
        return
    own = _in(path)
    if own is not None:
        yield own
        return
    for entry in sorted(path.iterdir(), key=os.fsencode):
        file = _in(entry) if entry.is_dir() else None
        if file is not None:
            yield file


def _in(directory: Path) -> Path | None:
    return next((directory / name for name in _NAMES if (directory / name).is_file()), None)


def _run(file: Path) -> str:
    if file.name in _NAMES:
        return run_label(file.resolve().parent.name)
    name = file.name.removesuffix(".gz").removesuffix(".jsonl")
    return run_label(name or file.name)


def _told_apart(found: Mapping[Path, Recording]) -> list[Recording]:
    """Return the recordings sorted by run; runs of one name get numbers.

    No two are the same series then, and which number a run gets does not depend on the order in
    which paths were given.
    """
    taken = {recording.run for recording in found.values()}
    last: str | None = None
    told_apart: list[Recording] = []
    for _, recording in sorted(found.items(), key=lambda item: (item[1].run, item[0])):
        run = recording.run
        if run == last:
            numbered = (f"{run} ({number})" for number in itertools.count(2))
            run = next(name for name in numbered if name not in taken)
            taken.add(run)
        last = recording.run
        told_apart.append(Recording(recording.path, run))
    return told_apart


def _event(text: bytes | None) -> Event | RejectedEventError:
    if text is None:
        return line_too_long()
    try:
        return decode(text)
    except RejectedEventError as error:
        return error
