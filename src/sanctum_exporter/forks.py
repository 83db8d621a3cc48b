"""Which process this is: a forked child has our objects, but none of our threads and sockets."""

from __future__ import annotations

import os

count = 0
"""Forks between the first process that imported this and the present one.

Comparing it costs a tenth of ``os.getpid()``, which every event would pay.
"""


def _count_fork() -> None:
    global count  # noqa: PLW0603 - it is a property of the process
    count += 1


os.register_at_fork(after_in_child=_count_fork)
