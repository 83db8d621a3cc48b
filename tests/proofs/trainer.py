"""A training that writes telemetry in real time, or hosts exporters; a process to be killed.

Usage: ``python -m tests.proofs.trainer write FILE SECONDS``, ``… host PORT COUNT`` or
``… replay RECORDING SPEED ADDRESS``
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from threading import Event

from sanctum_exporter import SanctumExporter
from sanctum_exporter.simulation import Simulation
from tests.growing import relive
from tests.live import live_event


def write(file: Path, seconds: float) -> None:
    """Write a run of 20 batches that is over after so many seconds."""
    batches, epochs = 20, 10
    simulation = Simulation(batches=batches, epochs_per_episode=epochs)
    epoch_seconds = seconds / (batches * epochs)
    with file.open("ab", buffering=0) as output:
        for _, lines in zip(range(batches * epochs), simulation.epochs(), strict=False):
            output.write(b"".join(line + b"\n" for line in lines))
            time.sleep(epoch_seconds)


def host(port: int, count: int) -> None:
    """Run so many exporters on ports one after the other, each with a run of hours."""
    simulations = []
    for number in range(count):
        exporter = SanctumExporter(f"127.0.0.1:{port + number}", strict=True)
        exporter.start()
        simulations.append((exporter, Simulation(seed=number).epochs()))
    while True:
        for exporter, epochs in simulations:
            for line in next(epochs):
                exporter.emit(live_event(line))
        time.sleep(5)


def replay(recording: str, speed: float, address: str) -> None:
    """Play a recording through the exporter of a training process, from its beginning."""
    exporter = SanctumExporter(address, final_scrape_wait_seconds=20, strict=True)
    exporter.start()
    for line in relive(recording, speed, Event()):
        exporter.emit(live_event(line))
    exporter.close()


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), float(sys.argv[3]))
    elif sys.argv[1] == "replay":
        replay(sys.argv[2], float(sys.argv[3]), sys.argv[4])
    else:
        host(int(sys.argv[2]), int(sys.argv[3]))
