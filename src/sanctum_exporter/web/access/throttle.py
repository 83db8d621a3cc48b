"""How often something may happen: at all, and for each client."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Final

_MOST_CLIENTS: Final = 1000
# What a provider gives to one customer: whoever has one address of it has them all.
_IPV6_PREFIX_BITS: Final = 64


class TokenBucket:
    """Lets a burst through, and then one each interval.

    Args:
        interval_seconds: from one to the next.
        burst: how many at once, after long enough a silence.
        clock: monotonic seconds.
    """

    def __init__(
        self, interval_seconds: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval_seconds = interval_seconds
        self._burst = burst
        self._clock = clock
        self._lock = Lock()
        self._tokens = float(burst)
        self._filled_at = clock()

    def take(self) -> bool:
        """Take a token; returns whether there was one."""
        with self._lock:
            self._fill()
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def give_back(self) -> None:
        """Put back a token that was taken."""
        with self._lock:
            self._tokens = min(self._burst, self._tokens + 1)

    def _fill(self) -> None:
        now = self._clock()
        earned = (now - self._filled_at) / self._interval_seconds
        self._tokens = min(self._burst, self._tokens + earned)
        self._filled_at = now


class Throttle:
    """A bucket for each client, for as many clients as there is room.

    Args:
        new_bucket: makes the bucket of a client.
    """

    def __init__(self, new_bucket: Callable[[], TokenBucket]) -> None:
        self._new_bucket = new_bucket
        self._lock = Lock()
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def bucket(self, address: str) -> TokenBucket:
        """Return the bucket of a client; who was not heard of for longest loses theirs."""
        client = _network(address)
        with self._lock:
            bucket = self._buckets.get(client)
            if bucket is None:
                bucket = self._buckets[client] = self._new_bucket()
                if len(self._buckets) > _MOST_CLIENTS:
                    self._buckets.popitem(last=False)
            self._buckets.move_to_end(client)
            return bucket


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(int(parsed) >> (parsed.max_prefixlen - _IPV6_PREFIX_BITS))
