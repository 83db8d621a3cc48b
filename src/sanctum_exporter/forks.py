"""Which process this is: a forked child has our objects, but none of our threads and sockets."""

from __future__ import annotations

import os
from threading import RLock
from typing import Final

count = 0
"""Forks between the first process that imported this and the present one.

Comparing it costs a tenth of ``os.getpid()``, which every event would pay.
"""


def _count_fork() -> None:
    global count  # noqa: PLW0603 - it is a property of the process
    count += 1


os.register_at_fork(after_in_child=_count_fork)


prevented: Final = RLock()
"""Held while a descriptor is made or closed that a forked child must know of; then nobody forks.

It is reentrant because a signal's handler may fork. Whoever holds it waits for nothing.
"""

os.register_at_fork(
    before=prevented.acquire,
    after_in_parent=prevented.release,
    after_in_child=prevented.release,
)
