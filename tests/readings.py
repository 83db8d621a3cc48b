"""Groups as they are published, with only what matters spelled out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sanctum_exporter.readings import (
    STAGES,
    GroupReading,
    RunInfo,
    RunLife,
    SeedLifecycleStats,
    SlotSnapshot,
)

NOW = 1_800_000_000.0


def reading(
    group_id: str = "default",
    *,
    stages: tuple[int, ...] = (8, 0, 2, 1, 0, 1),
    episode: int = 5,
    seeds: dict[str, Any] | None = None,
    info: dict[str, Any] | None = None,
    life: dict[str, Any] | None = None,
    last_event_timestamp: float = NOW - 1,
    run: str | None = None,
) -> GroupReading:
    """Return a group of a run that is under way, an hour after its start."""
    total = sum(stages)
    slots = SlotSnapshot(
        total_slots=total,
        active_slots=total - stages[0],
        slot_stage_counts=dict(zip(STAGES, stages, strict=True)),
        n_envs=4,
        avg_epochs_in_stage=0.0,
        current_episode=episode,
        seed_lifecycle=replace(SeedLifecycleStats(total_slots=total), **(seeds or {})),
    )
    return GroupReading(
        group_id,
        slots,
        replace(
            RunInfo("run_1", "cifar", "shaped", planned_episodes=10, start_timestamp=NOW - 3600),
            **(info or {}),
        ),
        last_event_timestamp,
        replace(
            RunLife("running", epochs_completed=100, under_way=True, midway=True), **(life or {})
        ),
        run,
    )
