from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sanctum_exporter.training.snapshots import Snapshots
from tests.clocks import Clock


def snapshots(clock: Clock | None = None) -> Snapshots:
    """Return what takes snapshots in, with clocks that stand still."""
    clock = clock or Clock()
    return Snapshots("default", 60.0, clock=clock, monotonic=clock)


def totals(published: Snapshots) -> dict[str, int]:
    """Return the slots of each published group."""
    return {reading.group_id: reading.slots.total_slots for reading in published.readings()}


def test_a_bad_snapshot_is_counted_logged_once_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Snapshots that cannot be read leave the last good one, and never raise."""
    published = snapshots()
    published.take(SimpleNamespace(total_slots=6))
    for bad in (3, SimpleNamespace(), SimpleNamespace(total_slots=-1), "x") * 10:
        published.take(bad)
    published.take_all(7)
    published.take_all({"A": SimpleNamespace(total_slots=2), "B": None})
    assert totals(published) == {"A": 2, "default": 6}
    rejected = published.activity().rejected
    assert rejected["missing_field"] == 10
    assert rejected["invalid_field"] == 32
    assert len(caplog.records) == 2
    assert "training is not affected" in caplog.text


class MuteError(Exception):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError("no text")

    __repr__ = __str__


class Hostile:
    """A mapping or a snapshot of which only the slots can be had; everything else raises."""

    total_slots = 1

    def __getattr__(self, name: str) -> Any:
        """Fail."""
        raise MuteError


def test_nothing_that_a_snapshot_does_reaches_whoever_took_it() -> None:
    """Objects that raise what cannot even be shown are counted as rejected."""
    published = snapshots()
    published.take(Hostile())
    published.take_all(Hostile())
    published.take_all({"A": Hostile()})
    rejected = published.activity().rejected
    assert (rejected["internal_error"], rejected["invalid_field"]) == (2, 1)
    assert totals(published) == {"default": 0}


def test_no_snapshot_is_not_a_bad_one() -> None:
    """An aggregator that is not ready and gives None is left alone."""
    published = snapshots()
    published.take(None)
    assert set(published.activity().rejected.values()) == {0}
    assert published.age_seconds() is None


def test_only_configured_groups_are_published() -> None:
    """The phantom "default" of an A/B run, and groups before training, are not published (R2)."""
    published = snapshots()
    phantom = SimpleNamespace(total_slots=0, slot_ids=[], connected=False)
    published.take_all({"default": phantom})
    assert totals(published) == {"default": 0}
    published.take_all({"default": phantom, "A": SimpleNamespace(total_slots=3)})
    assert totals(published) == {"A": 3}


def test_a_run_without_slots_is_published() -> None:
    """Training that has started with no slot is configured, and says 0."""
    published = snapshots()
    published.take_all({"A": SimpleNamespace(total_slots=0, slot_ids=[], connected=True)})
    assert totals(published) == {"A": 0}


def test_the_group_without_a_name_is_default() -> None:
    """The group "" is "default", and gives way where the original split a run in two (R1)."""
    published = snapshots()
    published.take_all({"": SimpleNamespace(total_slots=2)})
    assert totals(published) == {"default": 2}
    published.take_all(
        {"default": SimpleNamespace(total_slots=5), "": SimpleNamespace(total_slots=2)}
    )
    assert totals(published) == {"default": 5}


def test_an_empty_name_for_the_only_group_is_default() -> None:
    """What attach is told to call a group follows the same rule (R1)."""
    published = Snapshots("", 60.0)
    published.take(SimpleNamespace(total_slots=2))
    assert totals(published) == {"default": 2}


def test_readiness_follows_the_age_of_the_newest_snapshot() -> None:
    """Not ready before the first snapshot, nor when the newest is older than the stated age."""
    clock = Clock()
    published = snapshots(clock)
    assert "nobody has taken a snapshot yet" in (published.not_ready() or "")
    published.take(SimpleNamespace(total_slots=1))
    stamp = published.readings()[0].last_event_timestamp
    clock.now += 60
    assert published.not_ready() is None
    clock.now += 15
    assert published.not_ready() == "the newest snapshot is 75 s old, more than 60 s"
    assert published.readings()[0].last_event_timestamp == stamp == 1000.0
    published.take(SimpleNamespace(total_slots=1))
    assert published.not_ready() is None
    assert published.readings()[0].last_event_timestamp == 1075.0


def test_a_failure_makes_not_ready_at_once_until_the_next_snapshot() -> None:
    """However fresh the values are, they stay as they are once no snapshot can be taken."""
    published = snapshots()
    snapshot = SimpleNamespace(total_slots=1)
    for take, taken in (
        (published.take, snapshot),
        (published.take_all, {"A": snapshot}),
        (published.take_all, {}),
    ):
        published.note_failure("no snapshot can be taken: RuntimeError: fatal")
        assert published.not_ready() == "no snapshot can be taken: RuntimeError: fatal"
        published.take(3)
        assert published.not_ready() is not None
        take(taken)
        assert published.not_ready() is None


def snapshot(**fields: Any) -> SimpleNamespace:
    """Return a snapshot of a run of 16 episodes that started 100 s ago."""
    config = SimpleNamespace(n_episodes=16)
    return SimpleNamespace(
        **{"total_slots": 4, "n_envs": 4, "run_config": config, "runtime_seconds": 100.0, **fields}
    )


def test_values_that_are_not_to_be_relied_on_take_the_source_down() -> None:
    """A backend of esper-lite that died is frozen for ever, and the alert says so."""
    clock = Clock()
    published = snapshots(clock)
    assert "nobody has taken a snapshot yet" in (published.activity().source_failure or "")
    published.take(SimpleNamespace(total_slots=6))
    assert published.activity().source_failure is None
    published.note_failure("no snapshot can be taken: RuntimeError: fatal")
    assert published.activity().source_failure == "no snapshot can be taken: RuntimeError: fatal"
    published.take(SimpleNamespace(total_slots=6))
    clock.now += 75
    assert published.activity().source_failure == (
        "the newest snapshot is 75 s old, more than 60 s"
    )


def test_an_attached_run_is_paced_by_the_episodes_that_were_seen() -> None:
    """4 of its episodes took 50 s, so the 8 that are left take 100; then it is completed."""
    clock = Clock()
    published = snapshots(clock)
    published.take(snapshot(current_episode=4, staleness_seconds=0.0))
    clock.now += 50
    published.take(snapshot(current_episode=8, runtime_seconds=150.0, staleness_seconds=0.0))
    life = published.readings()[0].life
    assert (life.state, life.remaining_seconds) == ("running", 100.0)
    assert life.longest_silence_seconds == 50.0
    clock.now += 30
    assert published.readings()[0].life.remaining_seconds == 70.0
    published.take(snapshot(current_episode=16, runtime_seconds=180.0, staleness_seconds=0.0))
    life = published.readings()[0].life
    assert (life.state, life.under_way) == ("completed", False)


def test_an_attached_run_that_starts_anew_has_a_new_life() -> None:
    """Another start is another run, whose pace is not known yet."""
    clock = Clock()
    published = snapshots(clock)
    published.take(snapshot(current_episode=4, staleness_seconds=0.0))
    clock.now += 50
    published.take(snapshot(current_episode=8, runtime_seconds=150.0, staleness_seconds=0.0))
    clock.now += 50
    published.take(snapshot(current_episode=0, runtime_seconds=10.0, staleness_seconds=0.0))
    life = published.readings()[0].life
    assert (life.state, life.remaining_seconds) == ("running", 0.0)
    assert life.longest_silence_seconds == 0.0


def test_a_rejected_snapshot_is_dated() -> None:
    """The alert is about the last ten minutes."""
    clock = Clock(5000.0)
    published = snapshots(clock)
    assert published.activity().last_rejection_timestamp == 0.0
    published.take(3)
    assert published.activity().last_rejection_timestamp == 5000.0
