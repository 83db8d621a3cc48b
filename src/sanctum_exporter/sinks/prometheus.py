"""The Prometheus collector: one pure read of a publisher a scrape."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from sanctum_exporter import forks
from sanctum_exporter.catalogue import EXPORTER_METRICS, GROUP_METRICS, common_labels
from sanctum_exporter.metric import ExporterReading, Metric, T
from sanctum_exporter.readings import ReadingSource


class SanctumCollector(Collector):
    """Turns the readings of a publisher into metric families.

    Args:
        publisher: what to read.
        run_label: give every series of a group the label ``run``.
        clock: monotonic seconds, for ``sanctum_exporter_collect_duration_seconds``.
        exporter_reading: makes the reading of the exporter on itself.
    """

    def __init__(
        self,
        publisher: ReadingSource,
        *,
        run_label: bool = False,
        clock: Callable[[], float] = time.perf_counter,
        exporter_reading: Callable[..., ExporterReading] = ExporterReading,
    ) -> None:
        self._publisher = publisher
        self._forks = forks.count
        self._run_label = run_label
        self._clock = clock
        self._exporter_reading = exporter_reading

    def collect(self) -> Iterator[Family]:
        """Yield every family of the catalogue; none in a forked child, which hears no events."""
        if forks.count != self._forks:
            return
        started = self._clock()
        groups = [
            (common_labels(group, run_label=self._run_label), group)
            for group in self._publisher.readings()
        ]
        families = [_family(metric, groups) for metric in GROUP_METRICS]
        activity = self._publisher.activity()
        duration = self._clock() - started
        exporter = self._exporter_reading(
            activity, [group for _, group in groups], collect_duration_seconds=duration
        )
        yield from families
        for metric in EXPORTER_METRICS:
            yield _family(metric, [({}, exporter)])

    def describe(self) -> Iterator[Family]:
        """Yield the families without samples, so that registering reads nothing."""
        for group_metric in GROUP_METRICS:
            yield _family(group_metric, ())
        for exporter_metric in EXPORTER_METRICS:
            yield _family(exporter_metric, ())


def _family(metric: Metric[T], readings: Iterable[tuple[dict[str, str], T]]) -> Family:
    """Return a metric with the samples of its readings, each given with its common labels."""
    family = Family(
        metric.name.removesuffix(_SUFFIXES.get(metric.kind, "")),
        metric.help,
        metric.kind,
        "seconds" if metric.name.endswith("_seconds") else "",
    )
    for common, reading in readings:
        for values, value in metric.read(reading):
            labels = common
            if values:
                labels = {**common, **dict(zip(metric.labels, values, strict=True))}
            # The families with an add_metric() of their own name the labels of a state set.
            family.add_sample(metric.name, labels, value)
    return family


# What the name of a sample has, and in OpenMetrics the name of its family has not.
_SUFFIXES: Final = {"counter": "_total", "info": "_info"}


def openmetrics_head(metric: Metric[T]) -> bytes:
    """Return the lines of OpenMetrics that say what a metric is."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Bare(metric))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.removesuffix(b"# EOF\n")


def openmetrics_number(value: float) -> bytes:
    """Return a value as OpenMetrics writes it."""
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text.encode()


class _Bare(Collector):
    """A metric without samples."""

    def __init__(self, metric: Metric[T]) -> None:
        self._family = _family(metric, ())

    def collect(self) -> Iterable[Family]:
        return [self._family]


Registry: TypeAlias = CollectorRegistry
"""What values are registered in, and read from by whoever exposes it."""


def join(registry: Registry, source: ReadingSource) -> Callable[[], None]:
    """Publish a source in a registry of somebody else's; returns what takes it out again.

    Raises:
        ValueError: if the registry has such metrics already.
    """
    collector = SanctumCollector(source)
    registry.register(collector)
    return lambda: registry.unregister(collector)
