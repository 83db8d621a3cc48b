"""Every metric, declared once.

The Prometheus collector, the OpenTelemetry instruments, ``docs/metrics.md`` and the names that
rules and dashboards may use all come from here.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from sanctum_exporter._version import __version__
from sanctum_exporter.readings import Activity, GroupReading, Trend

T = TypeVar("T")
"""What a metric is read from."""
Sample: TypeAlias = tuple[tuple[str, ...], float]
"""Label values, in the order of the metric's labels, and the value."""

GROUP_LABEL: Final = "group_id"
RUN_LABEL: Final = "run"
TREND_VALUES: Final[dict[Trend, int]] = {"falling": -1, "stable": 0, "rising": 1}


@dataclass(frozen=True, slots=True)
class Metric(Generic[T]):
    """A metric and how to read it.

    Attributes:
        name: Prometheus name, as exposed; a counter's ends in ``_total``.
        kind: its type, the same for Prometheus and OpenTelemetry.
        instrument: OpenTelemetry name, which a receiver's Prometheus naming turns into ``name``.
        unit: UCUM unit of the instrument, empty for none.
        help: one sentence for people.
        read: the samples of a reading; one for each combination of label values.
        labels: names of its own labels, without those that every series of its table has.
        record: esper-lite's telemetry record.
    """

    name: str
    kind: Literal["gauge", "counter"]
    instrument: str
    unit: str
    help: str
    read: Callable[[T], Iterable[Sample]]
    labels: tuple[str, ...] = ()
    record: str = ""


@dataclass(frozen=True, slots=True)
class ExporterReading:
    """The exporter on itself at one moment."""

    activity: Activity
    collect_duration_seconds: float = 0.0
    version: str = __version__
    python_version: str = field(default_factory=platform.python_version)


def _one(read: Callable[[T], float]) -> Callable[[T], Iterable[Sample]]:
    """Return a reader of a metric without labels of its own."""
    return lambda reading: (((), read(reading)),)


GROUP_METRICS: Final[tuple[Metric[GroupReading], ...]] = (
    Metric(
        "sanctum_total_slots",
        "gauge",
        "sanctum.total_slots",
        "{slot}",
        "Slots that exist: envs times slots of an env; 0 until training has started.",
        _one(lambda group: group.slots.total_slots),
        record="TELE-500",
    ),
    Metric(
        "sanctum_active_slots",
        "gauge",
        "sanctum.active_slots",
        "{slot}",
        "Slots whose stage is not DORMANT; fossilized ones are active.",
        _one(lambda group: group.slots.active_slots),
        record="TELE-502",
    ),
    Metric(
        "sanctum_slots",
        "gauge",
        "sanctum.slots",
        "{slot}",
        "Slots in each lifecycle stage; empty slots and transition stages count as DORMANT.",
        lambda group: [((stage,), count) for stage, count in group.slots.slot_stage_counts.items()],
        labels=("stage",),
        record="TELE-501",
    ),
    Metric(
        "sanctum_envs",
        "gauge",
        "sanctum.envs",
        "{env}",
        "Training environments of the group.",
        _one(lambda group: group.slots.n_envs),
    ),
    Metric(
        "sanctum_mean_epochs_in_stage",
        "gauge",
        "sanctum.mean_epochs_in_stage",
        "{epoch}",
        "Mean epochs that the seeds which are not DORMANT have spent in their stage.",
        _one(lambda group: group.slots.avg_epochs_in_stage),
    ),
    Metric(
        "sanctum_current_episode",
        "gauge",
        "sanctum.current_episode",
        "{episode}",
        "Episodes completed, counted over all envs.",
        _one(lambda group: group.slots.current_episode),
        record="TELE-010",
    ),
    Metric(
        "sanctum_planned_episodes",
        "gauge",
        "sanctum.planned_episodes",
        "{episode}",
        "Episodes after which the run is complete, as TRAINING_STARTED announced them.",
        _one(lambda group: group.info.planned_episodes),
    ),
    Metric(
        "sanctum_seeds_germinated_total",
        "counter",
        "sanctum.seeds_germinated",
        "{seed}",
        "Seeds germinated.",
        _one(lambda group: group.slots.seed_lifecycle.germination_count),
        record="TELE-505",
    ),
    Metric(
        "sanctum_seeds_pruned_total",
        "counter",
        "sanctum.seeds_pruned",
        "{seed}",
        "Seeds pruned.",
        _one(lambda group: group.slots.seed_lifecycle.prune_count),
        record="TELE-504",
    ),
    Metric(
        "sanctum_seeds_fossilized_total",
        "counter",
        "sanctum.seeds_fossilized",
        "{seed}",
        "Seeds fossilized.",
        _one(lambda group: group.slots.seed_lifecycle.fossilize_count),
        record="TELE-503",
    ),
    Metric(
        "sanctum_seed_rate_trend",
        "gauge",
        "sanctum.seed_rate_trend",
        "",
        "Trend of the seeds per episode: -1 falling, 0 stable, 1 rising.",
        lambda group: [
            (("germination",), TREND_VALUES[group.slots.seed_lifecycle.germination_trend]),
            (("prune",), TREND_VALUES[group.slots.seed_lifecycle.prune_trend]),
            (("fossilize",), TREND_VALUES[group.slots.seed_lifecycle.fossilize_trend]),
        ],
        labels=("event",),
        record="TELE-509, TELE-510, TELE-511",
    ),
    Metric(
        "sanctum_blend_success_ratio",
        "gauge",
        "sanctum.blend_success",
        "1",
        "Fossilized seeds among those that ended, 0 to 1; 0 if none has ended.",
        _one(lambda group: group.slots.seed_lifecycle.blend_success_rate),
        record="TELE-512",
    ),
    Metric(
        "sanctum_mean_seed_lifespan_epochs",
        "gauge",
        "sanctum.mean_seed_lifespan_epochs",
        "{epoch}",
        "Mean lifespan in epochs of the last 100 seeds that ended; 0 if none has.",
        _one(lambda group: group.slots.seed_lifecycle.avg_lifespan_epochs),
        record="TELE-513",
    ),
    Metric(
        "sanctum_run_info",
        "gauge",
        "sanctum.run_info",
        "",
        "Always 1; names the run of the group.",
        lambda group: [((group.info.run_id, group.info.task, group.info.reward_mode), 1)],
        labels=("run_id", "task", "reward_mode"),
    ),
    Metric(
        "sanctum_run_start_timestamp_seconds",
        "gauge",
        "sanctum.run_start_timestamp",
        "s",
        "Unix time of the last TRAINING_STARTED; 0 before it.",
        _one(lambda group: group.info.start_timestamp),
    ),
    Metric(
        "sanctum_last_event_timestamp_seconds",
        "gauge",
        "sanctum.last_event_timestamp",
        "s",
        "Unix time of the newest event of the group; 0 before the first.",
        _one(lambda group: group.last_event_timestamp),
    ),
)
"""Metrics of a group: every series has ``group_id``, and ``run`` where several are followed."""

