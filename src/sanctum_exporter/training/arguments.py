"""What the Python API is given, checked as the command line checks its options."""

from __future__ import annotations

import math
from operator import index
from typing import Any


def whole_number(name: str, value: Any) -> int:
    """Return a number that counts something.

    Raises:
        ValueError: if the value is not a whole number from 0 on; the message gives its name.
    """
    try:
        number = -1 if isinstance(value, bool) else index(value)
    except TypeError:
        number = -1
    if number < 0:
        raise ValueError(f"{name} is {value!r}; give a whole number, 0 or more")
    return number


def seconds_above_zero(name: str, value: Any) -> float:
    """Return seconds to wait.

    Raises:
        ValueError: if the value is not a number above 0; the message gives its name.
    """
    seconds = _number(value)
    if not seconds > 0:
        raise ValueError(f"{name} is {value!r}; give seconds above 0, for example 5")
    return seconds


def seconds_up_to(most: float, name: str, value: Any) -> float:
    """Return seconds to wait, which may be none.

    Raises:
        ValueError: if the value is not a number from 0 to the most; the message gives its name.
    """
    seconds = _number(value)
    if not 0 <= seconds <= most:
        raise ValueError(f"{name} is {value!r}; give seconds from 0 to {most:g}")
    return seconds


def _number(value: Any) -> float:
    try:
        return math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
