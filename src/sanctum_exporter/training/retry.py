"""A thread that tries again what did not work, until it does."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread, current_thread
from typing import Final

RETRY_SECONDS: Final = 5.0
_JOIN_SECONDS: Final = 1.0


class Retry:
    """Tries something from its own thread, from time to time until it works or ``end()``.

    Args:
        attempt: tries it, and tells whether it worked; must not raise.
        interval_seconds: from one attempt to the next.
    """

    def __init__(self, attempt: Callable[[], bool], interval_seconds: float) -> None:
        self._attempt = attempt
        self._interval_seconds = interval_seconds
        self._ending = Event()
        self._thread = Thread(target=self._run, name="sanctum-exporter-retry", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let there be no further attempt; safe to call again."""
        self._ending.set()

    def join(self) -> None:
        """Wait for the thread, which an attempt keeps for a moment."""
        if self._thread is not current_thread():
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        while not self._ending.wait(self._interval_seconds):
            if self._attempt():
                return
