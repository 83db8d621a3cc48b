"""What was scraped while a run went on, beside what is backfilled of its recording."""

from __future__ import annotations

import math
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from sanctum_exporter.simulation import Simulation
from tests.grafana import prometheus
from tests.processes import exporter
from tests.stack.backfilling import Points, StackTool, backfill

pytestmark = pytest.mark.stack

JITTER_SECONDS = 5
"""A scrape may miss lines that were written so long before it: a poll of the file may be late."""
GROWING = (
    "sanctum_run_epochs_completed",
    "sanctum_seeds_germinated_total",
    "sanctum_seeds_pruned_total",
    "sanctum_last_event_timestamp_seconds",
)
Group = tuple[str, str, str]
"""Metric, run and group."""


def test_what_was_scraped_live_is_what_is_backfilled(stack_tool: StackTool, tmp_path: Path) -> None:
    """Each value that a real Prometheus scraped of ``watch`` is one that the recording had then.

    The two stand in the same series, and end at the same values.
    """
    stack_tool("prometheus")
    path = tmp_path / "runs" / "live" / "events.jsonl"
    path.parent.mkdir(parents=True)
    path.touch()
    simulation = Simulation(groups=("A", "B"))
    with exporter("watch", str(tmp_path / "runs"), "--all-runs") as watching:
        target = prometheus.Target("live", "watch", watching.url.removeprefix("http://"))
        with prometheus.running([target]) as server:
            for epochs, lines in enumerate(islice(simulation.epochs(), 8), start=1):
                with path.open("ab") as file:
                    file.writelines(line + b"\n" for line in lines)
                # So that each state is scraped before the next one comes.
                server.wait_for(f"min(sanctum_run_epochs_completed) == {4 * epochs}")
            live = scraped(server)
    done = backfill(stack_tool, tmp_path / "runs", "-o", tmp_path / "out", "--step", "1s")
    assert done.returncode == 0, done.stderr
    past = backfilled(tmp_path / "out" / "live.om")
    assert live.keys() == past.keys()
    assert len(live) == 2 * len(GROWING)
    for key, points in live.items():
        assert len(set(points.values())) > 1 or "pruned" in key[0], key
        first, last = min(past[key]), max(past[key])
        for at, value in points.items():
            before = min(max(math.floor(at) - JITTER_SECONDS, first), last)
            after = min(max(math.ceil(at), first), last)
            low = past[key][before] if at - JITTER_SECONDS >= first else 0
            assert low <= value <= past[key][after], (key, at)
        assert points[max(points)] == past[key][last], key


def scraped(server: prometheus.Prometheus) -> dict[Group, Points]:
    """Return all samples that a Prometheus has, at the times at which they were scraped."""
    names = "|".join(GROWING)
    answer = server.instant(f'{{__name__=~"{names}"}}[1h]', time.time())
    return {
        (labels["__name__"], labels["run"], labels["group_id"]): {
            float(at): float(value) for at, value in row["values"]
        }
        for row in answer["result"]
        for labels in [row["metric"]]
    }


def backfilled(path: Path) -> dict[Group, Points]:
    """Return the same of a file of OpenMetrics."""
    parse: Any = text_string_to_metric_families
    found: dict[Group, Points] = {}
    for family in parse(path.read_text("utf-8")):
        for sample in family.samples:
            if sample.name in GROWING:
                key = sample.name, sample.labels["run"], sample.labels["group_id"]
                found.setdefault(key, {})[float(sample.timestamp)] = sample.value
    return found
