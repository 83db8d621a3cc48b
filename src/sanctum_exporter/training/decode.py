"""A live snapshot of esper-lite, or of anything like it, as one of ours: a dozen numbers copied.

Source: ``SanctumSnapshot`` in ``esper.karn.sanctum.schema``.
"""

from __future__ import annotations

import sys
from math import isfinite
from typing import Annotated, Any, Final

import msgspec

from sanctum_exporter.readings import (
    STAGES,
    GroupReading,
    RunInfo,
    SeedLifecycleStats,
    SlotSnapshot,
    Trend,
    label_value,
)
from sanctum_exporter.telemetry.events import Count, Integer
from sanctum_exporter.telemetry.rejection import check_unicode, unreadable

# Snapshots tell ages, so the same instant comes out a little different each time.
_SAME_INSTANT_SECONDS: Final = 1.0

# Neither NaN nor infinite.
_Number = Annotated[float, msgspec.Meta(ge=0, le=sys.float_info.max)]


class _Lifecycle(msgspec.Struct, frozen=True, gc=False):
    germination_count: Count = 0
    prune_count: Count = 0
    fossilize_count: Count = 0
    active_count: Count | None = None
    total_slots: Count | None = None
    germination_rate: _Number = 0.0
    prune_rate: _Number = 0.0
    fossilize_rate: _Number = 0.0
    blend_success_rate: _Number = 0.0
    avg_lifespan_epochs: _Number = 0.0
    germination_trend: Trend = "stable"
    prune_trend: Trend = "stable"
    fossilize_trend: Trend = "stable"


class _RunConfig(msgspec.Struct, frozen=True, gc=False):
    n_episodes: Integer | None = None


class _Snapshot(msgspec.Struct, frozen=True, gc=False):
    total_slots: Count
    active_slots: Count | None = None
    slot_stage_counts: dict[str, Count] = {}
    slot_ids: list[Any] = []
    n_envs: Count | None = None
    avg_epochs_in_stage: _Number = 0.0
    current_episode: Integer = 0
    seed_lifecycle: _Lifecycle = _Lifecycle()
    run_id: str | None = None
    task_name: str | None = None
    reward_mode: str | None = None
    run_config: _RunConfig = _RunConfig()
    connected: bool = True
    runtime_seconds: float = 0.0
    staleness_seconds: float = 0.0


def read_snapshot(
    snapshot: Any, group_id: str, now: float, before: GroupReading | None
) -> tuple[GroupReading, bool]:
    """Return a live snapshot as a reading, and whether its group is configured (R2).

    What a snapshot does not carry has the value that esper-lite's has before training.

    Args:
        snapshot: an object with the attributes of ``SanctumSnapshot``, or a mapping of them, of
            which only ``total_slots`` must be there.
        group_id: its group.
        now: seconds since the epoch, at which it was taken.
        before: the reading before this one.

    Raises:
        RejectedEventError: if a field cannot be read; the detail names it.
    """
    try:
        read = msgspec.convert(snapshot, _Snapshot, from_attributes=True)
    # Up to msgspec 0.20 its errors are no ValueError.
    except (msgspec.MsgspecError, ValueError) as error:
        raise unreadable(type(snapshot).__name__, error) from None
    check_unicode(group_id=group_id, run_id=read.run_id, task_name=read.task_name)
    check_unicode(reward_mode=read.reward_mode)
    info = RunInfo(
        run_id=label_value(read.run_id or ""),
        task=label_value(read.task_name or ""),
        reward_mode=label_value(read.reward_mode or ""),
        planned_episodes=read.run_config.n_episodes or 0,
        start_timestamp=_instant(
            now, read.runtime_seconds or None, before.info.start_timestamp if before else None
        ),
    )
    active = _active_slots(read)
    seeds = msgspec.structs.asdict(read.seed_lifecycle)
    if seeds["active_count"] is None:
        seeds["active_count"] = active
    if seeds["total_slots"] is None:
        seeds["total_slots"] = read.total_slots
    slots = SlotSnapshot(
        total_slots=read.total_slots,
        active_slots=active,
        slot_stage_counts=_stage_counts(read),
        n_envs=_n_envs(read, snapshot),
        avg_epochs_in_stage=read.avg_epochs_in_stage,
        current_episode=read.current_episode,
        seed_lifecycle=SeedLifecycleStats(**seeds),
    )
    last_event = _instant(
        now, read.staleness_seconds, before.last_event_timestamp if before else None
    )
    configured = read.connected or bool(read.slot_ids) or read.total_slots > 0
    return GroupReading(group_id, slots, info, last_event), configured


def _active_slots(read: _Snapshot) -> int:
    if read.active_slots is not None:
        return read.active_slots
    if read.slot_stage_counts:
        return read.total_slots - read.slot_stage_counts.get("DORMANT", 0)
    return read.seed_lifecycle.active_count or 0


def _stage_counts(read: _Snapshot) -> dict[str, int]:
    if read.total_slots and not read.slot_stage_counts:
        return {}
    return {stage: read.slot_stage_counts.get(stage, 0) for stage in STAGES}


def _n_envs(read: _Snapshot, snapshot: Any) -> int:
    return len(getattr(snapshot, "envs", ())) if read.n_envs is None else read.n_envs


def _instant(now: float, age_seconds: float | None, before: float | None) -> float:
    """Return when something was that is so old; 0 for what has not been (None or infinite)."""
    if age_seconds is None or not isfinite(age_seconds):
        return 0.0
    instant = now - age_seconds
    if before is not None and abs(instant - before) < _SAME_INSTANT_SECONDS:
        return before
    return instant
