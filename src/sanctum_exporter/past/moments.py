"""A recording as a scraper would have seen it: the exporter's state on a grid of times."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sanctum_exporter import thresholds
from sanctum_exporter.past.playing import Player
from sanctum_exporter.past.recordings import Recording, read
from sanctum_exporter.readings import ReadingSource


class Moment(NamedTuple):
    """What an exporter says at a time, in seconds since the epoch; valid until the next one."""

    at: float
    source: ReadingSource


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
        SourceError: if it cannot be read, or does not tell its times.
    """
    player: Player | None = None
    newest = at = 0.0
    for line in read(recording):
        told(line.share_read)
        if player is None:
            player = Player(recording, line.at)
            newest, at = line.at, _first_after(line.at, step)
        while at < min(line.at, newest + thresholds.FORGOTTEN_SECONDS):
            player.now = at
            yield Moment(at, player.intake)
            at += step
        if at < line.at:
            at = _first_after(line.at, step)
        newest = line.at
        player.play(line)
    if player is not None:
        player.now = at
        yield Moment(at, player.intake)


def _first_after(time: float, step: float) -> float:
    """Return the first multiple of a step that is not before a time."""
    return math.ceil(time / step) * step
