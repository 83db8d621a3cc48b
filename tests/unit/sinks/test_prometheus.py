"""The collector, beyond the golden exposition."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_open_metrics
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_open_metrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from sanctum_exporter.catalogue import EXPORTER_METRICS, GROUP_METRICS, labels_by_name
from sanctum_exporter.readings import (
    Activity,
    GroupReading,
    RunInfo,
    RunLife,
    SeedLifecycleStats,
    SlotSnapshot,
)
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import events

SLOTS = SlotSnapshot(1, 0, {}, 1, 0.0, 0, SeedLifecycleStats())


def exposition(intake: Intake, *, run_label: bool = False) -> str:
    """Return the text of a scrape."""
    registry = CollectorRegistry()
    registry.register(SanctumCollector(intake, run_label=run_label))
    return generate_latest(registry).decode()


def test_run_label_stands_on_every_series_of_a_group_and_on_no_other() -> None:
    """Where one exporter follows several runs."""
    intake = Intake(Groups(run="baseline"))
    intake.line(events.started(), 1)
    samples = [line for line in exposition(intake, run_label=True).splitlines() if line[0] != "#"]
    of_groups = [line for line in samples if not line.startswith("sanctum_exporter_")]
    assert len(of_groups) == 30
    assert all('run="baseline"' in line for line in of_groups)
    assert not any("run=" in line for line in samples if line not in of_groups)


def test_texts_of_users_are_escaped() -> None:
    """Group ids and tasks may hold anything."""
    intake = Intake(Groups())
    intake.line(events.started(group_id='a"b\\c\nd'), 1)
    assert 'sanctum_envs{group_id="a\\"b\\\\c\\nd"} 2.0' in exposition(intake)


def test_registering_reads_nothing() -> None:
    """A registry asks for names when a collector joins it."""

    class Untouchable:
        def readings(self) -> list[GroupReading]:
            raise AssertionError

        def activity(self) -> Activity:
            raise AssertionError

    CollectorRegistry().register(SanctumCollector(Untouchable()))


def test_catalogue_and_exposition_name_the_same_metrics_and_labels() -> None:
    """What rules and dashboards may use is what is there."""
    intake = Intake(Groups(run="r"))
    intake.line(events.started(), 1)
    registry = CollectorRegistry()
    registry.register(SanctumCollector(intake, run_label=True))
    seen = {
        sample.name: frozenset(sample.labels)
        for family in registry.collect()
        for sample in family.samples
    }
    assert seen == labels_by_name()
    assert len(seen) == len(GROUP_METRICS) + len(EXPORTER_METRICS) == 32


def test_in_open_metrics_the_kinds_are_real_and_the_names_and_values_the_same() -> None:
    """A strict parser takes the state set, the infos and the units; no sample differs."""
    intake = Intake(Groups())
    intake.line(events.started(), 1)
    registry = CollectorRegistry()
    registry.register(SanctumCollector(intake, clock=lambda: 0.0))
    text = generate_open_metrics(registry).decode()  # type: ignore[no-untyped-call]
    found = {f.name: f for f in parse_open_metrics(text)}  # type: ignore[no-untyped-call]
    assert found["sanctum_run_state"].type == "stateset"
    assert found["sanctum_run"].type == "info"
    assert found["sanctum_exporter_build"].type == "info"
    of_seconds = {name for name in found if name.endswith("_seconds")}
    assert {name for name, family in found.items() if family.unit == "seconds"} == of_seconds
    assert "sanctum_run_remaining_seconds" in of_seconds

    def samples(families: Iterable[Metric]) -> list[tuple[str, dict[str, str], float]]:
        return [(s.name, s.labels, s.value) for family in families for s in family.samples]

    assert samples(found.values()) == samples(parse_text(generate_latest(registry).decode()))


def test_a_source_that_fails_is_down_and_a_run_is_counted_once() -> None:
    """What all groups are together stands on no group."""
    readings = [
        GroupReading(name, SLOTS, RunInfo(), 1.0, RunLife(under_way=True, midway=midway))
        for name, midway in (("A", True), ("B", False))
    ]

    class Source:
        def readings(self) -> list[GroupReading]:
            return readings

        def activity(self) -> Activity:
            return Activity(source_failure="cannot read it", on_duty=True)

    registry = CollectorRegistry()
    registry.register(SanctumCollector(Source()))
    lines = generate_latest(registry).decode().splitlines()
    assert "sanctum_exporter_source_up 0.0" in lines
    assert "sanctum_exporter_on_duty 1.0" in lines
    assert "sanctum_exporter_runs_under_way 2.0" in lines
    assert "sanctum_exporter_runs_midway 1.0" in lines
