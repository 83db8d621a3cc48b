"""A thread that takes snapshots of a live aggregator where nobody else does.

It has to be asked for: esper-lite takes a snapshot under the lock that training events wait for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Final

_log = logging.getLogger(__name__)

_JOIN_SECONDS: Final = 0.2


class Refresher:
    """Takes a snapshot from its own thread where nobody else has for some time.

    Args:
        take: takes one, which is published on its way.
        age_seconds: how old the newest snapshot is, None if there is none.
        interval_seconds: how old it may become.

    Raises:
        ValueError: if the interval is not above 0.
    """

    def __init__(
        self,
        take: Callable[[], object],
        age_seconds: Callable[[], float | None],
        interval_seconds: float,
    ) -> None:
        if interval_seconds <= 0:
            raise ValueError(f"refresh_seconds is {interval_seconds:g}; give seconds above 0")
        self._take = take
        self._age_seconds = age_seconds
        self._interval_seconds = interval_seconds
        self._failed = False
        self._stop = Event()
        self._thread = Thread(target=self._run, name="sanctum-exporter-refresh", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Tell the thread to end."""
        self._stop.set()

    def join(self) -> None:
        """Wait for the thread; one that waits for a snapshot ends as soon as it has it."""
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        wait = 0.0
        while not self._stop.wait(wait):
            age = self._age_seconds()
            if age is None or age >= self._interval_seconds:
                self._refresh()
                wait = self._interval_seconds
            else:
                wait = self._interval_seconds - age

    def _refresh(self) -> None:
        try:
            self._take()
        except Exception:  # noqa: BLE001 - not ours, and nobody else would see it
            if not self._failed:
                self._failed = True
                with suppress(Exception):
                    _log.warning(
                        "no snapshot can be taken of the attached aggregator, so its values get "
                        "old and /-/ready fails; the error is its own",
                        exc_info=True,
                    )
