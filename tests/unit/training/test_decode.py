from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest

from sanctum_exporter.readings import GroupReading
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError
from sanctum_exporter.training.decode import read_snapshot
from tests import recordings

NOW = 2000.0


def read(snapshot: object, before: GroupReading | None = None, now: float = NOW) -> GroupReading:
    """Return the reading of a snapshot."""
    return read_snapshot(snapshot, "A", now, before)[0]


def live(row: dict[str, Any]) -> SimpleNamespace:
    """Return a row of golden values as the live object that they were read from."""
    fields = {**row, "seed_lifecycle": SimpleNamespace(**row["seed_lifecycle"])}
    envs = dict.fromkeys(range(fields.pop("n_envs")))
    return SimpleNamespace(**fields, envs=envs)


@pytest.mark.parametrize("name", recordings.NAMES)
def test_every_value_of_the_original_is_copied(name: str) -> None:
    """Each row of values that the original computed comes out as it went in."""
    for row in recordings.golden(name):
        values = recordings.values(row)
        assert asdict(read(live(values)).slots) == values


def test_the_run_is_read_where_it_is_told() -> None:
    """Run, task, reward mode, planned episodes and start come along; ages become times."""
    snapshot = SimpleNamespace(
        total_slots=12,
        run_id="run_1",
        task_name="cifar_baseline",
        reward_mode=None,
        run_config=SimpleNamespace(n_episodes=40),
        runtime_seconds=500.0,
        staleness_seconds=3.0,
    )
    reading = read(snapshot)
    assert (reading.info.run_id, reading.info.task) == ("run_1", "cifar_baseline")
    assert (reading.info.reward_mode, reading.info.planned_episodes) == ("", 40)
    assert (reading.info.start_timestamp, reading.last_event_timestamp) == (1500.0, 1997.0)


def test_an_instant_does_not_tremble() -> None:
    """The same start, told as an age a little off each time, stays the same start."""
    first = read(SimpleNamespace(total_slots=1, runtime_seconds=500.0, staleness_seconds=0.0))
    later = SimpleNamespace(total_slots=1, runtime_seconds=510.003, staleness_seconds=10.002)
    second = read(later, first, NOW + 10)
    assert second.info.start_timestamp == first.info.start_timestamp
    assert second.last_event_timestamp == first.last_event_timestamp


def test_what_never_was_is_zero() -> None:
    """Before the first event, and before training, the times are 0."""
    snapshot = SimpleNamespace(
        total_slots=0, runtime_seconds=0.0, staleness_seconds=float("inf"), connected=False
    )
    reading, configured = read_snapshot(snapshot, "A", NOW, None)
    assert (reading.info.start_timestamp, reading.last_event_timestamp) == (0.0, 0.0)
    assert not configured


@pytest.mark.parametrize(
    ("snapshot", "active", "counts"),
    [
        ({"total_slots": 6, "active_slots": 2}, 2, {}),
        ({"total_slots": 6, "slot_stage_counts": {"DORMANT": 5, "TRAINING": 1}}, 1, None),
        ({"total_slots": 6, "seed_lifecycle": {"active_count": 4}}, 4, {}),
        ({"total_slots": 0}, 0, None),
    ],
)
def test_what_a_snapshot_carries_is_enough(
    snapshot: dict[str, Any], active: int, counts: dict[str, int] | None
) -> None:
    """A snapshot needs only total_slots, and may be a mapping or an object."""
    slots = read(snapshot).slots
    assert slots.active_slots == slots.seed_lifecycle.active_count == active
    assert slots.seed_lifecycle.total_slots == snapshot["total_slots"]
    if counts is None:
        assert sum(slots.slot_stage_counts.values()) == snapshot["total_slots"]
        assert len(slots.slot_stage_counts) == 6
    else:
        assert slots.slot_stage_counts == counts


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, Reason.MISSING_FIELD),
        ({"total_slots": -1}, Reason.INVALID_FIELD),
        ({"total_slots": 2**53 + 1}, Reason.INVALID_FIELD),
        ({"total_slots": 1, "current_episode": "x"}, Reason.INVALID_FIELD),
        ({"total_slots": 1, "avg_epochs_in_stage": float("nan")}, Reason.INVALID_FIELD),
        ({"total_slots": 1, "seed_lifecycle": {"prune_rate": float("inf")}}, Reason.INVALID_FIELD),
        ({"total_slots": 1, "seed_lifecycle": {"prune_trend": "up"}}, Reason.INVALID_FIELD),
        ({"total_slots": 1, "run_id": "\ud800"}, Reason.INVALID_ENCODING),
    ],
)
def test_a_snapshot_that_cannot_be_read_is_rejected(fields: dict[str, Any], reason: Reason) -> None:
    """What is missing or wrong is named, and nothing is published of it."""
    with pytest.raises(RejectedEventError) as rejected:
        read(fields)
    assert rejected.value.reason is reason
