"""OpenTelemetry's own instruments and Prometheus exporter, behind prometheus_client's server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import CollectorRegistry, start_http_server

from benchmarks.ways import hook
from benchmarks.ways.opentelemetry import Instruments


def serve() -> tuple[int, Callable[[Any], object]]:
    """Serve on a free port of the loopback; return it and what takes events in."""
    registry = CollectorRegistry()
    backend = hook.Hook(Instruments(PrometheusMetricReader(registry=registry)), hook.CarefulGroup)
    server, _ = start_http_server(0, "127.0.0.1", registry)
    return server.server_port, backend.emit
