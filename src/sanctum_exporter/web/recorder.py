"""Notes the last minutes of a source while nobody looks, for a thousandth of a core."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from sanctum_exporter import logs
from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.view.history import STEP_SECONDS, History

_MOST_COST: Final = 0.001


class Recorder:
    """A thread that notes a moment of a source in a history, again and again.

    Args:
        source: what is noted.
        history: where to.
        clock: seconds since the epoch.
        cpu_time: seconds that the calling thread has computed.
    """

    def __init__(
        self,
        source: ReadingSource,
        history: History,
        clock: Callable[[], float] = time.time,
        cpu_time: Callable[[], float] = time.thread_time,
    ) -> None:
        self._source = source
        self._history = history
        self._clock = clock
        self._cpu_time = cpu_time
        self._closed = Event()
        self._thread = Thread(target=self._run, name="sanctum-exporter-history", daemon=True)

    def start(self) -> None:
        """Begin; where no thread can be had, there is no history, and what is served goes on."""
        try:
            self._thread.start()
        except RuntimeError as error:
            logs.warning("the last minutes are not noted: %s", error)

    def close(self) -> None:
        """End; waits for a moment that is being noted."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join()

    def note(self) -> float:
        """Note a moment; return how long to wait for the next one, in seconds."""
        began = self._cpu_time()
        try:
            self._history.note(self._source.readings(), self._clock())
        except Exception:  # noqa: BLE001 - a history is not worth a traceback in a training
            logs.debug("a moment could not be noted", exc_info=True)
        return max(STEP_SECONDS, (self._cpu_time() - began) / _MOST_COST)

    def _run(self) -> None:
        pause = 0.0
        while not self._closed.wait(pause):
            pause = self.note()
