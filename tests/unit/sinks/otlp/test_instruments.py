"""The catalogue as observable instruments of a meter provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from opentelemetry import metrics as otel
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Sum
from prometheus_client import CollectorRegistry

from sanctum_exporter.catalogue import EXPORTER_METRICS, GROUP_METRICS, Metric
from sanctum_exporter.readings import Activity, GroupReading
from sanctum_exporter.sinks.otlp import register
from sanctum_exporter.sinks.otlp.instruments import describe_resource
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import events

Values = dict[tuple[str, frozenset[tuple[str, Any]]], float]
METRICS: tuple[Metric[Any], ...] = (*GROUP_METRICS, *EXPORTER_METRICS)
PROMETHEUS_NAMES = {metric.instrument: metric.name for metric in METRICS}


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


def collected(reader: InMemoryMetricReader) -> list[Any]:
    """Return the metrics of a collection."""
    data = reader.get_metrics_data()
    assert data is not None
    return list(data.resource_metrics[0].scope_metrics[0].metrics)


def values(collected_metrics: list[Any]) -> Values:
    """Return the values of a collection by Prometheus name and labels."""
    return {
        (PROMETHEUS_NAMES[metric.name], frozenset(point.attributes.items())): point.value
        for metric in collected_metrics
        for point in metric.data.data_points
    }


def scraped(intake: Intake, *, run_label: bool = False) -> Values:
    """Return the values of a scrape."""
    registry = CollectorRegistry()
    registry.register(SanctumCollector(intake, run_label=run_label))
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def without_duration(found: Values) -> Values:
    """Return values without the one that is another at every collection."""
    return {k: v for k, v in found.items() if k[0] != "sanctum_exporter_collect_duration_seconds"}


@pytest.mark.parametrize("run", [None, "telemetry_2026-11-23_120000"])
def test_instruments_give_what_a_scrape_gives(run: str | None) -> None:
    """Every series of a scrape, and no other, with the same labels and value."""
    intake, reader = an_intake(run), InMemoryMetricReader()
    register(intake, MeterProvider([reader]), run_label=run is not None)
    expected = scraped(intake, run_label=run is not None)
    found = values(collected(reader))
    assert without_duration(found) == without_duration(expected)
    assert found.keys() == expected.keys()
    assert {name for name, _ in found} == set(PROMETHEUS_NAMES.values())


def test_counters_are_cumulative_sums_with_unit_and_description() -> None:
    """Each instrument is what the catalogue says; a sum only ever grows."""
    reader = InMemoryMetricReader()
    register(an_intake(), MeterProvider([reader]))
    found = {metric.name: metric for metric in collected(reader)}
    for metric in METRICS:
        instrument = found[metric.instrument]
        assert (instrument.unit, instrument.description) == (metric.unit, metric.help)
        assert isinstance(instrument.data, Sum) == (metric.kind == "counter")
        if isinstance(instrument.data, Sum):
            assert instrument.data.is_monotonic
            assert instrument.data.aggregation_temporality.name == "CUMULATIVE"


class Moving:
    """A publisher whose every reading differs."""

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


def test_a_collection_is_one_reading() -> None:
    """All values of a collection are of one moment, and the next one is of another."""
    publisher, reader = Moving(), InMemoryMetricReader()
    register(publisher, MeterProvider([reader]))
    first, second = values(collected(reader)), values(collected(reader))
    assert publisher.reads == 2
    germinated = ("sanctum_seeds_germinated_total", frozenset({("group_id", "default")}))
    assert (first[germinated], second[germinated]) == (3, 5)


def test_the_global_meter_provider_is_left_alone() -> None:
    """Registering with a provider does not make it everybody's."""
    before = otel.get_meter_provider()
    register(an_intake(), MeterProvider([InMemoryMetricReader()]))
    assert otel.get_meter_provider() is before


def test_resource_names_service_host_and_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The values are of this exporter, in this process, on this host."""
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("socket.gethostname", lambda: "trainer-7")
    monkeypatch.setattr("os.getpid", lambda: 4711)
    attributes: Mapping[str, Any] = describe_resource().attributes
    assert attributes["service.name"] == "sanctum-exporter"
    assert attributes["service.instance.id"] == "trainer-7:4711"
    assert attributes["host.name"] == "trainer-7"
    assert attributes["process.pid"] == 4711
    assert {"service.version", "process.runtime.name", "host.arch"} <= attributes.keys()


def test_environment_overrides_the_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES replace any attribute and add others."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "sanctum-a")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=7,cluster=west")
    attributes = describe_resource().attributes
    assert attributes["service.name"] == "sanctum-a"
    assert attributes["service.instance.id"] == "7"
    assert attributes["cluster"] == "west"
