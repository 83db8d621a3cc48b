"""Answers that many ask for, made once for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Final, NamedTuple

from sanctum_exporter.web.content import Content

FRESH_SECONDS: Final = 0.5
"""How old an answer may be: with many viewers, work is done twice a second and not for each."""
MOST_SHARE: Final = 0.05
"""The share of a core that making answers may take; one that costs much is kept for longer."""
_MOST_KEPT: Final = 32


class _Kept(NamedTuple):
    fresh_until: float
    content: Content


class Freshness:
    """Keeps a few answers while they are fresh; for any thread.

    Args:
        monotonic: seconds that only pass.
        cpu_time: seconds that the calling thread has computed.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        cpu_time: Callable[[], float] = time.thread_time,
    ) -> None:
        self._monotonic = monotonic
        self._cpu_time = cpu_time
        self._lock = Lock()
        self._kept: dict[str, _Kept] = {}

    def get(self, key: str, make: Callable[[], Content]) -> Content:
        """Return the answer that a key names, made anew if it is no longer fresh."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or self._monotonic() >= kept.fresh_until:
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                kept = self._kept[key] = self._make(make)
            return kept.content

    def _make(self, make: Callable[[], Content]) -> _Kept:
        began = self._cpu_time()
        content = make()
        cost = self._cpu_time() - began
        return _Kept(self._monotonic() + max(FRESH_SECONDS, cost / MOST_SHARE), content)
