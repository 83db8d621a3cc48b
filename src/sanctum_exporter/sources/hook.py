"""The hook on a live aggregator: each snapshot that somebody takes is published on its way.

Nothing here takes a snapshot by itself but ``Refresher``, which is asked for: esper-lite takes
one under the lock that training events wait for, and it has side effects.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from threading import Event, Thread
from types import MethodType
from typing import Any, Final, Protocol, TypeAlias

from sanctum_exporter.events import Reason, RejectedEventError
from sanctum_exporter.groups import Groups
from sanctum_exporter.rejections import Rejections
from sanctum_exporter.snapshot import DEFAULT_GROUP, Activity, GroupReading
from sanctum_exporter.sources.hostsnapshot import read_snapshot

_log = logging.getLogger(__name__)

_JOIN_SECONDS: Final = 0.2
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


class Snapshots:
    """The newest snapshot of each group, as a ``Publisher``; taking one in never raises.

    Args:
        group_id: the group of snapshots that come without one.
        max_age_seconds: how old the newest snapshot may be while the exporter is ready.
        clock: seconds since the epoch.
        monotonic: monotonic seconds, for ages.
    """

    def __init__(
        self,
        group_id: str,
        max_age_seconds: float,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._group_id = group_id
        self._max_age_seconds = max_age_seconds
        self._clock = clock
        self._monotonic = monotonic
        self._newest_at: float | None = None
        self._groups: dict[str, GroupReading] = {}
        self._configured: set[str] = set()
        self._unconfigured = Groups(placeholder=True, clock=clock)
        self._rejections = Rejections(
            "attached aggregator",
            what="snapshot",
            advice="; training is not affected; upgrade sanctum-exporter if esper-lite is newer",
            clock=monotonic,
        )

    def take(self, snapshot: object) -> None:
        """Take in the snapshot of the one group; None, as of an aggregator not ready, is none."""
        if snapshot is not None:
            self._take(self._group_id, snapshot)

    def take_all(self, snapshots: Any) -> None:
        """Take in the snapshots of every group, a mapping by id."""
        try:
            for group_id, snapshot in snapshots.items():
                # The original splits a heuristic run into "" and "default" (R1).
                if group_id or DEFAULT_GROUP not in snapshots:
                    self._take(group_id or DEFAULT_GROUP, snapshot)
            if not snapshots:
                self._newest_at = self._monotonic()
        except Exception as error:  # noqa: BLE001 - the host must never see a fault of ours
            self._rejections.add(Reason.INVALID_FIELD, f"not a mapping by group_id: {error!r}")

    def age_seconds(self) -> float | None:
        """Return how old the newest snapshot is, None if there is none."""
        return None if self._newest_at is None else self._monotonic() - self._newest_at

    def not_ready(self) -> str | None:
        """Say why the values are not to be relied on, None while they are."""
        age = self.age_seconds()
        if age is None:
            return (
                "nobody has taken a snapshot yet; without a terminal, attach with refresh_seconds"
            )
        if age > self._max_age_seconds:
            return f"the newest snapshot is {age:.0f} s old, more than {self._max_age_seconds:g} s"
        return None

    def readings(self) -> list[GroupReading]:
        """Return every published group, sorted by id."""
        groups = self._groups.copy()
        published = [groups[name] for name in sorted(groups) if name in self._configured]
        return published or self._unconfigured.readings()

    def activity(self) -> Activity:
        """Return how many snapshots were rejected, by reason; there are no events to count."""
        return Activity(rejected=self._rejections.counts())

    def _take(self, group_id: str, snapshot: object) -> None:
        try:
            reading, configured = read_snapshot(
                snapshot, group_id, self._clock(), self._groups.get(group_id)
            )
        except RejectedEventError as error:
            self._rejections.add(error.reason, error.detail)
            return
        except Exception as error:  # noqa: BLE001 - the host must never see a fault of ours
            self._rejections.add(Reason.INTERNAL_ERROR, repr(error))
            return
        self._groups[group_id] = reading
        if configured:
            self._configured.add(group_id)
        self._newest_at = self._monotonic()


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


def taker(target: Any) -> Callable[[], object]:
    """Return what takes the snapshots of a target, as its users call it."""
    names = ("get_all_snapshots", "get_snapshot", "snapshot")
    name = next(name for name in names if callable(getattr(target, name, None)))
    take: Callable[[], object] = getattr(target, name)
    return take


class Refresher:
    """Takes a snapshot from its own thread where nobody else has for some time.

    Args:
        take: takes one, which is published on its way.
        age_seconds: how old the newest snapshot is, None if there is none.
        interval_seconds: how old it may become.

    Raises:
        ValueError: if the interval is not above 0.
    """

    def __init__(
        self,
        take: Callable[[], object],
        age_seconds: Callable[[], float | None],
        interval_seconds: float,
    ) -> None:
        if interval_seconds <= 0:
            raise ValueError(f"refresh_seconds is {interval_seconds:g}; give seconds above 0")
        self._take = take
        self._age_seconds = age_seconds
        self._interval_seconds = interval_seconds
        self._failed = False
        self._stop = Event()
        self._thread = Thread(target=self._run, name="sanctum-exporter-refresh", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Tell the thread to end."""
        self._stop.set()

    def join(self) -> None:
        """Wait for the thread; one that waits for a snapshot ends as soon as it has it."""
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        wait = 0.0
        while not self._stop.wait(wait):
            age = self._age_seconds()
            if age is None or age >= self._interval_seconds:
                self._refresh()
                wait = self._interval_seconds
            else:
                wait = self._interval_seconds - age

    def _refresh(self) -> None:
        try:
            self._take()
        except Exception:  # noqa: BLE001 - not ours, and nobody else would see it
            if not self._failed:
                self._failed = True
                with suppress(Exception):
                    _log.warning(
                        "no snapshot can be taken of the attached aggregator, so its values get "
                        "old and /-/ready fails; the error is its own",
                        exc_info=True,
                    )
