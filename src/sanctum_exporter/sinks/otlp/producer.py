"""The catalogue in OpenTelemetry's data model, made from one reading of a source.

Nothing is recorded by instruments: the counts are kept elsewhere, and are only put into the form
in which the exporters take them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from opentelemetry.sdk.metrics import export
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from sanctum_exporter._version import __version__
from sanctum_exporter.catalogue import EXPORTER_METRICS, GROUP_METRICS, common_labels
from sanctum_exporter.metric import ExporterReading, Metric, T
from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.sinks.otlp.start_times import StartTimes

_Readings: TypeAlias = Sequence[tuple[Mapping[str, str], float, T]]
"""Readings, each with the attributes of all its values and since when its counts were counted."""


class Producer:
    """Turns the readings of a source into metrics, as the specification's MetricProducer does.

    Args:
        source: what to read.
        resource: what the values are of.
        run_label: give every series of a group the attribute ``run``.
        clock: monotonic seconds, for ``sanctum.exporter.collect_duration``.
        time_ns: nanoseconds since the epoch.
    """

    def __init__(
        self,
        source: ReadingSource,
        resource: Resource,
        *,
        run_label: bool = False,
        clock: Callable[[], float] = time.perf_counter,
        time_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._source = source
        self._resource = resource
        self._scope = InstrumentationScope("sanctum_exporter", __version__)
        self._run_label = run_label
        self._clock = clock
        self._time_ns = time_ns
        self._start_times = StartTimes(time_ns())

    def produce(self) -> export.MetricsData:
        """Return every metric that has values, all from one reading."""
        started = self._clock()
        readings = self._source.readings()
        activity = self._source.activity()
        duration = self._clock() - started
        now = self._time_ns()
        self._start_times.advance(now)
        groups = [
            (common_labels(group, run_label=self._run_label), group.counted_since, group)
            for group in readings
        ]
        exporter = ExporterReading(activity, readings, collect_duration_seconds=duration)
        own: _Readings[ExporterReading] = [({}, activity.counted_since, exporter)]
        metrics = [
            *(self._metric(metric, groups, now) for metric in GROUP_METRICS),
            *(self._metric(metric, own, now) for metric in EXPORTER_METRICS),
        ]
        scope_metrics = export.ScopeMetrics(
            self._scope, [metric for metric in metrics if metric.data.data_points], schema_url=""
        )
        return export.MetricsData(
            [export.ResourceMetrics(self._resource, [scope_metrics], self._resource.schema_url)]
        )

    def _metric(self, metric: Metric[T], readings: _Readings[T], now: int) -> export.Metric:
        points = []
        for common, counted_since, reading in readings:
            for values, value in metric.read(reading):
                attributes = {**common, **dict(zip(metric.labels, values, strict=True))}
                start = 0  # a gauge has none
                if metric.kind == "counter":
                    series = (metric.name, *attributes.values())
                    start = self._start_times.of(series, value, counted_since)
                points.append(export.NumberDataPoint(attributes, start, now, value))
        data: export.Sum | export.Gauge = export.Gauge(points)
        if metric.kind == "counter":
            # Totals, whatever the environment prefers: a lost push must lose nothing.
            data = export.Sum(points, export.AggregationTemporality.CUMULATIVE, is_monotonic=True)
        return export.Metric(metric.instrument, metric.help, metric.unit, data)
