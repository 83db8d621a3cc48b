"""What it takes to be there: time to import and to answer, memory and threads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.client import HTTPConnection
from importlib.util import find_spec

from benchmarks.children import scrape, serving
from benchmarks.harness import Comparison, Missing, Scale, Way

QUANTITIES = (
    "import, ms",
    "start to first scrape, ms",
    "memory (RSS), MB",
    "threads, while scraped",
)


def comparisons(scale: Scale) -> Iterator[Comparison]:
    """Compare fresh processes that serve metrics."""
    del scale
    yield Comparison(
        "A fresh process that serves `/metrics`",
        QUANTITIES,
        _way("ours", "ours"),
        [_way("prometheus_client alone", "prometheus"), _opentelemetry()],
        _way("a fixed answer from a socket", "fixed"),
    )


def _opentelemetry() -> Way | Missing:
    name = "OpenTelemetry's SDK with its Prometheus exporter"
    if find_spec("opentelemetry.exporter.prometheus") is None:
        return Missing(name, "opentelemetry-exporter-prometheus is not installed")
    return _way(name, "opentelemetry_server")


def _way(name: str, way: str) -> Way:
    def sample() -> list[float]:
        with serving(way) as child:
            connection = HTTPConnection("127.0.0.1", child.port)
            scrape(connection)
            answered = time.perf_counter() - child.began
            memory, threads = child.status("VmRSS") / 1024, child.status("Threads")
            connection.close()
        return [child.import_seconds * 1e3, answered * 1e3, memory, threads]

    return Way(name, sample)
