"""A process that serves in one of the ways until its standard input ends.

Usage: ``python -m benchmarks.serving_child WAY [RECORDING EVENTS_PER_SECOND]``

The first line that it prints has the port, and the seconds that the way took to be imported. With a
recording, its live events arrive again and again, at an even pace, as from a training.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import cycle, islice
from threading import Event, Thread
from typing import Any

# A timer that is asked for less gives as much.
TICK_SECONDS = 0.002


def feed(
    emit: Callable[[Any], object], events: Sequence[Any], a_second: float, stopping: Event
) -> None:
    """Emit events at a pace until told to stop; what came late is caught up with."""
    coming, emitted, began = cycle(events), 0, time.perf_counter()
    while not stopping.wait(TICK_SECONDS):
        due = int((time.perf_counter() - began) * a_second) - emitted
        for event in islice(coming, due):
            emit(event)
        emitted += due


def main(way: str, recording: str = "", a_second: str = "0") -> None:
    """Serve until standard input ends."""
    began = time.perf_counter()
    module = import_module(f"benchmarks.ways.{way}")
    import_seconds = time.perf_counter() - began
    port, emit = module.serve()
    print(json.dumps({"port": port, "import_seconds": import_seconds}), flush=True)
    stopping = Event()
    if recording:
        events = import_module("benchmarks.recordings").live_events(recording)
        Thread(target=feed, args=(emit, events, float(a_second), stopping), daemon=True).start()
    sys.stdin.read()
    stopping.set()


if __name__ == "__main__":
    main(*sys.argv[1:])
