"""A thread that polls a follower until it is told to stop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from threading import Event, Thread
from typing import Final

from sanctum_exporter import logs
from sanctum_exporter.files.runs import Follower, is_needed
from sanctum_exporter.readings import Activity, GroupReading

POLL_SECONDS: Final = 0.25
_JOIN_SECONDS: Final = 2.0
_REST_SECONDS: Final = 2.0


class Following:
    """Polls a follower from its own thread, from now until ``close()``; a ``ReadingSource``.

    Args:
        follower: what to read.
        poll_seconds: how long to wait where there is nothing new.
    """

    def __init__(self, follower: Follower, poll_seconds: float = POLL_SECONDS) -> None:
        self._follower = follower
        self._poll_seconds = poll_seconds
        self._stop = Event()
        self._on_duty = True
        self._fault: str | None = None
        self._logged: str | None = None
        self._thread = Thread(target=self._run, name="sanctum-exporter-follow", daemon=True)
        self._thread.start()

    def readings(self) -> Sequence[GroupReading]:
        """Return the groups that the follower publishes."""
        return self._follower.readings()

    def activity(self) -> Activity:
        """Return the counts of the follower's events, and why it is not being read."""
        on_duty = self._on_duty and is_needed(self._follower)
        return replace(self._follower.activity(), source_failure=self._failure(), on_duty=on_duty)

    def not_ready(self) -> str | None:
        """Say why the values are not to be relied on, None while they are."""
        return self._failure() or self._follower.waiting

    def read_the_rest(self) -> None:
        """Stop the thread and read what is there by now, within ``_REST_SECONDS``."""
        self._on_duty = False
        self.close()
        self._follower.wake()
        deadline = time.monotonic() + _REST_SECONDS
        while self._poll() and time.monotonic() < deadline:
            pass

    def close(self) -> None:
        """Stop reading; safe to call again."""
        self._stop.set()
        self._thread.join(_JOIN_SECONDS)

    def _failure(self) -> str | None:
        if not self._thread.is_alive() and not self._stop.is_set():
            return "the follower has stopped"
        return self._fault or self._follower.failure

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._poll():
                self._log_change(self.not_ready())
                self._stop.wait(self._poll_seconds)

    def _poll(self) -> bool:
        """Read a bit; tell whether there may be more at once."""
        try:
            more = self._follower.poll()
            self._fault = None
        except Exception as error:  # noqa: BLE001 - one bad poll must not end the following
            self._fault = f"reading failed: {type(error).__name__}: {error}"
            return False
        return more

    def _log_change(self, failure: str | None) -> None:
        """Log each failure once, and its end."""
        if failure == self._logged:
            return
        self._logged = failure
        if failure is None:
            logs.info("the source is being read")
        else:
            logs.warning("not ready: %s", failure)
