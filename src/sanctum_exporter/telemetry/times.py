"""Which times of events are believed: none that is far ahead of our clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError

MOST_AHEAD_SECONDS: Final = 86_400.0
"""A zone taken for another makes half a day at most; with more, silence is not noticed for days."""


_WRITTEN: Final = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""The year in which this was written: a clock before it is not set yet, and judges nobody."""


def latest_believed(now: float) -> datetime:
    """Return the last time that is believed at a moment, given in seconds since the epoch."""
    if now < _WRITTEN:
        return datetime.max.replace(tzinfo=UTC)
    return datetime.fromtimestamp(now + MOST_AHEAD_SECONDS, UTC)


def check_believed(timestamp: datetime, latest: datetime) -> None:
    """Check the time of an event.

    Raises:
        RejectedEventError: if it is after the latest that is believed.
    """
    if timestamp > latest:
        raise RejectedEventError(
            Reason.INVALID_FIELD,
            f"timestamp {timestamp.isoformat()} is more than a day ahead of this machine's clock: "
            "set the one that is wrong",
        )
