"""What could not be read: counted by reason, and logged at a bounded rate."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sanctum_exporter.events import Reason

_log = logging.getLogger(__name__)

LOG_INTERVAL_SECONDS: Final = 60.0


class Rejections:
    """Counts all that was rejected, and logs one of each reason a minute.

    Args:
        source: what the log calls the origin, for example a path.
        what: what was rejected.
        advice: what the reader of the log can do.
        clock: monotonic seconds, for the rate of the log.
    """

    def __init__(
        self,
        source: str,
        *,
        what: str = "event",
        advice: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._what = what
        self._advice = advice
        self._clock = clock
        self._counts = dict.fromkeys(Reason, 0)
        self._logged_at: dict[Reason, float] = {}
        self._unlogged = dict.fromkeys(Reason, 0)

    def add(self, reason: Reason, detail: str, line: int | None = None) -> None:
        """Count one, and log it if it is time; ``line`` is its number in a file."""
        self._counts[reason] += 1
        now = self._clock()
        if now - self._logged_at.get(reason, -LOG_INTERVAL_SECONDS) < LOG_INTERVAL_SECONDS:
            self._unlogged[reason] += 1
            return
        more = f" ({self._unlogged[reason]} more since the last such line)"
        # Noted first: a handler of the host's that fails must not make every event log.
        self._logged_at[reason] = now
        unlogged, self._unlogged[reason] = self._unlogged[reason], 0
        # The log may be a training's, whose filters and handlers may raise.
        with suppress(Exception):
            _log.warning(
                "%s: %s rejected: %s: %s%s%s",
                self._source if line is None else f"{self._source}, line {line}",
                self._what,
                reason,
                detail,
                more if unlogged else "",
                self._advice,
            )

    def counts(self) -> dict[str, int]:
        """Return how many were rejected, for every reason."""
        return {reason.value: count for reason, count in self._counts.items()}
