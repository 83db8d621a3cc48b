"""The one way in: read an event, apply it, count it, and never raise.

Whatever is wrong with an event is counted by reason and logged at a bounded rate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sanctum_exporter.readings import DEFAULT_GROUP, Activity, GroupReading
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.telemetry.decode import decode
from sanctum_exporter.telemetry.events import EVENT_TYPES, Event
from sanctum_exporter.telemetry.live import LIVE_EVENTS, from_live
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError, Rejections


class Intake:
    """Feeds events to groups; a ``ReadingSource`` of what came of them, for one writer.

    Args:
        groups: the state that events change.
        source: what the log calls the origin of events, for example a path.
        read_line: returns the event of a line, or raises ``RejectedEventError``.
        advice: what the log tells its reader to do about a rejected event.
        clock: monotonic seconds, for the rate of the log.
    """

    def __init__(
        self,
        groups: Groups,
        source: str = "telemetry",
        read_line: Callable[[bytes], Event] = decode,
        *,
        advice: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._groups = groups
        self._find = groups.find
        self._read_line = read_line
        self._events = dict.fromkeys(EVENT_TYPES.values(), 0)
        self._rejections = Rejections(source, advice=advice, clock=clock)

    def line(self, line: bytes | None, number: int) -> str | None:
        """Take in a line of a telemetry file.

        Args:
            line: the line, with or without its end; a blank one is passed over, and None stands
                for one that is too long to be kept.
            number: its number in the file, from 1, for the log.

        Returns:
            The id of the group that the event went to, None if it went nowhere.
        """
        if line is None:
            self._rejections.add(
                Reason.LINE_TOO_LONG, "the line is too long to be an event", number
            )
            return None
        if line.isspace() or not line:
            return None
        return self._take(self._read_line, line, number)

    def live(self, event: Any) -> str | None:
        """Take in a live event of esper-lite; returns as ``line`` does."""
        try:
            name: str = event.event_type._name_
            change = LIVE_EVENTS[name]
            group_id: str = event.group_id or DEFAULT_GROUP
            timestamp = event.timestamp
            aggregator = self._find(group_id) or self._groups.of(group_id)
            # Fails for what is no aware time, before anything has changed.
            newer = timestamp > aggregator.newest
            if change is not None:
                change(aggregator, event)
        except RejectedEventError as error:
            self._reject(error, None)
            return None
        except Exception:  # noqa: BLE001 - not of the usual shape, and nothing has changed
            return self._take(from_live, event, None)
        if newer:
            aggregator.newest = timestamp
        self._events[name] += 1
        return group_id

    def read(self, group_id: str) -> GroupReading | None:
        """Return one group as it is published, None if it is not."""
        return self._groups.read(group_id)

    def readings(self) -> Sequence[GroupReading]:
        """Return the published groups."""
        return self._groups.readings()

    def activity(self) -> Activity:
        """Return how many events came, by type, and were rejected, by reason."""
        return Activity(
            events=self._events.copy(),
            rejected=self._rejections.counts(),
        )

    def _take(self, read: Callable[[Any], Event], raw: object, number: int | None) -> str | None:
        try:
            event = read(raw)
            group_id = self._groups.apply(event)
        except Exception as error:  # noqa: BLE001 - the host must never see a fault of ours
            self._reject(error, number)
            return None
        self._events[EVENT_TYPES[type(event)]] += 1
        return group_id

    def _reject(self, error: Exception, number: int | None) -> None:
        if isinstance(error, RejectedEventError):
            self._rejections.add(error.reason, error.detail, number)
        else:
            # What an event of the host's raises may not even have a text.
            detail = type(error).__name__
            with suppress(Exception):
                detail = repr(error)
            self._rejections.add(Reason.INTERNAL_ERROR, detail, number)
