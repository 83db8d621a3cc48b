"""A recording fed as if its run were happening now, in its own time or faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event as Stop
from typing import Final

import msgspec

from sanctum_exporter import thresholds
from sanctum_exporter.telemetry.decode import decode
from sanctum_exporter.telemetry.events import Event
from sanctum_exporter.telemetry.times import check_believed, latest_believed

LONGEST_PAUSE_SECONDS: Final = thresholds.FORGOTTEN_SECONDS
"""How long a silence is played at most, in recorded time: after it the run counts as over anyway.

What lies between two runs in one file, which may be months, is not waited for.
"""


class Pacer:
    """Reads recorded lines, each when it is due, and gives events the time they are due as theirs.

    Alerts and dashboards look at the age of events, so recorded times would show a dead run.

    Args:
        speed: how many times faster than it was recorded.
        stop: ends the waiting when set.
        clock: seconds since the epoch; asked for the beginning only, so that setting it does not
            change the pace, and for times that are ahead of it.
        monotonic: seconds that only pass.
    """

    def __init__(
        self,
        speed: float,
        stop: Stop,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._speed = speed
        self._stop = stop
        self._clock = clock
        self._monotonic = monotonic
        self._began: tuple[datetime, float] | None = None
        self._newest = datetime.min.replace(tzinfo=UTC)
        # When the newest event was due, in seconds after the first.
        self._newest_due = 0.0

    def read(self, line: bytes) -> Event:
        """Return the event of a line, once it is due.

        Raises:
            RejectedEventError: if the line cannot be read, or its time is far ahead of the clock.
        """
        event = decode(line)
        if event.timestamp is None:
            return event
        check_believed(event.timestamp, latest_believed(self._clock()))
        if self._began is None:
            self._began = datetime.fromtimestamp(self._clock(), UTC), self._monotonic()
            self._newest = event.timestamp
        began_at, began = self._began
        due = self._due(event.timestamp)
        if self._stop.wait(max(0.0, began + due - self._monotonic())):
            due = self._monotonic() - began
        return msgspec.structs.replace(event, timestamp=began_at + timedelta(seconds=due))

    def _due(self, timestamp: datetime) -> float:
        """Return when an event is due, in seconds after the first one."""
        silence = (timestamp - self._newest).total_seconds()
        played = max(-LONGEST_PAUSE_SECONDS, min(silence, LONGEST_PAUSE_SECONDS))
        due = self._newest_due + played / self._speed
        if silence > 0:
            self._newest, self._newest_due = timestamp, due
        return due
