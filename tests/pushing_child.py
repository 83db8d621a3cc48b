"""A training process in little: takes in a recording, pushes it, and ends when it is told to.

    python -m tests.pushing_child URL PROTOCOL INTERVAL_SECONDS

It says "ready" after half of the recording. A line on its input makes it take in the rest and
end, without closing the push; the last it says is the moment (CLOCK_MONOTONIC) of that end.
"""

from __future__ import annotations

import logging
import sys
import time

from sanctum_exporter.sinks.otlp import PROTOCOLS, push, resolve
from tests import recordings
from tests.feeding import fed, feed


def main() -> None:
    """Run as the module says."""
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
