"""What a scraper waits for, while events arrive in the process that it scrapes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection

from benchmarks.children import scrape, serving
from benchmarks.harness import Comparison, Scale, Way

EVENTS_PER_SECOND = 10_000
QUANTITIES = ("p50, ms", "p99, ms")


def comparisons(scale: Scale) -> Iterator[Comparison]:
    """Compare the servers."""
    load = (scale.recordings[0], str(EVENTS_PER_SECOND))
    yield Comparison(
        f"A GET of `/metrics` over loopback, while {EVENTS_PER_SECOND:,} events a second arrive",
        QUANTITIES,
        _way("ours", "ours", scale.requests, load),
        [
            _way(
                "prometheus_client's own server, with the hook of the rows above",
                "prometheus",
                scale.requests,
                load,
                aim=1,
            )
        ],
        _way("a fixed answer from a socket, no events", "fixed", scale.requests),
    )


def _way(
    name: str, way: str, requests: int, load: Sequence[str] = (), aim: float | None = None
) -> Way:
    def sample() -> list[float]:
        with serving(way, *load) as child:
            connection = HTTPConnection("127.0.0.1", child.port)
            # The first answers come while caches fill, and the events of the load are being made.
            for _ in range(requests // 10):
                scrape(connection)
            seconds = sorted(_timed_scrape(connection) for _ in range(requests))
            connection.close()
        cuts = statistics.quantiles(seconds, n=100, method="inclusive")
        return [cuts[49] * 1e3, cuts[98] * 1e3]

    return Way(name, sample, {} if aim is None else {QUANTITIES[1]: aim})


def _timed_scrape(connection: HTTPConnection) -> float:
    began = time.perf_counter()
    scrape(connection)
    return time.perf_counter() - began
