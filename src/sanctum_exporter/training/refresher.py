"""A thread that takes snapshots of a live aggregator where nobody else does.

It has to be asked for: esper-lite takes a snapshot under the lock that training events wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import TIMEOUT_MAX, Event, Thread
from types import TracebackType
from typing import Final

from sanctum_exporter import logs

_JOIN_SECONDS: Final = 0.2


class Refresher:
    """Takes a snapshot from its own thread where nobody else has for some time.

    Args:
        take: takes one, which is published on its way.
        age_seconds: how old the newest snapshot is, None if there is none.
        interval_seconds: how old it may become.
        failed: is told why none could be taken.
    """

    def __init__(
        self,
        take: Callable[[], object],
        age_seconds: Callable[[], float | None],
        interval_seconds: float,
        failed: Callable[[str], None],
    ) -> None:
        self._take = take
        self._age_seconds = age_seconds
        self._interval_seconds = min(interval_seconds, TIMEOUT_MAX)
        self._failed = failed
        self._logged = False
        # Not the error itself, which would keep alive all that its traceback leads to.
        self._raised_id = 0
        self._raised_entries = 0
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
        except Exception as error:  # noqa: BLE001 - not ours, and nobody else would see it
            self._failed(f"no snapshot can be taken: {logs.describe(error)}")
            if not self._logged:
                self._logged = True
                logs.warning(
                    "no snapshot can be taken of the attached aggregator, so its values get old "
                    "and /-/ready fails; the error is its own",
                    exc_info=True,
                )
            self._shorten(error)

    def _shorten(self, error: Exception) -> None:
        """Take this call off the traceback of an error.

        An aggregator that has failed raises the same error for ever, and each time its traceback
        would grow by the functions that it passed.
        """
        entries = list(_entries(error.__traceback__))
        # The first is ours; those that came since the last time are on top of the old ones.
        kept = entries[1:]
        if self._raised_id == id(error):
            kept = kept[max(0, len(kept) - self._raised_entries) :]
        self._raised_id, self._raised_entries = id(error), len(kept)
        # The plain way, because an error may refuse to have an attribute set.
        BaseException.with_traceback(error, kept[0] if kept else None)


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next
