"""One contract, two ways: what is scraped and what is pushed cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sanctum_exporter.catalogue import labels_by_name
from sanctum_exporter.sinks.otlp import PushOptions, push
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.exporter import serve
from tests import recordings
from tests.feeding import fed
from tests.stack.storage import Stack, StackTool, Values, values
from tests.waiting import wait_for

pytestmark = pytest.mark.stack

SCRAPE = """
scrape_configs:
  - job_name: sanctum
    scrape_interval: 1s
    static_configs: [{{targets: ["{address}"]}}]
"""
MOMENT = 4000
"""A line of "ab" in the middle of both groups' runs."""
DURATION = "sanctum_exporter_collect_duration_seconds"


@pytest.fixture
def stack(stack_tool: StackTool, tmp_path: Path) -> Iterator[Stack]:
    """Servers of a test."""
    started = Stack(stack_tool, tmp_path)
    yield started
    started.close()


def at_a_moment(run: str | None) -> Intake:
    """Return what has come of a recording of two groups until a moment."""
    return fed(recordings.lines("ab")[:MOMENT], run)


def both_ways(stack: Stack, folder: Path, intake: Intake, *, run_label: bool) -> tuple[Values, ...]:
    """Return the values that a real Prometheus scraped and that VictoriaMetrics was pushed."""
    storage = stack.victoria_metrics()
    endpoint = f"{storage.url}/opentelemetry/v1/metrics"
    server = serve(intake, ListenAddress("127.0.0.1", 0), origin="test", run_label=run_label)
    handle = push(intake, PushOptions(endpoint), run_label=run_label)
    try:
        config = folder / "prometheus.yml"
        config.write_text(SCRAPE.format(address=server.address))
        prometheus = stack.prometheus(config)
        scraped = wait_for("a scrape", lambda: values(prometheus, 'job="sanctum"'), 30)
        pushed = wait_for("a push", lambda: values(storage, 'job="sanctum-exporter"'), 30)
    finally:
        handle.close()
        server.close()
    return scraped, pushed


@pytest.mark.parametrize("run", [None, "telemetry_2026-11-23_120000"])
def test_scraped_and_pushed_are_the_same(run: str | None, stack: Stack, tmp_path: Path) -> None:
    """The same names, labels and values, for every metric of the catalogue."""
    intake = at_a_moment(run)
    scraped, pushed = both_ways(stack, tmp_path, intake, run_label=run is not None)
    assert {name for name, _ in scraped} == labels_by_name().keys()
    assert scraped.keys() == pushed.keys()
    for key in scraped.keys() - {(DURATION, frozenset[tuple[str, str]]())}:
        # VictoriaMetrics keeps 12 to 15 digits.
        assert pushed[key] == pytest.approx(scraped[key], rel=1e-11), key
    if run is not None:
        assert {("run", run)} <= next(labels for name, labels in pushed if name == "sanctum_envs")
