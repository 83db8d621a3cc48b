"""The one way in: decode an event, tell its group, count it, and never raise.

Whatever is wrong with an event is counted by reason and logged at a bounded rate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from sanctum_exporter.readings import Activity, GroupReading
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.telemetry.decode import decode, decode_usual
from sanctum_exporter.telemetry.events import EVENT_TYPES, PASSED_EVENTS, Event
from sanctum_exporter.telemetry.live import Unusual, convert, tell_usual
from sanctum_exporter.telemetry.rejection import (
    Reason,
    RejectedEventError,
    Rejections,
    line_too_long,
)


class Intake:
    """Feeds events to groups; a ``ReadingSource`` of what came of them, for one writer.

    Args:
        groups: the state that events change.
        source: what the log calls the origin of events, for example a path.
        decode_line: returns the event of a line, or raises ``RejectedEventError``.
        advice: what the log tells its reader to do about a rejected event.
        clock: monotonic seconds, for the rate of the log.
    """

    def __init__(
        self,
        groups: Groups,
        source: str = "telemetry",
        decode_line: Callable[[bytes], Event] = decode,
        *,
        advice: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._groups = groups
        self._lock = groups.lock
        self._decode_line = decode_line
        self._events = dict.fromkeys(EVENT_TYPES.values(), 0)
        self._rejections = Rejections(source, advice=advice, clock=clock)
        self._last_rejection = 0.0
        self._rejected_before_any = False

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
            self._reject(line_too_long(), number)
            return None
        if line.isspace() or not line:
            return None
        return self._take(self._decode_line, line, number)

    def block(self, block: bytes | None, number: int) -> int:
        """Take in whole lines of a telemetry file, as ``line`` does each of them, but faster.

        Args:
            block: the lines, each with its end; None stands for one that is too long to be kept.
            number: the number of the first, from 1, for the log.

        Returns:
            How many lines it has.
        """
        if block is None:
            self.line(None, number)
            return 1
        lines, n_lines = BytesIO(block), 0
        if self._decode_line is not decode:
            for n_lines, line in enumerate(lines, start=1):
                self.line(line.removesuffix(b"\n"), number + n_lines - 1)
            return n_lines
        while True:
            events, refused = decode_usual(lines)
            self._tell(enumerate(events, number + n_lines))
            n_lines += len(events)
            if refused is None:
                return n_lines
            self.line(refused, number + n_lines)
            n_lines += 1

    def live(self, event: Any) -> None:
        """Take in a live event of esper-lite."""
        try:
            name, timestamp = event.event_type._name_, event.timestamp
            if type(timestamp) is not datetime or timestamp.tzinfo is not UTC:
                raise Unusual  # noqa: TRY301 - a function to raise it would cost a call an event
            if timestamp > self._groups.believed_until:
                raise Unusual  # noqa: TRY301 - as above
            group = self._groups[event.group_id]
            if name in PASSED_EVENTS:
                # Single stores: without the lock, too, a reader sees the old time or the new one.
                group.something_happened(timestamp)
            else:
                # Not "with", which costs twice as much, and a training pays.
                self._lock.acquire()
                try:
                    tell_usual(group, name, timestamp, event)
                finally:
                    self._lock.release()
            self._events[name] += 1
        except RejectedEventError as error:
            self._reject(error, None)
        except Exception:  # noqa: BLE001 - not of the usual shape, and nothing has changed
            self._take(convert, event, None)

    def end(self) -> None:
        """Note that somebody ends the runs on purpose: none of them is under way any more."""
        self._groups.end()

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
            last_rejection_timestamp=self._last_rejection,
            counted_since=self._groups.counted_since,
        )

    def _take(self, decode: Callable[[Any], Event], raw: object, number: int | None) -> str | None:
        try:
            event = decode(raw)
        except Exception as error:  # noqa: BLE001 - a training must never see a fault of ours
            self._reject(error, number)
            return None
        return self._tell(iter([(number, event)]))

    def _tell(self, numbered: Iterator[tuple[int | None, Event]]) -> str | None:
        """Tell their groups of events; return the id of the last one's, None if it was rejected."""
        groups, counts = self._groups, self._events
        number = group = None
        more = True
        while more:
            believed_until, undated = groups.believed_until, self._rejected_before_any
            try:
                with self._lock:
                    for number, event in numbered:  # noqa: B007 - told below
                        timestamp = event.timestamp
                        if timestamp is not None and timestamp > believed_until:
                            groups.check_time(timestamp)
                        group = groups[event.group_id]
                        event.tell(group)
                        counts[EVENT_TYPES[type(event)]] += 1
                        if undated:
                            self._rejected_before_any = undated = False
                            self._last_rejection = groups.last_event_timestamp()
                more = False
            except Exception as error:  # noqa: BLE001 - as above
                # Outside the lock, which a log that nobody reads must not hold.
                self._reject(error, number)
                group = None
        return None if group is None else group.group_id

    def _reject(self, error: Exception, number: int | None) -> None:
        self._date_rejection(live=number is None)
        if isinstance(error, RejectedEventError):
            self._rejections.add(error.reason, error.detail, number)
        else:
            # What an object of somebody else's raises may not even have a text.
            detail = type(error).__name__
            with suppress(Exception):
                detail = repr(error)
            self._rejections.add(Reason.INTERNAL_ERROR, detail, number)

    def _date_rejection(self, *, live: bool) -> None:
        """Note when it was: a line of an old file that is read again is no news.

        What is rejected may not tell its time, but its neighbours do.
        """
        newest = 0.0 if live else self._groups.last_event_timestamp()
        self._rejected_before_any = not live and not newest
        self._last_rejection = newest or self._groups.now()
