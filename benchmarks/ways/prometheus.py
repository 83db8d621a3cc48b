"""prometheus_client's own gauges and counters, and its own server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Info,
    start_http_server,
)

from benchmarks.ways import hook


class Instruments:
    """The metrics, in a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._total = self._gauge("total_slots")
        self._active = self._gauge("active_slots")
        self._slots = self._gauge("slots", "stage")
        self._envs = self._gauge("envs")
        self._mean_epochs = self._gauge("mean_epochs_in_stage")
        self._episode = self._gauge("current_episode")
        self._planned = self._gauge("planned_episodes")
        self._germinated = self._counter("seeds_germinated", "group_id")
        self._pruned = self._counter("seeds_pruned", "group_id")
        self._fossilized = self._counter("seeds_fossilized", "group_id")
        self._trends = self._gauge("seed_rate_trend", "event")
        self._blend_success = self._gauge("blend_success_ratio")
        self._lifespan = self._gauge("mean_seed_lifespan_epochs")
        self._info = Info("sanctum_run", "The run.", ("group_id",), registry=registry)
        self._start = self._gauge("run_start_timestamp_seconds")
        self._last = self._gauge("last_event_timestamp_seconds")
        self._events = self._counter("exporter_events", "event_type")

    def numbers(self, group_id: str, run_id: str, task: str, reward_mode: str) -> hook.Numbers:
        """Return the metrics of a group, their labels looked up once."""
        self._info.labels(group_id).info(
            {"run_id": run_id, "task": task, "reward_mode": reward_mode}
        )
        return hook.Numbers(
            total_slots=self._total.labels(group_id).set,
            active_slots=self._active.labels(group_id).set,
            stages={stage: self._slots.labels(group_id, stage).set for stage in hook.STAGES},
            envs=self._envs.labels(group_id).set,
            mean_epochs_in_stage=self._mean_epochs.labels(group_id).set,
            current_episode=self._episode.labels(group_id).set,
            planned_episodes=self._planned.labels(group_id).set,
            germinated=self._germinated.labels(group_id).inc,
            pruned=self._pruned.labels(group_id).inc,
            fossilized=self._fossilized.labels(group_id).inc,
            trends={name: self._trends.labels(group_id, name).set for name in hook.TRENDS},
            blend_success=self._blend_success.labels(group_id).set,
            mean_lifespan=self._lifespan.labels(group_id).set,
            run_start=self._start.labels(group_id).set,
            last_event=self._last.labels(group_id).set,
        )

    def counter_of_events(self, event_type: str) -> hook.Change:
        """Return what counts the events of a type."""
        return self._events.labels(event_type).inc

    def _gauge(self, name: str, *labels: str) -> Gauge:
        names = ("group_id", *labels)
        return Gauge(f"sanctum_{name}", name, names, registry=self._registry)

    def _counter(self, name: str, *labels: str) -> Counter:
        return Counter(f"sanctum_{name}", name, labels, registry=self._registry)


def make_hook(new_group: type[hook.Group] = hook.Group) -> hook.Hook:
    """Return the hook with new metrics."""
    return hook.Hook(Instruments(CollectorRegistry()), new_group)


def serve() -> tuple[int, Callable[[Any], object]]:
    """Serve on a free port of the loopback; return it and what takes events in."""
    registry = CollectorRegistry()
    for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)
    backend = hook.Hook(Instruments(registry), hook.CarefulGroup)
    server, _ = start_http_server(0, "127.0.0.1", registry)
    return server.server_port, backend.emit
