"""What happens in a rehearsal: files that grow, and exporters that come and go.

Everything is at seconds of the rehearsal, which begins at 0, as the clock of ``promtool`` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from sanctum_exporter.files.runs import Follower, is_needed
from sanctum_exporter.readings import Activity, GroupReading, ReadingSource
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.telemetry.decode import decode
from sanctum_exporter.telemetry.events import Event

# esper-lite's writer flushes so many events at once.
FLUSH_LINES: Final = 10


class TimedLine(NamedTuple):
    """A line of telemetry, and when it is written."""

    at: float
    text: bytes


class Clock:
    """The time of the rehearsal, which only goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the seconds since its beginning."""
        return self.now


class Shifted:
    """Decodes recorded lines, and gives their events the time that they have in the rehearsal.

    Args:
        seconds: what is taken off the time of every event.
    """

    def __init__(self, seconds: float) -> None:
        self._shift = timedelta(seconds=seconds)

    def __call__(self, line: bytes) -> Event:
        """Return the event of a line.

        Raises:
            RejectedEventError: if the line cannot be read.
        """
        event = decode(line)
        if event.timestamp is None:
            return event
        return msgspec.structs.replace(event, timestamp=event.timestamp - self._shift)


class Writer:
    """A training that writes a telemetry file.

    Args:
        path: the file.
        lines: what it writes, in the order of their times.
        killed_at: when it is killed, with what it has not flushed.
    """

    def __init__(self, path: Path, lines: Iterable[TimedLine], killed_at: float = inf) -> None:
        self._path = path
        self._lines = iter(lines)
        self._next = next(self._lines, None)
        self._killed_at = killed_at
        self._unflushed: list[bytes] = []

    def write(self, now: float) -> None:
        """Write what is flushed by now."""
        flushed: list[bytes] = []
        while self._next is not None and self._next.at <= min(now, self._killed_at):
            self._unflushed.append(self._next.text + b"\n")
            self._next = next(self._lines, None)
            if len(self._unflushed) == FLUSH_LINES or self._next is None:
                flushed += self._unflushed
                self._unflushed = []
        if flushed:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.writelines(flushed)


Ending: TypeAlias = Literal["killed", "closed", "waits"]
"""Without a word; with a last push; or with that and a last scrape, which it waits for."""


class Exporter(Protocol):
    """An exporter's process: when it is there, and what it publishes."""

    instance: str
    start: float
    end: float
    ending: Ending
    run_label: bool

    def go_on(self, now: float) -> ReadingSource:
        """Return what it publishes at a moment."""
        ...


class InTraining:
    """The exporter in a training process, which hears the events themselves.

    Args:
        lines: what the training says.
        start: when the process begins.
        end: when it ends.
        clock: the time of the rehearsal.
        decode_line: returns the event of a line.
        ending: how it ends; whoever closes it ends its run on purpose.
        instance: its label.
    """

    run_label = False

    def __init__(
        self,
        lines: Iterable[TimedLine],
        start: float,
        end: float,
        clock: Clock,
        decode_line: Any = decode,
        *,
        ending: Ending = "killed",
        instance: str = "training",
    ) -> None:
        self.instance, self.start, self.end, self.ending = instance, start, end, ending
        self._lines = iter(lines)
        self._next = next(self._lines, None)
        self._number = 0
        self._intake = Intake(
            Groups(placeholder=True, clock=clock), instance, decode_line, clock=clock
        )

    def go_on(self, now: float) -> ReadingSource:
        """Return what it publishes at a moment."""
        while self._next is not None and self._next.at <= min(now, self.end):
            self._number += 1
            self._intake.line(self._next.text, self._number)
            self._next = next(self._lines, None)
        if self.ending != "killed" and now >= self.end:
            self._intake.end()
        return self._intake


class Watching:
    """The exporter that follows files, as ``watch`` does.

    Args:
        follower: reads the files.
        start: when it begins.
        end: when it ends.
        ending: how it ends.
        run_label: whether series say which run they are of.
        instance: its label.
    """

    def __init__(
        self,
        follower: Follower,
        start: float = 0.0,
        end: float = inf,
        *,
        ending: Ending = "killed",
        run_label: bool = False,
        instance: str = "watch",
    ) -> None:
        self.instance, self.start, self.end, self.ending = instance, start, end, ending
        self.run_label = run_label
        self._follower = follower
        self._on_duty = True

    def go_on(self, now: float) -> ReadingSource:
        """Return what it publishes at a moment."""
        self._on_duty = self.ending == "killed" or now < self.end
        while self._follower.poll():
            pass
        return self

    def readings(self) -> Sequence[GroupReading]:
        """Return the groups that the files publish."""
        return self._follower.readings()

    def activity(self) -> Activity:
        """Return the counts of the files' events."""
        return replace(
            self._follower.activity(),
            source_failure=self._follower.failure,
            on_duty=self._on_duty and is_needed(self._follower),
        )


@dataclass(frozen=True)
class Scenario:
    """What happens: who writes, who exports, and until when it is looked at."""

    clock: Clock
    exporters: Sequence[Exporter]
    until: float
    writers: Sequence[Writer] = ()
