"""An exporter at an address: metrics, health and page of a source, served."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from sanctum_exporter import logs
from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.view.history import History
from sanctum_exporter.web.address import DEFAULT_TELEMETRY_PATH, ListenAddress
from sanctum_exporter.web.api import Api
from sanctum_exporter.web.app import Site
from sanctum_exporter.web.page import pages
from sanctum_exporter.web.recorder import Recorder
from sanctum_exporter.web.server import Access, WebServer


def serve(
    source: ReadingSource,
    address: ListenAddress,
    *,
    origin: str,
    detail: Callable[[], str | None] = lambda: None,
    not_ready: Callable[[], str | None] = lambda: None,
    telemetry_path: str = DEFAULT_TELEMETRY_PATH,
    run_label: bool = False,
    access: Access | None = None,
) -> WebServer:
    """Serve a source until the returned server is closed.

    Args:
        source: what to serve.
        address: where to listen; port 0 takes any free one.
        origin: what the page calls the source.
        detail: says, on the page, which part of the source is served; None for all of it.
        not_ready: says why the exporter does not do its job, None while it does.
        telemetry_path: where the metrics are.
        run_label: give every series of a group the label ``run``.
        access: who may ask; everybody, over plain HTTP, without it.

    Raises:
        OSError: if the address cannot be had; the message names it.
    """
    registry = own_registry()
    registry.register(SanctumCollector(source, run_label=run_label))
    history = History()
    recorder = Recorder(source, history)
    api = Api(
        source,
        history,
        origin=lambda: " · ".join(filter(None, (origin, detail()))),
        not_ready=not_ready,
        telemetry_path=telemetry_path,
    )
    site = Site(registry, not_ready, {**pages(api), **api.pages()}, telemetry_path)
    server = WebServer(address, site, access, at_close=recorder.close)
    recorder.start()
    if access is None and not server.address.is_loopback:
        logs.warning(
            "everybody who reaches %s can read what is served there; a web configuration file "
            "(--web.config.file, web_config_file) asks for certificates or passwords",
            server.address,
        )
    return server


def own_registry() -> CollectorRegistry:
    """Return a registry of our own with the usual ``process_*`` and ``python_*`` metrics."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
