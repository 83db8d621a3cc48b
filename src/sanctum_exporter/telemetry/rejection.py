"""What cannot be read, and why: the exception, its reasons, and their count and log."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from sanctum_exporter import logs

LOG_INTERVAL_SECONDS: Final = 60.0


class Reason(StrEnum):
    """Why an event was rejected: the closed set of values of the label ``reason``."""

    INVALID_JSON = "invalid_json"
    INVALID_ENCODING = "invalid_encoding"
    INVALID_ENVELOPE = "invalid_envelope"
    MISSING_DATA = "missing_data"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    UNKNOWN_ENV = "unknown_env"
    LINE_TOO_LONG = "line_too_long"
    BEYOND_LIMIT = "beyond_limit"
    INTERNAL_ERROR = "internal_error"


class RejectedEventError(ValueError):
    """An event that cannot be read or applied; nothing has changed.

    Attributes:
        reason: the value it is counted under.
        detail: what is wrong, naming the field.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def unreadable(name: str, error: Exception) -> RejectedEventError:
    """Return the rejection for what msgspec says of a field, ``name`` being what has the field."""
    missing = str(error).startswith("Object missing required field")
    reason = Reason.MISSING_FIELD if missing else Reason.INVALID_FIELD
    return RejectedEventError(reason, f"{name}: {error}")


def line_too_long() -> RejectedEventError:
    """Return the rejection of a line that is too long to be kept."""
    return RejectedEventError(Reason.LINE_TOO_LONG, "the line is too long to be an event")


def check_unicode(**texts: str | None) -> None:
    """Check that texts, given by the names of their fields, can stand in labels.

    Raises:
        RejectedEventError: if one cannot be written as UTF-8; the message names its field.
    """
    for field, text in texts.items():
        if text is not None and not is_unicode(text):
            raise RejectedEventError(
                Reason.INVALID_ENCODING, f"{field} is not valid Unicode: {text!a}"
            )


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written as UTF-8, as labels must be."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
        self._logged_at[reason] = now
        unlogged, self._unlogged[reason] = self._unlogged[reason], 0
        logs.warning(
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
