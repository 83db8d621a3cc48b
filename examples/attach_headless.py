"""Publish what the Sanctum terminal would show, where there is no terminal.

Nobody takes snapshots of the aggregator then, so the exporter is asked to take one every five
seconds, from a thread of its own. With a terminal, leave ``refresh_seconds`` out: it takes four a
second, and each is published on its way.
"""

import os

from esper.karn.sanctum import SanctumBackend
from esper.nissa import get_hub
from esper.scripts import train

from sanctum_exporter import attach


def main() -> None:
    backend = SanctumBackend()
    get_hub().add_backend(backend)
    address = os.environ.get("METRICS_ADDRESS", "127.0.0.1:10500")
    with attach(backend, listen_address=address, refresh_seconds=5):
        train.main()


if __name__ == "__main__":
    main()
