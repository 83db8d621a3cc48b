"""OpenTelemetry's own instruments."""

from __future__ import annotations

from functools import partial

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricReader

from benchmarks.ways import hook

GAUGES = (
    "total_slots",
    "active_slots",
    "slots",
    "envs",
    "mean_epochs_in_stage",
    "current_episode",
    "planned_episodes",
    "seed_rate_trend",
    "blend_success",
    "mean_seed_lifespan_epochs",
    "run_info",
    "run_start_timestamp",
    "last_event_timestamp",
)


class Instruments:
    """The metrics, of one provider."""

    def __init__(self, reader: MetricReader) -> None:
        meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("sanctum")
        self._gauges = {name: meter.create_gauge(f"sanctum.{name}") for name in GAUGES}
        self._germinated = meter.create_counter("sanctum.seeds_germinated")
        self._pruned = meter.create_counter("sanctum.seeds_pruned")
        self._fossilized = meter.create_counter("sanctum.seeds_fossilized")
        self._events = meter.create_counter("sanctum.exporter.events")

    def numbers(self, group_id: str, run_id: str, task: str, reward_mode: str) -> hook.Numbers:
        """Return the metrics of a group, their attributes made once."""
        group = {"group_id": group_id}
        run = {**group, "run_id": run_id, "task": task, "reward_mode": reward_mode}
        self._setter("run_info", run)(1)
        return hook.Numbers(
            total_slots=self._setter("total_slots", group),
            active_slots=self._setter("active_slots", group),
            stages={name: self._setter("slots", {**group, "stage": name}) for name in hook.STAGES},
            envs=self._setter("envs", group),
            mean_epochs_in_stage=self._setter("mean_epochs_in_stage", group),
            current_episode=self._setter("current_episode", group),
            planned_episodes=self._setter("planned_episodes", group),
            germinated=partial(self._germinated.add, attributes=group),
            pruned=partial(self._pruned.add, attributes=group),
            fossilized=partial(self._fossilized.add, attributes=group),
            trends={
                name: self._setter("seed_rate_trend", {**group, "event": name})
                for name in hook.TRENDS
            },
            blend_success=self._setter("blend_success", group),
            mean_lifespan=self._setter("mean_seed_lifespan_epochs", group),
            run_start=self._setter("run_start_timestamp", group),
            last_event=self._setter("last_event_timestamp", group),
        )

    def counter_of_events(self, event_type: str) -> hook.Change:
        """Return what counts the events of a type."""
        return partial(self._events.add, attributes={"event_type": event_type})

    def _setter(self, name: str, attributes: dict[str, str]) -> hook.Change:
        return partial(self._gauges[name].set, attributes=attributes)


def make_hook(new_group: type[hook.Group] = hook.CarefulGroup) -> hook.Hook:
    """Return the hook with new instruments."""
    return hook.Hook(Instruments(InMemoryMetricReader()), new_group)
