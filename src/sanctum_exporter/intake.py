"""The one way in: read an event, apply it, count it, and never raise.

Whatever is wrong with an event is counted by reason and logged at a bounded rate.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from sanctum_exporter.events import (
    EVENT_TYPES,
    Event,
    Reason,
    RejectedEventError,
    decode,
    from_host,
)
from sanctum_exporter.groups import Groups
from sanctum_exporter.snapshot import Activity, GroupReading

_log = logging.getLogger(__name__)

LOG_INTERVAL_SECONDS: Final = 60.0


class Intake:
    """Feeds events to groups; a ``Publisher`` of what came of them, for one writer.

    Args:
        groups: the state that events change.
        source: what the log calls the origin of events, for example a path.
        read_line: returns the event of a line, or raises ``RejectedEventError``.
        clock: monotonic seconds, for the rate of the log.
    """

    def __init__(
        self,
        groups: Groups,
        source: str = "telemetry",
        read_line: Callable[[bytes], Event] = decode,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._groups = groups
        self._source = source
        self._read_line = read_line
        self._clock = clock
        self._events = dict.fromkeys(EVENT_TYPES, 0)
        self._rejected = dict.fromkeys(Reason, 0)
        self._logged_at: dict[Reason, float] = {}
        self._unlogged = dict.fromkeys(Reason, 0)

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
            self._reject(Reason.LINE_TOO_LONG, "the line is too long to be an event", number)
            return None
        if line.isspace() or not line:
            return None
        return self._take(self._read_line, line, number)

    def host_event(self, event: Any) -> str | None:
        """Take in a live event of esper-lite; returns as ``line`` does."""
        return self._take(from_host, event, None)

    def read(self, group_id: str) -> GroupReading | None:
        """Return one group as it is published, None if it is not."""
        return self._groups.read(group_id)

    def readings(self) -> Sequence[GroupReading]:
        """Return the published groups."""
        return self._groups.readings()

    def activity(self) -> Activity:
        """Return how many events came, by type, and were rejected, by reason."""
        return Activity(
            events={name: self._events[struct] for struct, name in EVENT_TYPES.items()},
            rejected={reason.value: count for reason, count in self._rejected.items()},
        )

    def _take(self, read: Callable[[Any], Event], raw: object, number: int | None) -> str | None:
        try:
            event = read(raw)
            group_id = self._groups.apply(event)
        except RejectedEventError as error:
            self._reject(error.reason, error.detail, number)
            return None
        except Exception as error:  # noqa: BLE001 - the host must never see a fault of ours
            self._reject(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}", number)
            return None
        self._events[type(event)] += 1
        return group_id

    def _reject(self, reason: Reason, detail: str, number: int | None) -> None:
        self._rejected[reason] += 1
        now = self._clock()
        if now - self._logged_at.get(reason, -LOG_INTERVAL_SECONDS) < LOG_INTERVAL_SECONDS:
            self._unlogged[reason] += 1
            return
        where = self._source if number is None else f"{self._source}, line {number}"
        more = f" ({self._unlogged[reason]} more since the last such line)"
        _log.warning(
            "%s: event rejected: %s: %s%s",
            where,
            reason,
            detail,
            more if self._unlogged[reason] else "",
        )
        self._logged_at[reason] = now
        self._unlogged[reason] = 0
