from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from prometheus_client import CollectorRegistry, generate_latest

from benchmarks import recordings, scrape
from benchmarks.harness import Comparison, Missing, Row, Way, measure
from benchmarks.page import render
from benchmarks.ways import opentelemetry, prometheus
from benchmarks.ways.hook import CarefulGroup, Group, Hook
from sanctum_exporter import SanctumExporter
from sanctum_exporter.catalogue import GROUP_METRICS
from tests.recordings import ROOT
from tools.stack import locate

EMIT = "A live event through `emit`, of the mix in `ppo_single`"
SCRAPE = "A scrape of {} envs, from state to text"
GET = "A GET of `/metrics` over loopback, while 10,000 events a second arrive"
FRESH = "A fresh process that serves `/metrics`"
RECOUNTS = ("a recount of every slot", "a recount in a copied snapshot")
OTEL_EXPORTER = "OpenTelemetry's Prometheus exporter, the same metrics"
OTEL_SERVER = "OpenTelemetry's SDK with its Prometheus exporter"
DUCKDB = "DuckDB, the same columns, 1 thread"
MTAIL = "mtail, one count of the three, with its start"
ORIGINAL = "esper-lite's own `process_event`"
WITHOUT = "without the hook"
READERS = ("`json.loads` of each line, dropped", DUCKDB, MTAIL, "`wc -l`")
EXPECTED = [
    (EMIT, "prometheus_client's gauges, set at each event"),
    (EMIT, "the same, only those set that change"),
    (EMIT, "OpenTelemetry's instruments, only those set that change"),
    (EMIT, ORIGINAL),
    *((SCRAPE.format("16"), name) for name in (*RECOUNTS, OTEL_EXPORTER)),
    *((SCRAPE.format("1,024"), name) for name in (*RECOUNTS, OTEL_EXPORTER)),
    ("The same scrape of ours: 1,024 envs", "ours of 16 envs"),
    *((GET, "prometheus_client's own server, with the hook of the rows above") for _ in range(2)),
    *(
        (f"A file of a real PPO run into counts, by {way}", name)
        for way in ("`inspect`", "`watch`", "`watch --all-runs`, 4 runs")
        for name in READERS
    ),
    *((FRESH, name) for _ in range(4) for name in ("prometheus_client alone", OTEL_SERVER)),
]
# The life of the run, and its name, which each library writes in another way.
LEFT_OUT = {
    "sanctum_run_info",
    "sanctum_run_state",
    "sanctum_run_remaining_seconds",
    "sanctum_run_longest_silence_seconds",
    "sanctum_run_epochs_completed",
    "sanctum_seeds_expected",
}
HOOK_SERIES = {metric.name for metric in GROUP_METRICS} - LEFT_OUT
REASONS = {
    DUCKDB: None if find_spec("duckdb") else "duckdb is not installed",
    OTEL_EXPORTER: None
    if find_spec("opentelemetry.exporter.prometheus")
    else "opentelemetry-exporter-prometheus is not installed",
    MTAIL: None if locate("mtail") else "mtail is not there",
    ORIGINAL: "esper-lite cannot be imported" if recordings.NO_ORIGINAL else None,
}
REASONS[OTEL_SERVER] = REASONS[OTEL_EXPORTER]


def table(page: str) -> Iterator[list[str]]:
    """Yield the cells of each row, with what stands once above several rows in all of them."""
    what = ""
    for line in page.splitlines():
        if line.startswith("| ") and not line.startswith(("| what ", "| --- ")):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            what = cells[0] or what
            yield [what, *cells[1:]]


def test_every_benchmark_runs_and_each_row_has_its_numbers_or_says_why_not(tmp_path: Path) -> None:
    """The table never leaves out silently what its maker could not run."""
    output = tmp_path / "performance.md"
    command = [sys.executable, "-m", "benchmarks", "--small", "--output", str(output)]
    subprocess.run(command, cwd=ROOT, check=True)
    rows = list(table(output.read_text("utf-8")))
    by_hand = [row for row in rows if row[0].startswith("A real training with the hook")]
    assert by_hand
    assert rows[-len(by_hand) :] == by_hand
    del rows[-len(by_hand) :]
    assert [(what, name) for what, name, *_ in rows] == EXPECTED
    for _, name, _, ours, theirs, ratio, aim, floor in rows:
        reason = REASONS.get(name)
        if reason is not None:
            assert ratio.startswith(f"not measured here: {reason}")
            assert (ours, theirs, aim, floor) == ("", "", "", "")
        else:
            assert "not measured" not in ratio
            numbers = [ours, theirs, *re.findall(r"[\d.e,-]+", ratio), floor.split(" ")[0]]
            assert len(numbers) == 6
            assert all(float(number.replace(",", "")) > 0 for number in numbers)


