"""A recording fed as if its run were happening now, in its own time or faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event as Stop

import msgspec

from sanctum_exporter.telemetry.decode import decode
from sanctum_exporter.telemetry.events import Event


class Pacer:
    """Reads recorded lines, each when it is due, and gives events the time they are due as theirs.

    Alerts and dashboards look at the age of events, so recorded times would show a dead run.

    Args:
        speed: how many times faster than it was recorded.
        stop: ends the waiting when set.
        clock: seconds since the epoch.
    """

    def __init__(self, speed: float, stop: Stop, clock: Callable[[], float] = time.time) -> None:
        self._speed = speed
        self._stop = stop
        self._clock = clock
        self._began: tuple[datetime, float] | None = None

    def read(self, line: bytes) -> Event:
        """Return the event of a line, once it is due.

        Raises:
            RejectedEventError: if the line cannot be read.
        """
        event = decode(line)
        if event.timestamp is None:
            return event
        if self._began is None:
            self._began = event.timestamp, self._clock()
        recorded, began = self._began
        due = began + (event.timestamp - recorded).total_seconds() / self._speed
        self._stop.wait(max(0.0, due - self._clock()))
        return msgspec.structs.replace(event, timestamp=datetime.fromtimestamp(due, UTC))
