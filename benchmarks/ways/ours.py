"""The exporter as a backend of the hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from sanctum_exporter import SanctumExporter


def make_hook() -> SanctumExporter:
    """Return a backend that serves nothing."""
    return SanctumExporter(None)


def serve() -> tuple[int, Callable[[Any], object]]:
    """Serve on a free port of the loopback; return it and what takes events in."""
    exporter = SanctumExporter("127.0.0.1:0", strict=True)
    exporter.start()
    port = urlsplit(exporter.url or "").port
    assert port is not None
    return port, exporter.emit
