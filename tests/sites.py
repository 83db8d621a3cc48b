"""Sites with next to nothing on them, for what serves them."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from sanctum_exporter.web.address import DEFAULT_TELEMETRY_PATH
from sanctum_exporter.web.app import Site
from sanctum_exporter.web.content import HTML, Content


def site(
    page: Callable[[], str] = lambda: "page",
    registry: CollectorRegistry | None = None,
    telemetry_path: str = DEFAULT_TELEMETRY_PATH,
) -> Site:
    """Return a site that is ready and has one page."""
    return Site(
        registry or CollectorRegistry(),
        lambda: None,
        {"/": lambda _query: Content(HTML, page().encode())},
        telemetry_path,
    )