EXPORTER_METRICS: Final[tuple[Metric[ExporterReading], ...]] = (
    Metric(
        "sanctum_exporter_build_info",
        "gauge",
        "sanctum.exporter.build_info",
        "",
        "Always 1; names the versions of the exporter and of Python.",
        lambda exporter: [((exporter.version, exporter.python_version), 1)],
        labels=("version", "python_version"),
    ),
    Metric(
        "sanctum_exporter_events_total",
        "counter",
        "sanctum.exporter.events",
        "{event}",
        "Telemetry events taken in; types that the exporter does not know are 'other'.",
        lambda exporter: [((name,), count) for name, count in exporter.activity.events.items()],
        labels=("event_type",),
    ),
    Metric(
        "sanctum_exporter_events_rejected_total",
        "counter",
        "sanctum.exporter.events_rejected",
        "{event}",
        "Telemetry events that could not be read or did not fit the run, which changed nothing.",
        lambda exporter: [((name,), count) for name, count in exporter.activity.rejected.items()],
        labels=("reason",),
    ),
    Metric(
        "sanctum_exporter_events_dropped_total",
        "counter",
        "sanctum.exporter.events_dropped",
        "{event}",
        "Telemetry events that esper-lite's hub dropped before the exporter, where it can tell.",
        _one(lambda exporter: exporter.activity.dropped),
    ),
    Metric(
        "sanctum_exporter_collect_duration_seconds",
        "gauge",
        "sanctum.exporter.collect_duration",
        "s",
        "Seconds that this collection of all values took.",
        _one(lambda exporter: exporter.collect_duration_seconds),
    ),
)
"""Metrics of the exporter on itself, without ``group_id``."""


def common_labels(group: GroupReading, *, run_label: bool) -> dict[str, str]:
    """Return the labels that every series of a group has, in their order."""
    run = {RUN_LABEL: group.run or ""} if run_label else {}
    return {**run, GROUP_LABEL: group.group_id}


def labels_by_name() -> dict[str, frozenset[str]]:
    """Return the labels that each metric may have, for checks of rules and dashboards."""
    common = {GROUP_LABEL, RUN_LABEL}
    return {m.name: frozenset({*m.labels, *common}) for m in GROUP_METRICS} | {
        m.name: frozenset(m.labels) for m in EXPORTER_METRICS
    }
