"""What is read of an event, and why one is rejected."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest

from sanctum_exporter.state.groups import Groups
from sanctum_exporter.telemetry.decode import decode
from sanctum_exporter.telemetry.events import (
    EVENT_TYPES,
    BatchEpochCompleted,
    EpochCompleted,
    OtherEvent,
    SeedGerminated,
    SeedReport,
    TrainingStarted,
)
from sanctum_exporter.telemetry.live import convert
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError
from tests import events

GERMINATED = {"env_id": 0, "slot_id": "r0c0"}
STARTED = {"n_envs": 2, "slot_ids": ["r0c0"]}


def without(data: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a payload that lacks a field."""
    return {key: value for key, value in data.items() if key != name}


def take(line: bytes) -> None:
    """Decode a line and tell its group."""
    event = decode(line)
    event.tell(Groups()[event.group_id])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"garbage", Reason.INVALID_JSON),
        (b'{"event_type": "SEED_PRUNED", "da', Reason.INVALID_JSON),
        (events.germinated() + b" x", Reason.INVALID_JSON),
        (b"[" * 100_000, Reason.INVALID_JSON),
        (b"\xff\xfe\x00garbage", Reason.INVALID_ENCODING),
        (events.germinated().replace(b'"default"', b'"\xff"'), Reason.INVALID_ENCODING),
        (b"[]", Reason.INVALID_ENVELOPE),
        (b"17", Reason.INVALID_ENVELOPE),
        (b"{}", Reason.INVALID_ENVELOPE),
        (b'{"event_type": null}', Reason.INVALID_ENVELOPE),
        (b'{"event_type": 5}', Reason.INVALID_ENVELOPE),
        (events.line("SEED_GERMINATED"), Reason.MISSING_DATA),
        (events.line("BATCH_EPOCH_COMPLETED"), Reason.MISSING_DATA),
        (events.line("SEED_GERMINATED", without(GERMINATED, "env_id")), Reason.MISSING_FIELD),
        (events.line("TRAINING_STARTED", without(STARTED, "n_envs")), Reason.MISSING_FIELD),
        (events.line("TRAINING_STARTED", without(STARTED, "slot_ids")), Reason.MISSING_FIELD),
        (events.line("SEED_STAGE_CHANGED", GERMINATED), Reason.MISSING_FIELD),
        (events.epoch_completed({"r0c0": {"stage": "TRAINING"}}), Reason.MISSING_FIELD),
        (events.line("SEED_GERMINATED", [1]), Reason.INVALID_FIELD),
        (events.line("SEED_GERMINATED", {**GERMINATED, "env_id": "0"}), Reason.INVALID_FIELD),
        (events.line("SEED_GERMINATED", {**GERMINATED, "env_id": True}), Reason.INVALID_FIELD),
        (events.line("SEED_GERMINATED", {**GERMINATED, "env_id": -1}), Reason.INVALID_FIELD),
        (events.line("SEED_GERMINATED", {**GERMINATED, "slot_id": 5}), Reason.INVALID_FIELD),
        (events.line("TRAINING_STARTED", {**STARTED, "n_envs": 2**60}), Reason.INVALID_FIELD),
        (events.line("TRAINING_STARTED", {**STARTED, "slot_ids": "r0c0"}), Reason.INVALID_FIELD),
        (events.line("BATCH_EPOCH_COMPLETED", {"episodes_completed": None}), Reason.INVALID_FIELD),
        (
            events.line("BATCH_EPOCH_COMPLETED", {"episodes_completed": float("nan")}),
            Reason.INVALID_FIELD,
        ),
        (events.epoch_completed({"r0c0": 5}), Reason.INVALID_FIELD),
        (events.line("SEED_GERMINATED", GERMINATED, timestamp="yesterday"), Reason.INVALID_FIELD),
        (events.line("SEED_GERMINATED", GERMINATED, group_id=["A"]), Reason.INVALID_FIELD),
        (events.line("SEED_GERMINATED", GERMINATED, group_id="\ud800"), Reason.INVALID_ENCODING),
        (events.line("TRAINING_STARTED", {**STARTED, "task": "\ud800"}), Reason.INVALID_ENCODING),
    ],
)
def test_line_that_cannot_be_read_is_rejected_for_its_reason(line: bytes, reason: Reason) -> None:
    """Every way to be wrong has one reason of the closed set."""
    with pytest.raises(RejectedEventError) as caught:
        take(line)
    assert caught.value.reason is reason


def test_a_rejection_names_the_type_and_the_field() -> None:
    """The message tells where to look."""
    with pytest.raises(RejectedEventError, match=r"SEED_GERMINATED: .*\$\.data\.env_id"):
        decode(events.line("SEED_GERMINATED", {**GERMINATED, "env_id": "0"}))


@pytest.mark.parametrize(
    "line",
    [
        events.line("ANALYTICS_SNAPSHOT", {"total_reward": float("nan"), "x": float("inf")}),
        events.line("ANALYTICS_SNAPSHOT", {"episodes_completed": None, "env_id": "none"}),
        events.line("MORPHOLOGY_CAUSAL_LOG", [1, 2]),
        events.line("PLATEAU_DETECTED", None, timestamp="yesterday"),
        events.line("PLATEAU_DETECTED", None, group_id=["A"]),
        events.line("PLATEAU_DETECTED", None, message="\ud800", group_id="\ud800"),
        b'{"event_type": "PLATEAU_DETECTED", "message": "\xff\xfe", "x": NaN}',
    ],
)
def test_contents_of_a_type_that_is_not_read_are_never_rejected(line: bytes) -> None:
    """R6: whatever stands in such a line is none of our business."""
    assert EVENT_TYPES[type(decode(line))] in {
        "ANALYTICS_SNAPSHOT",
        "MORPHOLOGY_CAUSAL_LOG",
        "PLATEAU_DETECTED",
    }


