"""The thread that pushes, and that nothing which happens to it can hurt the process."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Final

from opentelemetry.sdk.metrics.export import MetricsData

from sanctum_exporter import forks, logs
from sanctum_exporter.sinks.otlp.delivery import Delivery

# A process must be gone within 5 s, and has other things to close.
CLOSE_TIMEOUT_SECONDS: Final = 3.0
# An endpoint that was failing until now is given a last chance, but nobody waits for it.
_CLOSE_FAILING_TIMEOUT_SECONDS: Final = 1.0
_LONGEST_PROBLEM: Final = 500


class Pusher:
    """Pushes at once, every interval, and a last time at the end.

    The SDK's own periodic reader is not used: at exit it waits for a dead endpoint, and in a
    forked child it pushes the parent's values a second time. Nothing is queued here: values are
    totals, so the next push that succeeds carries all that failed ones would have.

    Args:
        collect: the values of this moment.
        connect: makes a way to the endpoint, whose ``send`` ends after the given seconds.
        endpoint: what the log calls the endpoint.
        interval_seconds: from one push to the next.
        timeout_seconds: what one push may take.
        clock: monotonic seconds.
        closing: what the thread waits on from push to push, and ``close`` sets.
    """

    def __init__(
        self,
        collect: Callable[[], MetricsData],
        connect: Callable[[float], Delivery],
        *,
        endpoint: str,
        interval_seconds: float,
        timeout_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        closing: Event | None = None,
    ) -> None:
        self._collect = collect
        self._connect = connect
        self._endpoint = endpoint
        self._interval_seconds = interval_seconds
        self._delivery = connect(timeout_seconds)
        self._failures = 0
        self._clock = clock
        self._closing = closing or Event()
        self._deadline = 0.0
        self._ended = False
        self._forks = forks.count
        self._thread = Thread(target=self._run, name="sanctum-exporter-otlp", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def close(self, timeout: float = CLOSE_TIMEOUT_SECONDS) -> None:
        """Push the last values and stop; takes at most ``timeout`` seconds. Safe to call again."""
        # A forked child has no thread of its own, and the values are its parent's to push.
        if forks.count != self._forks or self._closing.is_set():
            return
        atexit.unregister(self.close)
        if self._failures:
            timeout = min(timeout, _CLOSE_FAILING_TIMEOUT_SECONDS)
        self._deadline = self._clock() + timeout
        self._closing.set()
        with suppress(Exception):
            self._delivery.abort()
        self._thread.join(timeout)
        if not self._ended:
            self._note(f"no answer within {timeout:g} s at the end; the last values are lost")

    def _run(self) -> None:
        while True:
            started = self._clock()
            problem = self._push(lambda: self._delivery)
            # What close() broke off is no failure of the endpoint.
            if problem is None or not self._closing.is_set():
                self._note(problem)
            spent = self._clock() - started
            wait = max(self._interval_seconds - spent, self._delivery.retry_after_seconds)
            if self._closing.wait(wait):
                break
        remaining = self._deadline - self._clock()
        if remaining <= 0:
            return
        problem = self._push(lambda: self._connect(remaining))
        # After the deadline it is close() that tells of the failure.
        if problem is None or self._clock() < self._deadline:
            self._note(problem)
            self._ended = True

    def _push(self, connect: Callable[[], Delivery]) -> str | None:
        """Return why the values of this moment could not be delivered, None if they were."""
        try:
            data = self._collect()
            return connect().send(data)
        except Exception as error:  # noqa: BLE001 - the next push may do better
            return logs.describe(error)

    def _note(self, problem: str | None) -> None:
        """Log the first failure of a row, and its end."""
        failures, self._failures = self._failures, 0 if problem is None else self._failures + 1
        if problem is None and failures:
            # As loud as the failure was: who heard of that wants to hear of its end.
            logs.warning("OTLP push to %s works again after %d failures", self._endpoint, failures)
        elif problem is not None and not failures:
            logs.warning(
                "OTLP push to %s fails: %s (tried again every %g s; totals are kept)",
                self._endpoint,
                _one_line(problem),
                self._interval_seconds,
            )


def _one_line(text: str) -> str:
    """Return a text that an endpoint may have had a hand in as a part of one log line."""
    printable = (c if c.isprintable() else " " if c.isspace() else "?" for c in text)
    return " ".join("".join(printable).split())[:_LONGEST_PROBLEM]
