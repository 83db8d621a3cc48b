"""The hook on a live aggregator: each snapshot that somebody takes is published on its way.

Nothing here takes a snapshot by itself but ``Refresher``, which is asked for: esper-lite takes
one under the lock that training events wait for, and it has side effects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from types import MethodType
from typing import Any, Final, Protocol, TypeAlias

from sanctum_exporter.training.snapshots import Snapshots

_ABSENT: Final = object()


class TakesSnapshot(Protocol):
    """For example a ``SanctumAggregator``."""

    def get_snapshot(self) -> object:
        """Return the state of one group."""
        ...


class HasSnapshot(Protocol):
    """Anything that gives its state as ``snapshot()``."""

    def snapshot(self) -> object:
        """Return the state of one group."""
        ...


class TakesAllSnapshots(Protocol):
    """For example an ``AggregatorRegistry`` or a ``SanctumBackend``."""

    def get_all_snapshots(self) -> Mapping[str, object]:
        """Return the state of each group."""
        ...


SnapshotSource: TypeAlias = TakesSnapshot | HasSnapshot | TakesAllSnapshots


class Tap:
    """A method of one object whose results are handed on, until it is removed.

    Args:
        target: the object.
        name: the method's name.
        hand_on: gets each result; must not raise.

    Raises:
        AttributeError: if the object has no such method or does not take another.
    """

    def __init__(self, target: Any, name: str, hand_on: Callable[[Any], None]) -> None:
        original = getattr(target, name)

        @wraps(original)
        def tapped(caller: Any, *args: Any, **kwargs: Any) -> Any:
            if caller is not target:
                # A deep copy of the target: it must not speak for it.
                return getattr(type(caller), name)(caller, *args, **kwargs)
            result = original(*args, **kwargs)
            if self._hand_on is not None:
                self._hand_on(result)
            return result

        # A bound method can be pickled, copied and weakly referenced as the one that was there.
        tapped.__name__ = name
        self._method = MethodType(tapped, target)
        self._target = target
        self._name = name
        self._before = vars(target).get(name, _ABSENT) if hasattr(target, "__dict__") else _ABSENT
        self._hand_on: Callable[[Any], None] | None = hand_on
        setattr(target, name, self._method)

    def remove(self) -> None:
        """Restore the target exactly; where somebody wrapped the method since, stay silent."""
        self._hand_on = None
        if vars(self._target).get(self._name) is not self._method:
            return
        if self._before is _ABSENT:
            delattr(self._target, self._name)
        else:
            setattr(self._target, self._name, self._before)


def tap(target: Any, snapshots: Snapshots) -> list[Tap]:
    """Publish every snapshot that somebody takes of a target.

    Raises:
        TypeError: if it is not one that snapshots are taken of.
    """
    # SanctumBackend takes both kinds of its snapshots from its registry, where groups have names.
    registry = getattr(target, "_registry", None)
    if callable(getattr(registry, "get_all_snapshots", None)):
        target = registry
    if callable(getattr(target, "get_all_snapshots", None)):
        methods: dict[str, Callable[[Any], None]] = {"get_all_snapshots": snapshots.take_all}
    else:
        methods = {
            name: snapshots.take
            for name in ("get_snapshot", "snapshot")
            if callable(getattr(target, name, None))
        }
    if not methods:
        raise TypeError(
            f"{type(target).__name__} has no get_snapshot(), snapshot() or get_all_snapshots(); "
            "attach an aggregator, a registry or a Sanctum backend"
        )
    try:
        return [Tap(target, name, hand_on) for name, hand_on in methods.items()]
    except AttributeError as error:
        raise TypeError(
            f"{type(target).__name__} does not let its methods be replaced ({error}); "
            "attach the registry or the backend that holds it"
        ) from error


def snapshot_method(target: Any) -> Callable[[], object]:
    """Return the target's snapshot method."""
    names = ("get_all_snapshots", "get_snapshot", "snapshot")
    name = next(name for name in names if callable(getattr(target, name, None)))
    method: Callable[[], object] = getattr(target, name)
    return method
