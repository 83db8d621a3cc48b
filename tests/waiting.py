"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

_T = TypeVar("_T")

DEADLINE_SECONDS = 30.0
_POLL_SECONDS = 0.02


def wait_for(
    what: str, condition: Callable[[], _T | None], deadline_seconds: float = DEADLINE_SECONDS
) -> _T:
    """Return the first result of a condition that is not None, False or empty.

    Raises:
        TimeoutError: if there is none in time; the message names what was waited for.
    """
    deadline = time.monotonic() + deadline_seconds
    pause = Event()
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {deadline_seconds:.0f} s")
        pause.wait(_POLL_SECONDS)
    return result


def eventually(check: Callable[[], bool]) -> None:
    """Ask again and again until a check holds; fail if it does not in time."""
    wait_for("what the test checks", check)
