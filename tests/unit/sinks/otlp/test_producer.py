"""The catalogue in OpenTelemetry's data model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricsData, Sum
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from sanctum_exporter.catalogue import EXPORTER_METRICS, GROUP_METRICS
from sanctum_exporter.metric import Metric
from sanctum_exporter.readings import Activity, GroupReading, ReadingSource
from sanctum_exporter.sinks.otlp.producer import Producer
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import collectors, events

Values = dict[tuple[str, frozenset[tuple[str, Any]]], float]
METRICS: tuple[Metric[Any], ...] = (*GROUP_METRICS, *EXPORTER_METRICS)
PROMETHEUS_NAMES = {metric.instrument: metric.name for metric in METRICS}
GERMINATED = "sanctum.seeds_germinated"
SECOND = 1_000_000_000


def an_intake(run: str | None = None) -> Intake:
    """Return an intake with two groups and a rejected event."""
    intake = Intake(Groups(run=run))
    for number, line in enumerate(
        (
            events.started(),
            events.started(n_envs=1, group_id="B"),
            events.germinated(),
            events.ended("SEED_PRUNED", epochs_total=7),
            events.germinated(env_id=1),
            b"{",
        )
    ):
        intake.line(line, number)
    return intake


def a_producer(source: ReadingSource, *, run_label: bool = False) -> Producer:
    """Return a producer that belongs to no process."""
    return Producer(source, Resource({"service.name": "test"}), run_label=run_label)


def metrics(data: MetricsData) -> list[Any]:
    """Return the metrics of a push."""
    return list(data.resource_metrics[0].scope_metrics[0].metrics)


def values(data: MetricsData) -> Values:
    """Return the values of a push by Prometheus name and labels."""
    return {
        (PROMETHEUS_NAMES[metric.name], frozenset(point.attributes.items())): point.value
        for metric in metrics(data)
        for point in metric.data.data_points
    }


def scraped(source: ReadingSource, *, run_label: bool = False) -> Values:
    """Return the values of a scrape."""
    registry = CollectorRegistry()
    registry.register(SanctumCollector(source, run_label=run_label))
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def without_duration(found: Values) -> Values:
    """Return values without the one that is another at every reading."""
    return {k: v for k, v in found.items() if k[0] != "sanctum_exporter_collect_duration_seconds"}


@pytest.mark.parametrize("run", [None, "telemetry_2026-11-23_120000"])
def test_a_push_holds_what_a_scrape_holds(run: str | None) -> None:
    """Every series of a scrape is pushed, and no other, with the same labels and value."""
    intake = an_intake(run)
    expected = scraped(intake, run_label=run is not None)
    found = values(a_producer(intake, run_label=run is not None).produce())
    assert without_duration(found) == without_duration(expected)
    assert found.keys() == expected.keys()
    assert {name for name, _ in found} == set(PROMETHEUS_NAMES.values())


def test_counters_are_cumulative_sums_with_unit_and_description() -> None:
    """Each metric is what the catalogue says; a sum only ever grows."""
    found = {metric.name: metric for metric in metrics(a_producer(an_intake()).produce())}
    for metric in METRICS:
        pushed = found[metric.instrument]
        assert (pushed.unit, pushed.description) == (metric.unit, metric.help)
        assert isinstance(pushed.data, Sum) == (metric.kind == "counter")
        if isinstance(pushed.data, Sum):
            assert pushed.data.is_monotonic
            assert pushed.data.aggregation_temporality.name == "CUMULATIVE"


def test_a_metric_without_values_is_left_out() -> None:
    """Before the first group there is nothing but the exporter on itself."""
    found = {metric.name for metric in metrics(a_producer(Intake(Groups())).produce())}
    assert found == {metric.instrument for metric in EXPORTER_METRICS}


def test_values_are_of_the_resource_and_of_this_package() -> None:
    """Who made the values is said once for all of them."""
    (of_resource,) = a_producer(an_intake()).produce().resource_metrics
    (of_scope,) = of_resource.scope_metrics
    assert of_resource.resource.attributes == {"service.name": "test"}
    assert of_scope.scope.name == "sanctum_exporter"


class Moving:
    """A source whose every reading differs."""

    def __init__(self) -> None:
        self._intake = an_intake()
        self.reads = 0

    def readings(self) -> Sequence[GroupReading]:
        self.reads += 1
        for _ in range(self.reads):
            self._intake.line(events.germinated(), 1)
        return self._intake.readings()

    def activity(self) -> Activity:
        return self._intake.activity()


def test_a_push_is_one_reading() -> None:
    """All values of a push are of one moment, and the next one is of another."""
    source = Moving()
    producer = a_producer(source)
    first, second = values(producer.produce()), values(producer.produce())
    assert source.reads == 2
    germinated = ("sanctum_seeds_germinated_total", frozenset({("group_id", "default")}))
    assert (first[germinated], second[germinated]) == (3, 5)


class Source:
    """A source whose reading a test replaces."""

    def __init__(self) -> None:
        self._of_groups = an_intake().readings()
        self.groups = self._of_groups
        self.own = Activity()

    def count(self, germinated: int, counted_since: float = 0.0) -> None:
        """Let "default" be the only group, with so many seeds."""
        (reading,) = (group for group in self._of_groups if group.group_id == "default")
        lifecycle = replace(reading.slots.seed_lifecycle, germination_count=germinated)
        slots = replace(reading.slots, seed_lifecycle=lifecycle)
        self.groups = [replace(reading, slots=slots, counted_since=counted_since)]

    def readings(self) -> Sequence[GroupReading]:
        return self.groups

    def activity(self) -> Activity:
        return self.own


class Pushes:
    """What is pushed of a source by a process that starts at second 1,000."""

    def __init__(self, source: ReadingSource) -> None:
        self._now = 1000
        self._producer = Producer(source, Resource({}), time_ns=lambda: self._now * SECOND)

    def at(self, second: int) -> dict[collectors.Series, float]:
        """Push at a second, and return when each series began that has a beginning."""
        self._now = second
        return {
            (metric.name, frozenset(point.attributes.items())): point.start_time_unix_nano / SECOND
            for metric in metrics(self._producer.produce())
            for point in metric.data.data_points
            if point.start_time_unix_nano
        }


DEFAULT = (GERMINATED, frozenset({("group_id", "default")}))


def test_a_count_that_goes_on_keeps_its_start() -> None:
    """What has been counted since the process began starts with it, in every push."""
    source = Source()
    pushes = Pushes(source)
    starts = []
    for second, count in ((1001, 2000), (1061, 2000), (1121, 2100)):
        source.count(count)
        starts.append(pushes.at(second)[DEFAULT])
    assert starts == [1000, 1000, 1000]


def test_a_state_that_says_since_when_it_counts_starts_then() -> None:
    """A push that begins anew on the same state does not make its counts begin anew."""
    source = Source()
    source.count(2000, counted_since=400)
    source.own = Activity({"SEED_PRUNED": 3}, counted_since=500)
    starts = Pushes(source).at(1001)
    assert starts[DEFAULT] == 400
    assert starts["sanctum.exporter.events", frozenset({("event_type", "SEED_PRUNED")})] == 500


@pytest.mark.parametrize("count", [3, 2000, 2500])
def test_another_state_in_its_place_has_another_start(count: int) -> None:
    """A run that took the place of another is a reset, even where its counts are higher."""
    source = Source()
    pushes = Pushes(source)
    source.count(2000, counted_since=1000)
    assert pushes.at(1001)[DEFAULT] == 1000
    source.count(count, counted_since=1030)
    assert pushes.at(1061)[DEFAULT] == 1030
    assert pushes.at(1121)[DEFAULT] == 1030


def test_a_reset_does_not_overlap_what_was_pushed_before() -> None:
    """A state that was read in beside the old one starts after the old one's last push."""
    source = Source()
    pushes = Pushes(source)
    source.count(2000, counted_since=1000)
    pushes.at(1061)
    source.count(2500, counted_since=1030)
    assert pushes.at(1121)[DEFAULT] == 1061
    assert pushes.at(1181)[DEFAULT] == 1061


