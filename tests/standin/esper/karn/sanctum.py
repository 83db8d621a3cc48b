"""Aggregators of groups, with the shape of the snapshots that the terminal is drawn from."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any


@dataclass
class SeedLifecycleStats:
    """What became of the seeds."""

    germination_count: int = 0
    prune_count: int = 0
    fossilize_count: int = 0
    active_count: int = 0
    total_slots: int = 0


@dataclass
class SanctumSnapshot:
    """The state of one group, of which the real one holds a hundred times as much."""

    envs: dict[int, Any] = field(default_factory=dict)
    slot_ids: list[str] = field(default_factory=list)
    connected: bool = False
    run_id: str = ""
    task_name: str = ""
    reward_mode: str | None = None
    current_episode: int = 0
    total_slots: int = 0
    active_slots: int = 0
    slot_stage_counts: dict[str, int] = field(default_factory=dict)
    seed_lifecycle: SeedLifecycleStats = field(default_factory=SeedLifecycleStats)


class SanctumAggregator:
    """The state of one group."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._snapshot = SanctumSnapshot()
        self.snapshots_taken = 0

    def process_event(self, event: Any) -> None:
        with self._lock:
            now = self._snapshot
            if event.event_type.name == "TRAINING_STARTED":
                now.connected = True
                now.envs = dict.fromkeys(range(event.data.n_envs))
                now.slot_ids = list(event.data.slot_ids)
                now.run_id, now.task_name = event.data.episode_id, event.data.task
                now.total_slots = len(now.envs) * len(now.slot_ids)
            elif event.event_type.name == "SEED_GERMINATED":
                now.seed_lifecycle.germination_count += 1
                now.active_slots += 1

    def get_snapshot(self) -> SanctumSnapshot:
        with self._lock:
            self.snapshots_taken += 1
            now = self._snapshot
            now.slot_stage_counts = {
                "DORMANT": now.total_slots - now.active_slots,
                "GERMINATED": now.active_slots,
            }
            now.seed_lifecycle.active_count = now.active_slots
            now.seed_lifecycle.total_slots = now.total_slots
            return now


class AggregatorRegistry:
    """One aggregator a group."""

    def __init__(self) -> None:
        self._aggregators: dict[str, SanctumAggregator] = {}

    def process_event(self, event: Any) -> None:
        group_id = event.group_id
        self._aggregators.setdefault(group_id, SanctumAggregator()).process_event(event)

    def get_all_snapshots(self) -> dict[str, SanctumSnapshot]:
        return {name: each.get_snapshot() for name, each in list(self._aggregators.items())}


class SanctumBackend:
    """The backend that feeds the terminal."""

    def __init__(self) -> None:
        self._registry = AggregatorRegistry()

    def start(self) -> None:
        pass

    def emit(self, event: Any) -> None:
        self._registry.process_event(event)

    def close(self) -> None:
        pass

    def get_all_snapshots(self) -> dict[str, SanctumSnapshot]:
        return self._registry.get_all_snapshots()

    def get_snapshot(self) -> SanctumSnapshot:
        snapshots = self._registry.get_all_snapshots()
        return snapshots[min(snapshots)] if snapshots else SanctumSnapshot()
