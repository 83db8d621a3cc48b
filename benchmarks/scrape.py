"""What a scrape costs, by the size of the run: from the state in memory to the text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest

from benchmarks.harness import Comparison, Missing, Scale, Way, timed
from sanctum_exporter.catalogue import EXPORTER_METRICS, GROUP_METRICS, common_labels
from sanctum_exporter.metric import ExporterReading, Metric, T
from sanctum_exporter.readings import STAGES, Activity, GroupReading, ReadingSource
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake

OTEL_EXPORTER = "opentelemetry.exporter.prometheus"

SLOT_IDS = ("r0c0", "r0c1", "r0c2")
QUANTITY = "ms a scrape"
# A scrape may cost a tenth more for a hundred thousand envs than for sixteen.
FLAT = 1 / 1.1


@dataclass
class Seed:
    """What is in a slot, as esper-lite keeps it."""

    stage: str
    epochs_in_stage: int


@dataclass
class Env:
    """An env with all its slots."""

    env_id: int
    seeds: dict[str, Seed]


class Recounted:
    """A source that counts every slot at each scrape, of all envs or of a copy of them."""

    def __init__(self, intake: Intake, envs: Sequence[Env], *, copied: bool = False) -> None:
        self._intake = intake
        self._envs = envs
        self._copied = copied

    def readings(self) -> list[GroupReading]:
        """Return the group with the counts of its slots."""
        envs = [_copy(env) for env in self._envs] if self._copied else self._envs
        counts: dict[str, int] = dict.fromkeys(STAGES, 0)
        staged = epochs = 0
        for env in envs:
            for seed in env.seeds.values():
                counts[seed.stage if seed.stage in counts else "DORMANT"] += 1
                if seed.stage != "DORMANT":
                    staged += 1
                    epochs += seed.epochs_in_stage
        (group,) = self._intake.readings()
        slots = replace(
            group.slots,
            total_slots=len(envs) * len(SLOT_IDS),
            active_slots=sum(counts.values()) - counts["DORMANT"],
            slot_stage_counts=counts,
            avg_epochs_in_stage=epochs / staged if staged else 0.0,
        )
        return [replace(group, slots=slots)]

    def activity(self) -> Activity:
        """Return the counts of events."""
        return self._intake.activity()


def _copy(env: Env) -> Env:
    return replace(env, seeds={slot_id: replace(seed) for slot_id, seed in env.seeds.items()})


def comparisons(scale: Scale) -> Iterator[Comparison]:
    """Compare scrapes of runs of each size, every env with a seed in one slot of three."""
    smallest, largest = (registry_of(filled(n)) for n in (scale.envs[0], scale.envs[-1]))
    for n_envs in scale.envs:
        intake = filled(n_envs)
        envs = envs_of(n_envs)
        yield Comparison(
            f"A scrape of {n_envs:,} envs, from state to text",
            [QUANTITY],
            _way("ours", registry_of(intake)),
            [
                _way("a recount of every slot", registry_of(Recounted(intake, envs))),
                _way(
                    "a recount in a copied snapshot",
                    registry_of(Recounted(intake, envs, copied=True)),
                ),
                _opentelemetry(intake),
            ],
            Way("the same text, formatted from ready numbers", _formatted(registry_of(intake))),
        )
    yield Comparison(
        f"The same scrape of ours: {scale.envs[-1]:,} envs",
        [QUANTITY],
        _way("ours", largest),
        [_way(f"ours of {scale.envs[0]:,} envs", smallest, aim=FLAT)],
        Way("the same text, formatted from ready numbers", _formatted(largest)),
    )


def filled(n_envs: int) -> Intake:
    """Return the state of a run in which every env has one seed."""
    intake = Intake(Groups())
    started = {"n_envs": n_envs, "slot_ids": SLOT_IDS, "episode_id": "run", "n_episodes": 100}
    _take(intake, "TRAINING_STARTED", started)
    for env_id in range(n_envs):
        _take(intake, "SEED_GERMINATED", {"env_id": env_id, "slot_id": SLOT_IDS[1]})
    return intake


def envs_of(n_envs: int) -> list[Env]:
    """Return the envs of that run, as whoever recounts them keeps them."""
    stages = [(slot_id, "DORMANT") for slot_id in SLOT_IDS]
    stages[1] = (SLOT_IDS[1], "GERMINATED")
    return [
        Env(env_id, {slot_id: Seed(stage, 0) for slot_id, stage in stages})
        for env_id in range(n_envs)
    ]


def _take(intake: Intake, event_type: str, data: Mapping[str, object]) -> None:
    event = {"event_type": event_type, "timestamp": "2026-01-01T00:00:00+00:00", "data": data}
    intake.line(json.dumps(event).encode(), 1)


def registry_of(source: ReadingSource) -> CollectorRegistry:
    """Return a registry with our collector."""
    registry = CollectorRegistry()
    registry.register(SanctumCollector(source))
    return registry


def _way(name: str, registry: CollectorRegistry, aim: float | None = None) -> Way:
    """Return the way to make a registry's text."""
    sample = timed(lambda: lambda: generate_latest(registry), unit=1e3)
    return Way(name, sample, {} if aim is None else {QUANTITY: aim})


