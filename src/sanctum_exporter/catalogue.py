"""Every metric, declared once.

The Prometheus collector, the OpenTelemetry instruments, ``docs/metrics.md`` and the names that
rules and dashboards may use all come from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from sanctum_exporter.metric import ExporterReading, Metric, Sample, T
from sanctum_exporter.readings import RUN_STATES, GroupReading, Trend

GROUP_LABEL: Final = "group_id"
RUN_LABEL: Final = "run"
TREND_VALUES: Final[dict[Trend, int]] = {"falling": -1, "stable": 0, "rising": 1}


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
        "info",
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
    Metric(
        "sanctum_run_state",
        "stateset",
        "sanctum.run_state",
        "",
        "1 for the state that the run is in: waiting for its start, running, or completed.",
        lambda group: [((state, state), int(state == group.life.state)) for state in RUN_STATES],
        # OpenMetrics demands the first of a state set; the second is what people write in queries.
        labels=("sanctum_run_state", "state"),
    ),
    Metric(
        "sanctum_run_remaining_seconds",
        "gauge",
        "sanctum.run_remaining",
        "s",
        "Seconds until the planned episodes are done, by the run's own pace; 0 for no estimate.",
        _one(lambda group: group.life.remaining_seconds),
    ),
    Metric(
        "sanctum_run_longest_silence_seconds",
        "gauge",
        "sanctum.run_longest_silence",
        "s",
        "The longest time between two events of the run so far.",
        _one(lambda group: group.life.longest_silence_seconds),
    ),
    Metric(
        "sanctum_run_epochs_completed",
        "gauge",
        "sanctum.run_epochs_completed",
        "{epoch}",
        "Epochs that the run has reported, counted over all envs.",
        _one(lambda group: group.life.epochs_completed),
    ),
    Metric(
        "sanctum_seeds_expected",
        "gauge",
        "sanctum.seeds_expected",
        "",
        "0 for a run that is to grow no seeds, as some cohorts of a proof; otherwise 1.",
        _one(lambda group: int(group.life.seeds_expected)),
    ),
)
"""Metrics of a group: every series has ``group_id``, and ``run`` where several are followed."""

EXPORTER_METRICS: Final[tuple[Metric[ExporterReading], ...]] = (
    Metric(
        "sanctum_exporter_build_info",
        "info",
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
        "sanctum_exporter_last_rejection_timestamp_seconds",
        "gauge",
        "sanctum.exporter.last_rejection_timestamp",
        "s",
        "Unix time of the newest event that was rejected, or of the one before it; 0 for none.",
        _one(lambda exporter: exporter.activity.last_rejection_timestamp),
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
    Metric(
        "sanctum_exporter_source_up",
        "gauge",
        "sanctum.exporter.source_up",
        "",
        "1 while telemetry is read without failure, otherwise 0; the log says why.",
        _one(lambda exporter: int(exporter.activity.source_failure is None)),
    ),
    Metric(
        "sanctum_exporter_on_duty",
        "gauge",
        "sanctum.exporter.on_duty",
        "",
        "1 while an exporter follows files and would be missed: a run is midway, or none came yet.",
        _one(lambda exporter: int(exporter.activity.on_duty)),
    ),
    Metric(
        "sanctum_exporter_runs_passed_over",
        "gauge",
        "sanctum.exporter.runs_passed_over",
        "{run}",
        "Older runs of a directory that are not followed, beyond what --most-runs allows.",
        _one(lambda exporter: exporter.activity.runs_passed_over),
    ),
    Metric(
        "sanctum_exporter_runs_under_way",
        "gauge",
        "sanctum.exporter.runs_under_way",
        "{run}",
        "Runs that are not completed, were not ended on purpose, and were heard of within an hour.",
        _one(lambda exporter: sum(group.life.under_way for group in exporter.groups)),
    ),
    Metric(
        "sanctum_exporter_runs_midway",
        "gauge",
        "sanctum.exporter.runs_midway",
        "{run}",
        "Runs under way that have slots and whose end will be seen and is not near.",
        _one(lambda exporter: sum(group.life.midway for group in exporter.groups)),
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
