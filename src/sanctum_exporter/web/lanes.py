"""Threads for requests that are whole, a few at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock, Thread, current_thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Lane(Generic[T]):
    """Does one thing after another, in the order that they come, in a few threads.

    The threads end as soon as nothing waits. For any thread.

    Args:
        work: does one; must not raise.
        threads: how many are done at once.
    """

    def __init__(self, work: Callable[[T], None], threads: int) -> None:
        self._work = work
        self._most_threads = threads
        self._lock = Lock()
        self._waiting: deque[T] = deque()
        self._threads: set[Thread] = set()

    def put(self, item: T) -> None:
        """Let an item be done.

        Raises:
            RuntimeError: if the process can have no thread to do it in; it is not done then.
        """
        with self._lock:
            self._waiting.append(item)
            if len(self._threads) == self._most_threads:
                return
            thread = Thread(target=self._run, name="sanctum-exporter-request", daemon=True)
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            with self._lock:
                self._threads.discard(thread)
                if self._threads or item not in self._waiting:
                    return
                self._waiting.remove(item)
            raise

    def give_up_last(self) -> T | None:
        """Return the item that came last, which is not done then; None if none waits."""
        with self._lock:
            return self._waiting.pop() if self._waiting else None

    def threads(self) -> list[Thread]:
        """Return the threads that are at work."""
        with self._lock:
            return list(self._threads)

    def _run(self) -> None:
        while (item := self._next()) is not None:
            self._work(item)

    def _next(self) -> T | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._threads.discard(current_thread())
            return None
