"""Durations as Prometheus writes them: 90s, 5m, 1h30m; and for people."""

from __future__ import annotations

import re
from typing import Final

_UNIT_SECONDS: Final = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "y": 31536000.0,
}
_LONGEST_YEARS: Final = 100
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])")


def parse_duration(text: str) -> float:
    """Return the seconds of a duration.

    Raises:
        ValueError: if the text is no duration, or one that no timer can wait for.
    """
    if text == "0":
        return 0.0
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration: write 90s, 5m or 1h30m")
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)
    if seconds > _LONGEST_YEARS * _UNIT_SECONDS["y"]:
        raise ValueError(f"{text!r} is too long a duration: give {_LONGEST_YEARS}y or less")
    return seconds


def describe_duration(seconds: float) -> str:
    """Return a duration for people, to two units: 40 s, 5 min, 1 h 30 min, 2 d 4 h."""
    whole = round(seconds)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if not minutes:
        return f"{whole} s"
    if not hours:
        return f"{minutes} min"
    if not days:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"
