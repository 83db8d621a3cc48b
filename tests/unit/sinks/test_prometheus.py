"""The collector, beyond the golden exposition."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from sanctum_exporter.catalogue import EXPORTER_METRICS, GROUP_METRICS, labels_by_name
from sanctum_exporter.readings import Activity, GroupReading
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import events


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
    assert len(seen) == len(GROUP_METRICS) + len(EXPORTER_METRICS) == 31
