"""The catalogue as observable instruments, and the resource that their values are of."""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from sanctum_exporter._version import __version__
from sanctum_exporter.catalogue import (
    EXPORTER_METRICS,
    GROUP_METRICS,
    ExporterReading,
    Metric,
    T,
    common_labels,
)
from sanctum_exporter.readings import GroupReading, ReadingSource

_Attributed = Sequence[tuple[Mapping[str, str], T]]


class Instruments:
    """An observable instrument for every metric of the catalogue.

    Args:
        publisher: what to read, once a collection.
        provider: whose meter makes the instruments.
        run_label: give every series of a group the attribute ``run``.
        clock: monotonic seconds, for ``sanctum.exporter.collect_duration``.
    """

    def __init__(
        self,
        publisher: ReadingSource,
        provider: MeterProvider,
        *,
        run_label: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._publisher = publisher
        self._run_label = run_label
        self._clock = clock
        self._groups: _Attributed[GroupReading] = ()
        self._exporter: _Attributed[ExporterReading] = ()
        self._meter = provider.get_meter("sanctum_exporter", __version__)
        for metric in GROUP_METRICS:
            self._create(metric, lambda: self._groups)
        for own_metric in EXPORTER_METRICS:
            self._create(own_metric, lambda: self._exporter)

    def _create(self, metric: Metric[T], readings: Callable[[], _Attributed[T]]) -> None:
        # The SDK calls back in the order of creation: the first reads for the whole collection.
        reads = metric.name == GROUP_METRICS[0].name

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            if reads:
                self._read()
            return [
                Observation(value, {**attributes, **dict(zip(metric.labels, values, strict=True))})
                for attributes, reading in readings()
                for values, value in metric.read(reading)
            ]

        create = {
            "counter": self._meter.create_observable_counter,
            "gauge": self._meter.create_observable_gauge,
        }[metric.kind]
        create(metric.instrument, [observe], metric.unit, metric.help)

    def _read(self) -> None:
        started = self._clock()
        self._groups = [
            (common_labels(group, run_label=self._run_label), group)
            for group in self._publisher.readings()
        ]
        activity = self._publisher.activity()
        duration = self._clock() - started
        self._exporter = [({}, ExporterReading(activity, collect_duration_seconds=duration))]


def describe_resource() -> Resource:
    """Return what the values are of: this exporter, in this process, on this host.

    ``OTEL_RESOURCE_ATTRIBUTES`` and ``OTEL_SERVICE_NAME`` override each attribute.
    """
    host = socket.gethostname()
    own = Resource(
        {
            "service.name": "sanctum-exporter",
            "service.version": __version__,
            "service.instance.id": f"{host}:{os.getpid()}",
            "host.name": host,
            "host.arch": platform.machine(),
            "os.type": platform.system().lower(),
            "process.pid": os.getpid(),
            "process.executable.name": Path(sys.executable).name,
            "process.runtime.name": sys.implementation.name,
            "process.runtime.version": platform.python_version(),
        }
    )
    return Resource.create().merge(own).merge(OTELResourceDetector().detect())
