"""A recording as a scraper would have seen it: the exporter's state on a grid of times."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sanctum_exporter import thresholds
from sanctum_exporter.past.recordings import Recording, read
from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.telemetry.events import Event
from sanctum_exporter.telemetry.rejection import RejectedEventError


class Moment(NamedTuple):
    """What an exporter says at a time, in seconds since the epoch; valid until the next one."""

    at: float
    source: ReadingSource


class _Exporter:
    """The exporter that follows a recording, in the recording's own time."""

    def __init__(self, recording: Recording, now: float) -> None:
        self.now = now
        self._event: Event | RejectedEventError
        groups = Groups(run=recording.run, clock=lambda: self.now)
        self.intake = Intake(groups, str(recording.path), self._decode, clock=lambda: self.now)

    def take(self, event: Event | RejectedEventError, number: int) -> None:
        """Take in what a line says."""
        self._event = event
        self.intake.line(b"-", number)

    def _decode(self, _line: bytes) -> Event:
        if isinstance(self._event, RejectedEventError):
            raise self._event
        return self._event


def moments(
    recording: Recording, step: float, told: Callable[[float], object] = lambda _share: None
) -> Iterator[Moment]:
    """Yield the moments of a recording, at whole multiples of a step.

    The first is when the first event has happened, the last is the first one after the last event,
    so that its values are there. A silence of more than an hour is left out, but for its first
    hour: after it the run is not heard of any more.

    Args:
        recording: what happened.
        step: from one moment to the next, in seconds.
        told: is told how much of the file has been read, 0 to 1.

    Raises:
        SourceError: if it cannot be read.
    """
    exporter: _Exporter | None = None
    before: list[tuple[Event | RejectedEventError, int]] = []
    newest = at = 0.0
    for line in read(recording):
        told(line.share_read)
        if exporter is None:
            before.append((line.event, line.number))
            if not line.at:
                continue
            exporter = _Exporter(recording, line.at)
            at = _first_after(line.at, step)
            for event, number in before:
                exporter.take(event, number)
            newest = line.at
            continue
        while at < min(line.at, newest + thresholds.FORGOTTEN_SECONDS):
            exporter.now = at
            yield Moment(at, exporter.intake)
            at += step
        if at < line.at:
            at = _first_after(line.at, step)
        exporter.now = newest = line.at
        exporter.take(line.event, line.number)
    if exporter is not None:
        exporter.now = at
        yield Moment(at, exporter.intake)


def _first_after(time: float, step: float) -> float:
    """Return the first multiple of a step that is not before a time."""
    return math.ceil(time / step) * step
