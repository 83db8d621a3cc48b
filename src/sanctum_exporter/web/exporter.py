"""An exporter at an address: a publisher's metrics, health and page, served."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.web import page
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.server import Site, WebServer


def serve(
    publisher: ReadingSource,
    address: ListenAddress,
    *,
    source: str,
    not_ready: Callable[[], str | None] = lambda: None,
    telemetry_path: str = "/metrics",
    run_label: bool = False,
    registry: CollectorRegistry | None = None,
) -> WebServer:
    """Serve a publisher until the returned server is closed.

    Args:
        publisher: what to serve.
        address: where to listen; port 0 takes any free one.
        source: what the page calls the origin of the values.
        not_ready: says why the exporter does not do its job, None while it does.
        telemetry_path: where the metrics are.
        run_label: give every series of a group the label ``run``.
        registry: where to register; by default a new one with ``process_*`` and ``python_*``.

    Raises:
        OSError: if the address cannot be had; the message names it.
    """
    registry = own_registry() if registry is None else registry
    registry.register(SanctumCollector(publisher, run_label=run_label))

    def render() -> str:
        return page.render(
            publisher.readings(),
            source=source,
            telemetry_path=telemetry_path,
            not_ready=not_ready(),
        )

    return WebServer(address, Site(registry, not_ready, render, telemetry_path))


def own_registry() -> CollectorRegistry:
    """Return a registry of our own with the usual ``process_*`` and ``python_*`` metrics."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