def _opentelemetry(source: ReadingSource) -> Way | Missing:
    name = "OpenTelemetry's Prometheus exporter, the same metrics"
    if find_spec(OTEL_EXPORTER) is None:
        return Missing(name, "opentelemetry-exporter-prometheus is not installed")
    registry = opentelemetry_registry(source)
    if _values(registry) != _values(registry_of(source)):
        raise RuntimeError(f"{name}: not the same values, so nothing can be compared")
    return _way(name, registry, aim=4)


def _values(registry: CollectorRegistry) -> list[float]:
    """Return the values of all series but the time that it took."""
    lines = generate_latest(registry).decode().splitlines()
    series = [line for line in lines if not line.startswith(("#", "sanctum_exporter_collect"))]
    return [float(line.rsplit(" ", 1)[1]) for line in sorted(series)]


def opentelemetry_registry(source: ReadingSource) -> CollectorRegistry:
    """Return a registry with OpenTelemetry's collector, which observes the metrics of a source."""
    registry = CollectorRegistry()
    # Nothing is added that ours has not either.
    reader = import_module(OTEL_EXPORTER).PrometheusMetricReader(
        disable_target_info=True, scope_info_enabled=False, registry=registry
    )
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("sanctum")
    moment = _Moment(source)
    for group_metric in GROUP_METRICS:
        _observe(meter, group_metric, moment.groups)
    for exporter_metric in EXPORTER_METRICS:
        _observe(meter, exporter_metric, moment.exporter)
    return registry


class _Moment:
    """One reading for all instruments, which are asked in turn: groups first."""

    def __init__(self, source: ReadingSource) -> None:
        self._source = source
        self._readings: Sequence[GroupReading] = ()

    def groups(self, metric: Metric[GroupReading]) -> list[tuple[dict[str, str], GroupReading]]:
        """Return the groups with their labels; the first metric reads them."""
        if metric is GROUP_METRICS[0]:
            self._readings = self._source.readings()
        return [(common_labels(group, run_label=False), group) for group in self._readings]

    def exporter(
        self, metric: Metric[ExporterReading]
    ) -> list[tuple[dict[str, str], ExporterReading]]:
        """Return the exporter on itself; the first metric reads it."""
        if metric is EXPORTER_METRICS[0]:
            self._exporter = ExporterReading(self._source.activity(), self._readings)
        return [({}, self._exporter)]


def _observe(
    meter: Meter,
    metric: Metric[T],
    read: Callable[[Metric[T]], Iterable[tuple[dict[str, str], T]]],
) -> None:
    def observe(_options: CallbackOptions) -> Iterator[Observation]:
        for common, reading in read(metric):
            for values, value in metric.read(reading):
                yield Observation(
                    value, {**common, **dict(zip(metric.labels, values, strict=True))}
                )

    create = meter.create_observable_gauge
    if metric.kind == "counter":
        create = meter.create_observable_counter  # type: ignore[assignment]
    create(metric.instrument, [observe], metric.unit, metric.help)


def _formatted(registry: CollectorRegistry) -> Callable[[], Sequence[float]]:
    lines = generate_latest(registry).decode().splitlines()
    parts = [line if line.startswith("#") else line.rsplit(" ", 1)[0] for line in lines]
    numbers = [None if line.startswith("#") else float(line.rsplit(" ", 1)[1]) for line in lines]

    def run() -> bytes:
        return "".join(
            f"{part}\n" if number is None else f"{part} {number!r}\n"
            for part, number in zip(parts, numbers, strict=True)
        ).encode()

    return timed(lambda: run, unit=1e3)
