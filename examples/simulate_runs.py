"""Write a day of simulated runs into a directory, as esper-lite would have: four of five hours.

python simulate_runs.py DIR
"""

import sys
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sanctum_exporter.simulation import Simulation

HOUR = 3600
BATCHES, EPOCHS_PER_EPISODE, EPOCH_SECONDS = 30, 30, 20

for number in range(4):
    now = time.time() - (24 - 6 * number) * HOUR
    run = Path(sys.argv[1]) / f"telemetry_{datetime.fromtimestamp(now, UTC):%Y-%m-%d_%H%M%S}"
    run.mkdir(parents=True)
    simulation = Simulation(
        groups=("A", "B"),
        seed=number,
        batches=BATCHES,
        epochs_per_episode=EPOCHS_PER_EPISODE,
        clock=lambda: now,  # noqa: B023 - it is meant to go on
    )
    with (run / "events.jsonl").open("wb") as file:
        for lines in islice(simulation.epochs(), BATCHES * EPOCHS_PER_EPISODE):
            file.writelines(line + b"\n" for line in lines)
            now += EPOCH_SECONDS
