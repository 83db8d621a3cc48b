"""A training process in little: takes in a recording, pushes it, and ends when it is told to.

    python -m tests.pushing_child URL PROTOCOL INTERVAL_SECONDS

It says "ready" after half of the recording. A line on its input makes it take in the rest and
end, without closing the push; it says the moment (CLOCK_MONOTONIC) of that end, and last of all
how much memory it took at its peak, in KiB.
"""

from __future__ import annotations

import atexit
import logging
import re
import sys
import time
from pathlib import Path

from sanctum_exporter.sinks.otlp import PROTOCOLS, push, resolve
from tests import recordings
from tests.feeding import fed, feed


def memory_kib(field: str, process: int | str = "self") -> int:
    """Return the memory of a process that a field of Linux's ``/proc`` gives."""
    status = Path(f"/proc/{process}/status").read_text("ascii")
    match = re.search(rf"{field}:\s+(\d+) kB", status)
    assert match
    return int(match[1])


def main() -> None:
    """Run as the module says."""
    # Registered before the push is, so that it runs after the push is closed. The usage that a
    # parent is told of would be its own, of before the fork, if that is more.
    atexit.register(lambda: print(memory_kib("VmHWM"), flush=True))
    logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stderr)
    endpoint, protocol, interval = sys.argv[1:]
    lines = recordings.lines("ppo_single")
    half = len(lines) // 2
    intake = fed(lines[:half])
    options = resolve(endpoint, PROTOCOLS[PROTOCOLS.index(protocol)], float(interval))
    assert options is not None
    push(intake, options)
    print("ready", flush=True)
    sys.stdin.readline()
    feed(intake, lines[half:])
    print(time.monotonic(), flush=True)


if __name__ == "__main__":
    main()
