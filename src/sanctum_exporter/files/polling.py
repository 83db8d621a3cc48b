"""A thread that polls a follower until it is told to stop."""

from __future__ import annotations

from threading import Event, Thread
from typing import Final

from sanctum_exporter import logs
from sanctum_exporter.files.runs import Follower

POLL_SECONDS: Final = 0.25
_JOIN_SECONDS: Final = 2.0


class Following:
    """Polls a follower from its own thread, from now until ``close()``.

    Args:
        follower: what to read.
        poll_seconds: how long to wait where there is nothing new.
    """

    def __init__(self, follower: Follower, poll_seconds: float = POLL_SECONDS) -> None:
        self._follower = follower
        self._poll_seconds = poll_seconds
        self._stop = Event()
        self._fault: str | None = None
        self._logged: str | None = None
        self._thread = Thread(target=self._run, name="sanctum-exporter-follow", daemon=True)
        self._thread.start()

    def not_ready(self) -> str | None:
        """Say why the source is not being read, None while it is."""
        if not self._thread.is_alive():
            return "the follower has stopped"
        return self._fault or self._follower.failure

    def close(self) -> None:
        """Stop reading; safe to call again."""
        self._stop.set()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            more = False
            try:
                more = self._follower.poll()
                self._fault = None
            except Exception as error:  # noqa: BLE001 - one bad poll must not end the following
                self._fault = f"reading failed: {type(error).__name__}: {error}"
            if not more:
                self._log_change(self._fault or self._follower.failure)
                self._stop.wait(self._poll_seconds)

    def _log_change(self, failure: str | None) -> None:
        """Log each failure once, and its end."""
        if failure == self._logged:
            return
        self._logged = failure
        if failure is None:
            logs.info("the source is being read")
        else:
            logs.warning("not ready: %s", failure)
