from __future__ import annotations

import copy
import gc
import pickle
import weakref
from types import SimpleNamespace
from typing import Any

import pytest

from sanctum_exporter.training.snapshots import Snapshots
from sanctum_exporter.training.tap import Tap, snapshot_method, tap
from tests.aggregators import Aggregator, Backend, DeadAggregator, Registry


def snapshots() -> Snapshots:
    """Return what takes snapshots in."""
    return Snapshots("default", 60.0)


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
    assert vars(plain) == {"slots": 6, "taken": 0}
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
    target, published = DeadAggregator(), snapshots()
    tap(target, published)
    with pytest.raises(RuntimeError, match="fatal telemetry error"):
        target.get_snapshot()
    assert published.age_seconds() is None


def test_a_target_that_does_not_take_methods_is_refused() -> None:
    """An object with slots is refused in words."""

    class Slotted:
        __slots__ = ()

        def snapshot(self) -> None:
            """Return nothing."""

    with pytest.raises(TypeError, match="does not let its methods be replaced"):
        tap(Slotted(), snapshots())


def test_a_target_is_asked_as_its_users_ask_it() -> None:
    """A backend is asked itself, so that what it refuses its users is not published as fresh."""

    class Fatal(Backend):
        def get_all_snapshots(self) -> dict[str, Any]:
            raise RuntimeError("fatal telemetry error")

    with pytest.raises(RuntimeError, match="fatal"):
        snapshot_method(Fatal(Registry()))()


def test_a_tap_needs_its_method() -> None:
    """A method that is not there is an AttributeError."""
    with pytest.raises(AttributeError):
        Tap(Aggregator(), "get_everything", lambda _: None)
