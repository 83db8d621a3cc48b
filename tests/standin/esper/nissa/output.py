"""The hub: a queue, a thread for each backend, and events dropped where a queue is full."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any

_log = logging.getLogger(__name__)


class _Pump:
    """A bounded queue and the daemon thread that empties it."""

    def __init__(self, name: str, size: int, handle: Callable[[Any], None]) -> None:
        self.name = name
        self.dropped = 0
        self.handled = 0
        self._handle = handle
        self._queue: queue.Queue[Any] = queue.Queue(size)
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, event: Any) -> None:
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self.dropped += 1

    def drain(self, timeout: float) -> bool:
        ends_at = time.monotonic() + timeout
        with self._queue.all_tasks_done:
            while self._queue.unfinished_tasks:
                if not self._queue.all_tasks_done.wait(max(0.0, ends_at - time.monotonic())):
                    return False
        return True

    def stop(self, timeout: float) -> None:
        if self._thread.is_alive():
            self.drain(timeout)
            self._queue.put(None)
            self._thread.join(timeout)

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            try:
                self._handle(event)
                self.handled += 1
            except Exception:
                self.dropped += 1
                _log.exception("Error in backend %s", self.name)
            finally:
                self._queue.task_done()
        self._queue.task_done()


class NissaHub:
    """Hands each event to every backend, from a thread of its own for each."""

    def __init__(self, max_queue_size: int = 1000, backend_queue_size: int = 100) -> None:
        self._backend_queue_size = backend_queue_size
        self._lock = Lock()
        self._backends: list[tuple[Any, _Pump]] = []
        self._closed = False
        self._pump = _Pump("NissaHubWorker", max_queue_size, self._fan_out)

    def add_backend(self, backend: Any) -> None:
        if self._closed:
            raise RuntimeError("the hub is closed")
        backend.start()
        pump = _Pump(type(backend).__name__, self._backend_queue_size, backend.emit)
        with self._lock:
            self._backends.append((backend, pump))

    def remove_backend(self, backend: Any) -> None:
        with self._lock:
            gone = [pair for pair in self._backends if pair[0] is backend]
            self._backends = [pair for pair in self._backends if pair[0] is not backend]
        for _, pump in gone:
            pump.stop(5.0)
            backend.close()

    def emit(self, event: Any) -> None:
        if not self._closed:
            self._pump.put(event)

    def flush(self, timeout: float = 10.0) -> bool:
        pumps = [self._pump, *(pump for _, pump in self._backends)]
        return all(pump.drain(timeout) for pump in pumps)

    def get_health_snapshot(self) -> dict[str, Any]:
        stats = {
            pump.name: {"dropped_events": pump.dropped, "processed_events": pump.handled}
            for _, pump in self._backends
        }
        dropped = sum(each["dropped_events"] for each in stats.values())
        return {
            "dropped_events": self._pump.dropped + dropped,
            "hub_dropped_events": self._pump.dropped,
            "backend_dropped_events": dropped,
            "backend_stats": stats,
        }

    def close(self, timeout: float = 10.0) -> None:
        if self._closed:
            return
        self._closed = True
        self._pump.stop(timeout)
        for _, pump in self._backends:
            pump.stop(timeout)
        for backend, _ in self._backends:
            try:
                backend.close()
            except Exception:
                _log.exception("Error closing %s", type(backend).__name__)

    def __del__(self) -> None:
        self.close()

    def _fan_out(self, event: Any) -> None:
        with self._lock:
            pumps = [pump for _, pump in self._backends]
        for pump in pumps:
            pump.put(event)


_hub: NissaHub | None = None


def get_hub() -> NissaHub:
    """Return the hub of the process, made at the first call."""
    global _hub
    if _hub is None:
        _hub = NissaHub()
    return _hub
