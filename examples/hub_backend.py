"""Serve a training run's telemetry: one line makes the exporter a backend of the hub.

Start it as you start the training: python examples/hub_backend.py ppo --task cifar_baseline
"""

import os

from esper.nissa import get_hub
from esper.scripts import train

from sanctum_exporter import SanctumExporter


def main() -> None:
    hub = get_hub()
    address = os.environ.get("METRICS_ADDRESS", "127.0.0.1:10500")
    hub.add_backend(SanctumExporter(address, hub=hub))
    train.main()


if __name__ == "__main__":
    main()
