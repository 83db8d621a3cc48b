"""A training process that emits live events at a steady rate; a program of the load test.

Usage: ``python -m tests.load.training EVENTS_A_SECOND``: prints its URL, and after the end of its
standard input how many events it has emitted, how many of them it has counted, and in how many
seconds.
"""

from __future__ import annotations

import sys
import time
from itertools import cycle
from threading import Event, Thread

from sanctum_exporter import SanctumExporter
from tests import events
from tests.asking import ask
from tests.live import live_event

_BATCHES_A_SECOND = 50


def main(events_a_second: int) -> None:
    """Emit until standard input ends."""
    exporter = SanctumExporter("127.0.0.1:0", strict=True)
    exporter.start()
    for group in "AB":
        exporter.emit(live_event(events.started(64, group_id=group)))
    ended = Event()
    Thread(target=_wait_for_the_end, args=(ended,), daemon=True).start()
    sys.stdout.write(f"{exporter.url}\n")
    sys.stdout.flush()
    lines = [events.germinated(), events.epoch_completed({"r0c0": _SEED}), events.ended("PRUNED")]
    live = cycle([live_event(line) for line in lines])
    began = time.monotonic()
    emitted = 2
    while not ended.wait(max(0.0, began + emitted / events_a_second - time.monotonic())):
        for _ in range(events_a_second // _BATCHES_A_SECOND):
            exporter.emit(next(live))
            emitted += 1
    seconds = time.monotonic() - began
    text = ask(f"{exporter.url}/metrics?name[]=sanctum_exporter_events_total").text
    counted = sum(float(line.split()[1]) for line in text.splitlines() if line[0] != "#")
    sys.stdout.write(f"{emitted} {counted:.0f} {seconds:.3f}\n")
    exporter.close()


def _wait_for_the_end(ended: Event) -> None:
    sys.stdin.read()
    ended.set()


_SEED = {"stage": "TRAINING", "epochs_in_stage": 3}

if __name__ == "__main__":
    main(int(sys.argv[1]))