def test_fields_that_are_not_read_cannot_make_an_event_unreadable() -> None:
    """R6: a diverged run writes bare NaN, and strings in place of floats."""
    report = {"r0c0": {"stage": "TRAINING", "epochs_in_stage": 1, "alpha": "0.5"}}
    data = {"env_id": 1, "val_loss": float("nan"), "val_accuracy": "inf", "seeds": report}
    event = decode(events.line("EPOCH_COMPLETED", data, seed_id=7, epoch="three"))
    assert isinstance(event, EpochCompleted)
    assert event.data.seeds == {"r0c0": SeedReport("TRAINING", 1)}


def test_missing_group_and_time_are_fine() -> None:
    """Older files and hand-written lines lack them."""
    event = decode(json.dumps({"event_type": "SEED_GERMINATED", "data": GERMINATED}).encode())
    assert (event.group_id, event.timestamp) == (None, None)


def test_naive_time_is_utc() -> None:
    """The writer of esper-lite writes aware times, others may not."""
    event = decode(events.line("SEED_GERMINATED", GERMINATED, timestamp="2026-11-22T12:00:00"))
    assert event.timestamp == datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_unknown_type_is_an_other_event() -> None:
    """A newer esper-lite may send types that did not exist when this was written."""
    event = decode(events.line("SEED_TRANSPLANTED", {"env_id": "x"}, group_id="A"))
    assert isinstance(event, OtherEvent)
    assert event.group_id == "A"


class HostType(Enum):
    """Stands in for esper-lite's enum of types."""

    SEED_GERMINATED = 1
    EPOCH_COMPLETED = 2
    BATCH_EPOCH_COMPLETED = 3
    TRAINING_STARTED = 4
    ANALYTICS_SNAPSHOT = 5
    SEED_TRANSPLANTED = 6


@dataclass
class Payload:
    """Stands in for any of esper-lite's payloads."""

    env_id: Any = 0
    slot_id: Any = "r0c0"
    epochs_in_stage: Any = 2
    seeds: Any = None
    episodes_completed: Any = 4
    n_envs: Any = 2
    slot_ids: Any = ("r0c0", "r0c1")
    total_reward: float = float("nan")


@dataclass
class HostEvent:
    """Stands in for esper-lite's TelemetryEvent."""

    event_type: Any
    data: Any = field(default_factory=Payload)
    timestamp: Any = datetime(2026, 11, 22, 12, tzinfo=UTC)
    slot_id: Any = None
    group_id: Any = "A"


def test_live_event_is_read_like_its_line() -> None:
    """The same struct comes from an object and from the line that esper-lite writes of it."""
    data = {"env_id": 0, "slot_id": "r0c0", "epochs_in_stage": 2}
    line = events.line("SEED_GERMINATED", data, group_id="A")
    assert convert(HostEvent(HostType.SEED_GERMINATED)) == decode(line)


def test_live_report_may_hold_aggregates_and_other_libraries_integers() -> None:
    """Integers of NumPy and the like have __index__; aggregates are no slots."""

    class Int64:
        def __index__(self) -> int:
            return 3

    seeds = {
        "__aggregate__": {"gradient_norm": 1.0},
        "r0c0": {"stage": "TRAINING", "epochs_in_stage": Int64(), "alpha": 0.5},
    }
    event = convert(HostEvent(HostType.EPOCH_COMPLETED, Payload(env_id=Int64(), seeds=seeds)))
    assert isinstance(event, EpochCompleted)
    assert event.data.env_id == 3
    assert event.data.seeds == {"r0c0": SeedReport("TRAINING", 3)}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (HostEvent(HostType.SEED_GERMINATED), SeedGerminated),
        (HostEvent(HostType.BATCH_EPOCH_COMPLETED), BatchEpochCompleted),
        (HostEvent(HostType.TRAINING_STARTED), TrainingStarted),
        (HostEvent(HostType.SEED_TRANSPLANTED, data=object()), OtherEvent),
    ],
)
def test_live_events_of_every_kind_are_read(event: HostEvent, expected: type) -> None:
    """Types that are read, and types that nobody knew."""
    assert type(convert(event)) is expected


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (object(), Reason.INVALID_ENVELOPE),
        (HostEvent("SEED_GERMINATED"), Reason.INVALID_ENVELOPE),
        (HostEvent(HostType.SEED_GERMINATED, data=None), Reason.MISSING_DATA),
        (HostEvent(HostType.SEED_GERMINATED, data=object()), Reason.MISSING_FIELD),
        (HostEvent(HostType.SEED_GERMINATED, Payload(env_id=None)), Reason.INVALID_FIELD),
        (HostEvent(HostType.SEED_GERMINATED, group_id=3), Reason.INVALID_FIELD),
        (HostEvent(HostType.SEED_GERMINATED, timestamp="x"), Reason.INVALID_FIELD),
    ],
)
def test_live_object_that_cannot_be_read_is_rejected(event: Any, reason: Reason) -> None:
    """A live object that cannot be read raises our exception and never another."""
    with pytest.raises(RejectedEventError) as caught:
        convert(event)
    assert caught.value.reason is reason
