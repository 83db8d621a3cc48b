"""When the counts of each series began: a receiver takes a new start for a reset.

https://opentelemetry.io/docs/specs/otel/metrics/data-model/#resets-and-gaps
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, NamedTuple

_NANOSECONDS: Final = 1_000_000_000


class _Series(NamedTuple):
    start_unix_nano: int
    counted_since: float
    value: float


class StartTimes:
    """The start of each counter's series, kept until its count starts again.

    Args:
        start_unix_nano: the start of what is there from the first moment on and does not say
            since when it has been counted.
    """

    def __init__(self, start_unix_nano: int) -> None:
        self._now = self._before = start_unix_nano
        self._series: dict[Hashable, _Series] = {}
        self._series_before: dict[Hashable, _Series] = {}

    def advance(self, now_unix_nano: int) -> None:
        """Go on to the next moment; series that the last one did not have are forgotten."""
        self._before, self._now = self._now, now_unix_nano
        self._series_before, self._series = self._series, {}

    def of(self, series: Hashable, value: float, counted_since: float) -> int:
        """Return the start of a series, in nanoseconds since the epoch.

        Args:
            series: what tells it from every other series.
            value: its count at this moment.
            counted_since: seconds since the epoch, 0 where not known.
        """
        since = int(counted_since * _NANOSECONDS)
        before = self._series_before.get(series)
        if before is None:
            start = since or self._before
        elif counted_since != before.counted_since or value < before.value:
            # The new count may have begun unseen, beside the old one: their times must not overlap.
            start = max(since, self._before)
        else:
            start = before.start_unix_nano
        self._series[series] = _Series(start, counted_since, value)
        return start
