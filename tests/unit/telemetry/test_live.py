from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from types import SimpleNamespace
from typing import Any

import pytest

from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import events
from tests.live import live_event


class Zone(tzinfo):
    """A zone without a name."""

    def tzname(self, _: datetime | None) -> str | None:
        return None

    def dst(self, _: datetime | None) -> timedelta | None:
        return None


class NoOffset(Zone):
    """A zone that does not know how far it is from UTC."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        return None


class RaisingZone(Zone):
    """A zone that works for a while."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def utcoffset(self, _: datetime | None) -> timedelta:
        self.calls -= 1
        if self.calls < 0:
            raise RuntimeError("no offset any more")
        return timedelta(hours=1)


class StrangeTime(datetime):
    """A time that is later than every other, and cannot be told in seconds."""

    def __gt__(self, _: object) -> bool:
        return True

    def timestamp(self) -> float:
        raise RuntimeError("no seconds")


class ObjectArray:
    """What an array of objects does when it is compared: it answers with an array."""

    def __gt__(self, _: object) -> ObjectArray:
        return self

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")

    def __index__(self) -> int:
        raise TypeError("only integer scalar arrays can be converted to a scalar index")


class UnhashableText(str):
    """A text that raises when it is looked up."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # as a broken subclass has it


class Integer:
    """An integer of another library."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


def intake_after_start() -> Intake:
    """Return the state of a run that has just started, in 2030."""
    intake = Intake(Groups(clock=lambda: datetime(2030, 1, 1, tzinfo=UTC).timestamp()))
    intake.live(live_event(events.started()))
    return intake


def germinated(**changes: Any) -> Any:
    """Return a live SEED_GERMINATED with other attributes."""
    event = live_event(events.germinated())
    return SimpleNamespace(**{**vars(event), **changes})


@pytest.mark.parametrize(
    "timestamp",
    [ObjectArray(), RaisingZone, "not a time", 3, object()],
    ids=["an array", "a zone that raises", "a text", "a number", "an object"],
)
@pytest.mark.parametrize("event_type", ["SEED_GERMINATED", "BATCH_EPOCH_COMPLETED"])
def test_an_event_whose_time_cannot_be_read_changes_nothing(
    timestamp: Any, event_type: str
) -> None:
    """It is refused whole, and every later reading works."""
    if timestamp is RaisingZone:
        timestamp = datetime(2030, 1, 1, tzinfo=RaisingZone(calls=0))
    intake = intake_after_start()
    before = intake.readings()
    line = events.germinated() if event_type == "SEED_GERMINATED" else events.batch_completed(3)
    event = live_event(line)
    event.timestamp = timestamp
    intake.live(event)
    assert intake.readings() == before
    assert sum(intake.activity().rejected.values()) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: datetime(2030, 1, 1, tzinfo=NoOffset()),
        lambda: datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        lambda: datetime(2030, 1, 1),
        lambda: datetime(2030, 1, 1, 1, tzinfo=RaisingZone(calls=1)),
        lambda: StrangeTime(2030, 1, 1, tzinfo=UTC),
    ],
    ids=["without an offset", "two hours east", "naive", "of a failing zone", "of another class"],
)
def test_a_time_of_any_kind_is_kept_as_a_plain_one(make: Callable[[], datetime]) -> None:
    """What is stored can always be compared and told, whatever class or zone it came in."""
    intake = intake_after_start()
    intake.live(germinated(timestamp=make()))
    intake.live(germinated())
    for _ in range(2):
        (reading,) = intake.readings()
        assert reading.last_event_timestamp == 1893456000.0
        assert reading.slots.seed_lifecycle.germination_count == 2


@pytest.mark.parametrize(
    "event",
    [
        germinated(slot_id=UnhashableText("r0c0")),
        germinated(group_id=UnhashableText("default")),
        germinated(data=SimpleNamespace(env_id=0, slot_id=UnhashableText("r0c0"))),
        germinated(event_type=SimpleNamespace(_name_=UnhashableText("X"), name="SEED_GERMINATED")),
        germinated(data=SimpleNamespace(env_id=Integer(0), slot_id="r0c0")),
    ],
    ids=["slot_id", "group_id", "slot_id of the data", "event_type", "integer of a library"],
)
def test_texts_and_integers_of_other_classes_are_read_as_plain_ones(event: Any) -> None:
    """An event with them does what the same event with plain values does."""
    intake = intake_after_start()
    intake.live(event)
    (reading,) = intake.readings()
    assert reading.slots.slot_stage_counts["GERMINATED"] == 1
    assert reading.slots.seed_lifecycle.germination_count == 1
    assert sum(intake.activity().rejected.values()) == 0


def test_a_report_with_a_slot_that_cannot_be_looked_up_sets_the_slot() -> None:
    """The keys of seeds are made plain before anything is changed."""
    intake = intake_after_start()
    event = live_event(events.epoch_completed({}))
    report = {"stage": "TRAINING", "epochs_in_stage": 2}

    class Pairs(dict[Any, Any]):
        """A mapping whose key cannot be hashed again."""

        def items(self) -> Any:
            return [(UnhashableText("r0c0"), report)]

    event.data.seeds = Pairs(r0c0=report)
    intake.live(event)
    (reading,) = intake.readings()
    assert reading.slots.slot_stage_counts["TRAINING"] == 1
