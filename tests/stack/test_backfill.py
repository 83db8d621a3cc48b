"""``sanctum-exporter backfill`` into real databases, against the recordings themselves."""

from __future__ import annotations

import gzip
import json
import math
import urllib.request
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.telemetry.decode import decode
from sanctum_exporter.telemetry.rejection import RejectedEventError
from tests import recordings
from tests.asking import ask
from tests.clocks import Clock
from tests.grafana import exporters
from tests.stack.backfilling import Labels, Points, StackTool, backfill, prometheus_with, series
from tests.stack.servers import Prometheus
from tests.stack.storage import Stack

pytestmark = pytest.mark.stack

Series = tuple[str, Labels]

TRENDS = {"falling": -1, "stable": 0, "rising": 1}
STRETCHED = ("edge", "edge_raises")
"""Recordings that were written within a second: here an event happens every 0.1 s."""
RUNS = ("ppo_single", "ab", "lifecycle_only", "proof", "heuristic", *STRETCHED)


class Past(NamedTuple):
    """Servers with every recording, backfilled at each second."""

    prometheus: Prometheus
    victoria_metrics: Prometheus


def stretched(lines: Sequence[bytes]) -> list[bytes]:
    """Return telemetry whose events are 0.1 s apart, and yesterday."""
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    found = []
    for number, line in enumerate(lines):
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict) and "timestamp" in event:
            event["timestamp"] = (begin + timedelta(seconds=0.1 * number)).isoformat()
            found.append(json.dumps(event).encode())
        else:
            found.append(line)
    return found


@pytest.fixture(scope="module")
def written() -> dict[str, list[bytes]]:
    """The lines of each run."""
    return {
        name: stretched(recordings.lines(name))
        if name in STRETCHED
        else list(recordings.lines(name))
        for name in RUNS
    }


@pytest.fixture(scope="module")
def past(
    stack_tool: StackTool,
    tmp_path_factory: pytest.TempPathFactory,
    written: dict[str, list[bytes]],
) -> Iterator[Past]:
    """A directory of runs, every other one gzip, in a Prometheus and in a VictoriaMetrics."""
    home = tmp_path_factory.mktemp("past")
    for number, (name, lines) in enumerate(written.items()):
        folder = home / "runs" / name
        folder.mkdir(parents=True)
        content = b"".join(line + b"\n" for line in lines)
        if number % 2:
            (folder / "events.jsonl.gz").write_bytes(gzip.compress(content))
        else:
            (folder / "events.jsonl").write_bytes(content)
    step = ("--step", "1s", "--label", "job=past")
    done = backfill(stack_tool, home / "runs", "-o", home / "data", "--blocks", *step)
    assert done.returncode == 0, done.stderr
    stack = Stack(stack_tool, home)
    try:
        storage = stack.victoria_metrics()
        sent = backfill(stack_tool, home / "runs", "-o", home / "sent", "--url", storage.url, *step)
        assert sent.returncode == 0, sent.stderr
        # What was imported is not seen before it has gone through memory.
        assert ask(f"{storage.url}/internal/force_flush").ok
        # A sample counts for its own second only, so that none hides that another is missing.
        with prometheus_with(stack_tool, home / "data", "--query.lookback-delta=1s") as server:
            yield Past(server, storage)
    finally:
        stack.close()


def times(lines: Sequence[bytes]) -> list[float]:
    """Return when each line was written: what its event says, and never before the one above.

    What cannot be read says nothing, not even when it was.
    """
    found: list[float] = []
    for line in lines:
        try:
            timestamp = decode(line).timestamp
        except RejectedEventError:
            timestamp = None
        at = timestamp.timestamp() if timestamp else 0.0
        found.append(max(at, found[-1] if found else 0.0))
    return found


def grid(lines: Sequence[bytes]) -> range:
    """Return the seconds from the first event to the one after the last."""
    told = [at for at in times(lines) if at]
    return range(math.ceil(told[0]), math.ceil(told[-1]) + 1)


def scraped(lines: Sequence[bytes], run: str) -> dict[Series, Points]:
    """Return what scrapes have of an exporter that reads the lines as they are written.

    It is served and asked over HTTP. What tells of today's process and machine is left out.
    """
    clock = Clock(times(lines)[0])
    intake = Intake(Groups(run=run, clock=clock), clock=clock)
    timed = iter([*zip(times(lines), lines, strict=True), (math.inf, b"")])
    at, line = next(timed)
    number = 0
    found: dict[Series, Points] = {}
    with exporters.served(intake, run_label=True) as address:
        for second in grid(lines):
            while at <= second:
                number += 1
                clock.now = at
                intake.line(line, number)
                at, line = next(timed)
            clock.now = second
            text = ask(f"http://{address}/metrics").text
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    if sample.name.startswith("sanctum_"):
                        # An empty label is none, to a database.
                        labels = frozenset((k, v) for k, v in sample.labels.items() if v)
                        key = sample.name, labels
                        found.setdefault(key, {})[float(second)] = sample.value
    found.pop(("sanctum_exporter_collect_duration_seconds", frozenset()))
    return found


