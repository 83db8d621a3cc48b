"""Exporters in a known state, served for a Prometheus to scrape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.exporter import serve


@contextmanager
def served(source: ReadingSource, *, run_label: bool = False) -> Iterator[str]:
    """Serve a source at any free port of this machine; gives the address to scrape."""
    server = serve(source, ListenAddress("127.0.0.1", 0), origin="harness", run_label=run_label)
    try:
        yield server.url.removeprefix("http://").rstrip("/")
    finally:
        server.close()