@pytest.mark.parametrize("new_group", [Group, CarefulGroup])
@pytest.mark.parametrize("recording", ["ppo_single", "ab"])
def test_the_hook_that_ours_is_compared_with_publishes_what_ours_does(
    recording: str, new_group: type[Group]
) -> None:
    """A cheaper hook that published something else would be no comparison."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    exporter = SanctumExporter(registry=ours, strict=True)
    exporter.start()
    hook = Hook(prometheus.Instruments(theirs), new_group)
    for number, event in enumerate(recordings.live_events(recording)):
        exporter.emit(event)
        hook.emit(event)
        if number % 200 == 0:
            assert samples(theirs) == samples(ours)
    assert samples(theirs) == samples(ours)
    assert len(samples(ours)) > 20
    exporter.close()


def samples(registry: CollectorRegistry) -> set[str]:
    """Return the series of a group that hooks publish, with their values, labels sorted."""
    found = set()
    for line in generate_latest(registry).decode().splitlines():
        name, _, rest = line.partition("{")
        if name in HOOK_SERIES:
            labels, _, value = rest.partition("} ")
            found.add(f"{name} {sorted(labels.split(','))} {float(value):.9g}")
    return found


def test_opentelemetrys_instruments_are_given_the_same_numbers() -> None:
    """One hook drives both metrics libraries, and sets in each what it sets in the other."""
    reader, registry = InMemoryMetricReader(), CollectorRegistry()
    hooks = [
        Hook(opentelemetry.Instruments(reader), CarefulGroup),
        Hook(prometheus.Instruments(registry), CarefulGroup),
    ]
    for event in recordings.live_events("ab"):
        for hook in hooks:
            hook.emit(event)
    data = reader.get_metrics_data()
    assert data is not None
    there = sorted(
        point.value
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        for point in metric.data.data_points
        if isinstance(point, NumberDataPoint)
    )
    here = sorted(
        sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    )
    assert there == pytest.approx(here)


def test_a_recount_gives_the_values_of_ours() -> None:
    """The recounts publish the slots that ours has counted all along."""
    intake = scrape.filled(16)
    envs = scrape.envs_of(16)
    expected = samples(scrape.registry_of(intake))
    for copied in (False, True):
        source = scrape.Recounted(intake, envs, copied=copied)
        assert samples(scrape.registry_of(source)) == expected
    assert any("sanctum_active_slots" in line and line.endswith(" 16") for line in expected)


def counting(*values: float) -> Way:
    """Return a way whose samples are these, the first of them before it counts."""
    coming = iter([math.nan, *values])
    return Way("theirs", lambda: [next(coming)], {"s": 2})


def test_a_ratio_is_that_of_two_samples_of_one_round() -> None:
    """A slow minute slows both, and so leaves their ratio as it is."""
    ours, floor = counting(1, 10, 2), counting(1, 1, 1)
    theirs = counting(3, 30, 2)
    (row,) = measure(Comparison("what", ["s"], ours, [theirs], floor), rounds=3)
    assert (row.ours, row.theirs, row.floor, row.aim) == (2, 3, 1, 2)
    assert row.ratio == (2, 3, 3)


def test_each_round_goes_the_other_way_round() -> None:
    """What comes after a greedy way would otherwise always pay for it."""
    order: list[str] = []

    def way(name: str) -> Way:
        def sample() -> list[float]:
            order.append(name)
            return [1.0]

        return Way(name, sample)

    measure(Comparison("what", ["s"], way("a"), [way("b")], way("c")), rounds=2)
    assert order == [*"abc", *"abc", *"cba"]


def test_the_page_says_what_was_reached_what_was_missed_and_what_is_not_known() -> None:
    """Readers see at each aim whether it was kept."""
    floor = counting(1)
    rows = [
        *measure(Comparison("one", ["s"], counting(1), [counting(2)], counting(1)), 1),
        *measure(Comparison("two", ["s"], counting(1), [counting(1.5)], counting(1)), 1),
        *measure(Comparison("three", ["s"], counting(1), [Missing("x", "no x")], floor), 1),
    ]
    page = render(rows, rounds=1, machine="a machine", versions="some versions")
    assert [cells[5:7] for cells in table(page)] == [
        ["**2** (2 to 2)", "2: reached"],
        ["**1.5** (1.5 to 1.5)", "2: missed"],
        ["not measured here: no x", ""],
    ]
    assert "a machine" in page
    assert "some versions" in page


def test_a_row_kept_in_a_file_is_the_row_that_was_measured() -> None:
    """What was measured by hand, or by another Python, comes into the table unchanged."""
    (row,) = measure(Comparison("one", ["s"], counting(1), [counting(2)], counting(1)), 1)
    assert Row.from_dict(row.to_dict()) == row