def stored(server: Prometheus, run: str, lines: Sequence[bytes]) -> dict[Series, Points]:
    """Return what a range query gives of a run, without the labels that say where it is from."""
    seconds = grid(lines)
    selector = f'{{job="past", instance="{run}"}}'
    return {
        (name, labels - {("job", "past"), ("instance", run)}): points
        for (name, labels), points in series(server, selector, seconds[0], seconds[-1]).items()
        if name != "sanctum_exporter_collect_duration_seconds"
    }


@pytest.mark.parametrize("run", RUNS)
def test_a_range_query_gives_what_scrapes_would_have(
    past: Past, written: dict[str, list[bytes]], run: str
) -> None:
    """Every series of the catalogue, at every second, is what the exporter said then over HTTP."""
    lines = written[run]
    expected = scraped(lines, run)
    assert {name for name, _ in expected} >= {"sanctum_exporter_events_total"}
    assert stored(past.prometheus, run, lines) == expected


@pytest.mark.parametrize("run", [name for name in RUNS if name != "edge_raises"])
def test_a_range_query_gives_what_slots_panel_showed(
    past: Past, written: dict[str, list[bytes]], run: str
) -> None:
    """At every second each group has the values that esper-lite computed of the events so far."""
    lines = written[run]
    found = stored(past.prometheus, run, lines)
    starts = recordings.first_starts(run)
    assert starts
    compared = 0
    written_at = times(lines)
    for second in grid(lines):
        n_lines = bisect_right(written_at, second)
        latest: dict[str, dict[str, Any]] = {}
        for row in recordings.golden(run):
            if starts.get(row["group_id"], math.inf) <= row["line"] <= n_lines:
                latest[row["group_id"]] = row
        for group, row in latest.items():
            own = frozenset({("run", run), ("group_id", group)})
            values = {
                (name, labels): found[name, labels | own][float(second)]
                for (name, labels) in golden_samples(row)
            }
            assert values == golden_samples(row), (second, group)
            compared += 1
    assert compared >= 2


def golden_samples(row: dict[str, Any]) -> dict[Series, float]:
    """Return the values of esper-lite as the metrics that they are published as."""
    seeds = row["seed_lifecycle"]
    none: Labels = frozenset()
    values: dict[Series, float] = {
        ("sanctum_total_slots", none): row["total_slots"],
        ("sanctum_active_slots", none): row["active_slots"],
        ("sanctum_envs", none): row["n_envs"],
        ("sanctum_mean_epochs_in_stage", none): row["avg_epochs_in_stage"],
        ("sanctum_current_episode", none): row["current_episode"],
        ("sanctum_seeds_germinated_total", none): seeds["germination_count"],
        ("sanctum_seeds_pruned_total", none): seeds["prune_count"],
        ("sanctum_seeds_fossilized_total", none): seeds["fossilize_count"],
        ("sanctum_blend_success_ratio", none): seeds["blend_success_rate"],
        ("sanctum_mean_seed_lifespan_epochs", none): seeds["avg_lifespan_epochs"],
    }
    for stage, count in row["slot_stage_counts"].items():
        values["sanctum_slots", frozenset({("stage", stage)})] = count
    for event in ("germination", "prune", "fossilize"):
        labels = frozenset({("event", event)})
        values["sanctum_seed_rate_trend", labels] = TRENDS[seeds[f"{event}_trend"]]
    return values


@pytest.mark.parametrize("run", RUNS)
def test_victoria_metrics_has_the_same(
    past: Past, written: dict[str, list[bytes]], run: str
) -> None:
    """Every sample that was imported is exported again, at its time, and no other.

    It keeps twelve digits of a number, so a time in seconds is right to a hundredth.
    """
    expected = stored(past.prometheus, run, written[run])
    found = exported(past.victoria_metrics, run)
    assert found.keys() == expected.keys()
    for key, points in expected.items():
        assert found[key] == pytest.approx(points, rel=1e-11), key


def exported(server: Prometheus, run: str) -> dict[Series, Points]:
    """Return all samples of a run that a VictoriaMetrics has."""
    match = urllib.parse.quote(f'{{instance="{run}"}}')
    url = f"{server.url}/api/v1/export?match[]={match}&start=2020-01-01T00:00:00Z"
    found: dict[Series, Points] = {}
    with urllib.request.urlopen(url, timeout=10) as answer:
        for line in answer:
            row = json.loads(line)
            name = row["metric"].pop("__name__")
            labels = frozenset(row["metric"].items()) - {("job", "past"), ("instance", run)}
            moments = [at / 1000 for at in row["timestamps"]]
            if name != "sanctum_exporter_collect_duration_seconds":
                found[name, labels] = dict(zip(moments, row["values"], strict=True))
    return found
