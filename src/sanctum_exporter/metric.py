"""What a metric is, and what those of the exporter on itself are read from."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeAlias, TypeVar

from sanctum_exporter._version import __version__
from sanctum_exporter.readings import Activity, GroupReading

T = TypeVar("T")
"""What a metric is read from."""
Sample: TypeAlias = tuple[tuple[str, ...], float]
"""Label values, in the order of the metric's labels, and the value."""


@dataclass(frozen=True, slots=True)
class Metric(Generic[T]):
    """A metric and how to read it.

    Attributes:
        name: Prometheus name, as exposed; a counter's ends in ``_total``.
        kind: its type in OpenMetrics; what is neither gauge nor counter is a gauge elsewhere.
        instrument: OpenTelemetry name, which a receiver's Prometheus naming turns into ``name``.
        unit: UCUM unit of the instrument, empty for none.
        help: one sentence for people.
        read: the samples of a reading; one for each combination of label values.
        labels: names of its own labels, without those that every series of its table has.
        record: esper-lite's telemetry record.
    """

    name: str
    kind: Literal["gauge", "counter", "info", "stateset"]
    instrument: str
    unit: str
    help: str
    read: Callable[[T], Iterable[Sample]]
    labels: tuple[str, ...] = ()
    record: str = ""


@dataclass(frozen=True, slots=True)
class ExporterReading:
    """The exporter on itself, and on all groups together, at one moment."""

    activity: Activity
    groups: Sequence[GroupReading] = ()
    collect_duration_seconds: float = 0.0
    version: str = __version__
    python_version: str = field(default_factory=platform.python_version)