def test_a_count_that_falls_starts_anew() -> None:
    """Where nothing says since when it is counted, a lower count is a reset since the last push."""
    source = Source()
    pushes = Pushes(source)
    starts = []
    for second, count in ((1001, 2000), (1061, 3), (1121, 4), (1181, 1)):
        source.count(count)
        starts.append(pushes.at(second)[DEFAULT])
    assert starts == [1000, 1001, 1001, 1121]


def test_a_series_that_was_away_starts_anew() -> None:
    """Nobody knows what happened while it was not there."""
    source = Source()
    pushes = Pushes(source)
    source.count(2000)
    pushes.at(1001)
    source.groups = []
    assert DEFAULT not in pushes.at(1061)
    source.count(2500)
    assert pushes.at(1121)[DEFAULT] == 1061


def test_each_series_has_a_start_of_its_own() -> None:
    """A reset of one series is none of any other of the same metric."""
    source = Source()
    pushes = Pushes(source)
    source.own = Activity({"SEED_GERMINATED": 5, "SEED_PRUNED": 30, "EPOCH_COMPLETED": 500})
    pushes.at(1001)
    source.own = Activity({"SEED_GERMINATED": 6, "SEED_PRUNED": 2, "EPOCH_COMPLETED": 600})
    starts = pushes.at(1061)
    metric = "sanctum.exporter.events"
    assert starts[metric, frozenset({("event_type", "SEED_PRUNED")})] == 1001
    assert starts[metric, frozenset({("event_type", "SEED_GERMINATED")})] == 1000
    assert starts[metric, frozenset({("event_type", "EPOCH_COMPLETED")})] == 1000


def test_gauges_have_no_start() -> None:
    """Only what is counted has a beginning."""
    names = {metric.instrument for metric in METRICS if metric.kind == "counter"}
    assert {name for name, _ in Pushes(an_intake()).at(1001)} == names
