"""Publish beside metrics of your own, in the registry that your program serves already."""

import os

from esper.nissa import get_hub
from esper.scripts import train
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from sanctum_exporter import SanctumExporter


def main() -> None:
    registry = CollectorRegistry()
    Gauge("learning_rate", "Of the policy's optimizer.", registry=registry).set(0.0003)
    hub = get_hub()
    hub.add_backend(SanctumExporter(registry=registry, hub=hub))
    host, port = os.environ.get("METRICS_ADDRESS", "127.0.0.1:10500").split(":")
    server, thread = start_http_server(int(port), host, registry)
    try:
        train.main()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":
    main()
