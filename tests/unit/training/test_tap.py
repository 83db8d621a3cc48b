from __future__ import annotations

import copy
import gc
import pickle
import weakref
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from sanctum_exporter.training.refresher import Refresher
from sanctum_exporter.training.snapshots import Snapshots
from sanctum_exporter.training.tap import Tap, snapshot_method, tap
from tests.clocks import Clock
from tests.waiting import eventually


class Aggregator:
    """Gives snapshots with the slots that it was told."""

    def __init__(self, slots: int = 6) -> None:
        self.slots = slots

    def get_snapshot(self, factor: int = 1) -> SimpleNamespace:
        """Return a snapshot."""
        return SimpleNamespace(total_slots=self.slots * factor, connected=True)


class Registry:
    """Gives the snapshots of its aggregators."""

    def __init__(self, **aggregators: Aggregator) -> None:
        self.aggregators = aggregators

    def get_all_snapshots(self) -> dict[str, SimpleNamespace]:
        """Return them."""
        return {name: each.get_snapshot() for name, each in self.aggregators.items()}


class Backend:
    """Gives its registry's snapshots in two ways, as SanctumBackend does."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def get_all_snapshots(self) -> dict[str, SimpleNamespace]:
        """Return all."""
        return self._registry.get_all_snapshots()

    def get_snapshot(self) -> SimpleNamespace:
        """Return the first."""
        return min(self._registry.get_all_snapshots().items())[1]


def snapshots(**options: Any) -> Snapshots:
    """Return what takes snapshots in, with clocks that stand still."""
    clock = Clock()
    return Snapshots("default", 60.0, **{"clock": clock, "monotonic": clock, **options})


def totals(published: Snapshots) -> dict[str, int]:
    """Return the slots of each published group."""
    return {reading.group_id: reading.slots.total_slots for reading in published.readings()}


def test_an_aggregators_snapshots_are_published_and_returned() -> None:
    """The caller gets what it would have got, arguments and all, and it is published."""
    target, published = Aggregator(), snapshots()
    tap(target, published)
    assert target.get_snapshot(factor=2).total_slots == 12
    assert totals(published) == {"default": 12}


def test_a_registry_publishes_every_group() -> None:
    """The groups of a registry are published by name."""
    target, published = Registry(A=Aggregator(3), B=Aggregator(4)), snapshots()
    tap(target, published)
    target.get_all_snapshots()
    assert totals(published) == {"A": 3, "B": 4}


def test_a_backend_publishes_every_group_whichever_way_it_is_asked() -> None:
    """get_snapshot of a backend gives one group without a name, and publishes all with theirs."""
    second = Aggregator(4)
    target, published = Backend(Registry(A=Aggregator(3), B=second)), snapshots()
    tap(target, published)
    assert target.get_snapshot().total_slots == 3
    assert totals(published) == {"A": 3, "B": 4}
    second.slots = 5
    target.get_all_snapshots()
    assert totals(published) == {"A": 3, "B": 5}


def test_removing_restores_the_target_exactly() -> None:
    """Afterwards the target has what it had, also where it had a method of its own."""

    def own() -> SimpleNamespace:
        return SimpleNamespace(total_slots=1)

    plain, special = Aggregator(), Aggregator()
    special.get_snapshot = own  # type: ignore[method-assign, assignment]  # as a test double does
    before = dict(vars(special))
    for target in (plain, special):
        for each in tap(target, snapshots()):
            each.remove()
    assert vars(plain) == {"slots": 6}
    assert vars(special) == before


def test_a_wrapper_put_on_later_stays() -> None:
    """Where somebody wrapped the method since, removing silences ours and leaves theirs."""
    target, published = Aggregator(), snapshots()
    (ours,) = tap(target, published)
    inner = target.get_snapshot

    def theirs() -> SimpleNamespace:
        return inner()

    target.get_snapshot = theirs  # type: ignore[method-assign, assignment]  # as tracers do
    ours.remove()
    assert target.get_snapshot is theirs
    assert target.get_snapshot().total_slots == 6
    assert totals(published) == {"default": 0}


def test_a_tapped_target_can_still_be_pickled_copied_and_referenced() -> None:
    """What worked on the target works while it is attached; a copy of it is not attached."""
    target, published = Aggregator(), snapshots()
    tap(target, published)
    for twin in (copy.deepcopy(target), pickle.loads(pickle.dumps(target))):  # noqa: S301 - our own
        twin.slots = 99
        assert twin.get_snapshot().total_slots == 99
    assert totals(published) == {"default": 0}
    assert weakref.WeakMethod(target.get_snapshot)() == target.get_snapshot
    assert target.get_snapshot.__name__ == "get_snapshot"
    assert target.get_snapshot.__doc__ == "Return a snapshot."


def test_a_target_that_nobody_holds_is_collected() -> None:
    """The hook keeps an aggregator no longer than its handle."""
    target = Aggregator()
    gone = weakref.ref(target)
    tap(target, snapshots())
    del target
    gc.collect()
    assert gone() is None


def test_an_exception_of_the_target_is_the_callers() -> None:
    """What the target raises reaches whoever asked it, and nothing is published."""

    class Dead:
        def get_snapshot(self) -> object:
            raise KeyError("stage")

    target = Dead()
    tap(target, snapshots())
    with pytest.raises(KeyError, match="stage"):
        target.get_snapshot()


def test_a_target_that_does_not_take_methods_is_refused() -> None:
    """An object with slots is refused in words."""

    class Slotted:
        __slots__ = ()

        def snapshot(self) -> None:
            """Return nothing."""

    with pytest.raises(TypeError, match="does not let its methods be replaced"):
        tap(Slotted(), snapshots())


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


def test_readiness_follows_the_age_of_the_newest_snapshot() -> None:
    """It is not ready before the first snapshot, nor when the newest is too old."""
    clock = Clock()
    published = snapshots(monotonic=clock, clock=clock)
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


def test_a_refresh_takes_a_snapshot_where_nobody_does() -> None:
    """The first is taken at once; the next only when the newest is old enough."""
    ages: list[float | None] = [None, 0.0, 0.0]
    taken, asked = [], Event()

    def age() -> float | None:
        value = ages.pop(0) if ages else 0.0
        if not ages:
            asked.set()
        return value

    refresher = Refresher(lambda: taken.append(1), age, 0.001, lambda _: None)
    assert asked.wait(20)
    refresher.stop()
    refresher.join()
    assert taken == [1]


def test_a_refresh_survives_an_aggregator_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A snapshot that raises is logged once, and the next is tried all the same."""
    tries = []

    def fail() -> None:
        tries.append(1)
        raise RuntimeError("fatal telemetry error")

    refresher = Refresher(fail, lambda: None, 0.001, lambda _: None)
    eventually(lambda: len(tries) >= 3)
    refresher.stop()
    refresher.join()
    assert len(caplog.records) == 1


def test_a_refresh_asks_as_users_do() -> None:
    """A backend is asked itself, so that what it refuses its users is not published as fresh."""

    class Fatal(Backend):
        def get_all_snapshots(self) -> dict[str, SimpleNamespace]:
            raise RuntimeError("fatal telemetry error")

    with pytest.raises(RuntimeError, match="fatal"):
        snapshot_method(Fatal(Registry()))()


def test_a_tap_needs_its_method() -> None:
    """A method that is not there is an AttributeError."""
    with pytest.raises(AttributeError):
        Tap(Aggregator(), "get_everything", lambda _: None)
