"""The groups of a run, each with its own state."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from threading import RLock
from typing import Final

from sanctum_exporter.readings import DEFAULT_GROUP, GroupReading, group_name
from sanctum_exporter.state.aggregator import Aggregator
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError, check_unicode
from sanctum_exporter.telemetry.times import check_believed, latest_believed

MOST_GROUPS: Final = 100
"""Groups of one source: esper-lite's runs have one or two, and each costs thirty-odd series."""


class Groups(dict[str | None, Aggregator]):
    """One aggregator a group, by id; made when its first event asks for it.

    One thread changes them, any number read them.

    A group is published once it is configured: hub-level events carry "default" even in an A/B
    run, and must not make a group without slots that pages somebody (R2).

    Args:
        num_envs: envs that each group has before its TRAINING_STARTED.
        placeholder: publish "default" with total_slots 0 while no group is configured.
        run: name of the run, where one exporter follows several.
        clock: seconds since the epoch, for what is judged by the present moment, for events that
            do not say when they happened, and for those that claim to be far ahead of it.
        most: how many groups are kept; events of any other are rejected.
        as_recorded: take the time of the newest event for the present moment.
    """

    def __init__(
        self,
        num_envs: int = 0,
        *,
        placeholder: bool = False,
        run: str | None = None,
        clock: Callable[[], float] = time.time,
        most: int = MOST_GROUPS,
        as_recorded: bool = False,
    ) -> None:
        super().__init__()
        self._num_envs = num_envs
        self._placeholder = placeholder
        self._run = run
        self._clock = clock
        self._most = most
        self._as_recorded = as_recorded
        # Reentrant: a signal handler may come in where its own thread holds the lock.
        self.lock: Final = RLock()
        """Held while an event changes its group, and while one group is read."""
        self.counted_since: Final = clock()
        """When the groups began to count, in seconds since the epoch."""
        self.believed_until = latest_believed(self.counted_since)
        """No event up to this time needs ``check_time``."""

    def __missing__(self, group_id: str | None) -> Aggregator:
        """Return the aggregator of a group that is new, or that the id does not name itself.

        Raises:
            RejectedEventError: if the id cannot stand in a label, or there are too many groups.
        """
        name = group_name(group_id)
        known = self.get(name)
        if known is not None:
            return known
        check_unicode(group_id=name)
        if len(self) >= self._most:
            raise RejectedEventError(
                Reason.BEYOND_LIMIT,
                f"group_id {name!r} is one more than the {self._most} groups that are kept",
            )
        aggregator = self[name] = self._new(name)
        return aggregator

    def read(self, group_id: str) -> GroupReading | None:
        """Return one group as it is published, None if it is not."""
        aggregator = self.get(group_id)
        if aggregator is None or not aggregator.configured:
            return None
        return self._reading(aggregator)

    def readings(self) -> list[GroupReading]:
        """Return every published group, sorted by id."""
        # A writer may add a group meanwhile; copy() takes them all in one step.
        aggregators = self.copy()
        published = [each for each in aggregators.values() if each.configured]
        if not published and self._placeholder:
            published = [aggregators.get(DEFAULT_GROUP) or self._new(DEFAULT_GROUP)]
        return [self._reading(each) for each in sorted(published, key=attrgetter("group_id"))]

    def check_time(self, timestamp: datetime) -> None:
        """Check that the time of an event is not far ahead of the clock.

        Raises:
            RejectedEventError: if it is.
        """
        # Asked once in a day, where asking the clock for each event would cost a training.
        self.believed_until = latest_believed(self._clock())
        check_believed(timestamp, self.believed_until)

    def end(self) -> None:
        """Note that somebody ends the runs on purpose: none of them is under way any more."""
        with self.lock:
            for aggregator in self.values():
                aggregator.end()

    def _reading(self, aggregator: Aggregator) -> GroupReading:
        now = self.now()
        with self.lock:
            slots, info, last_event_timestamp, life = aggregator.read(now)
        return GroupReading(
            aggregator.group_id,
            slots,
            info,
            last_event_timestamp,
            life,
            self._run,
            self.counted_since,
        )

    def last_event_timestamp(self) -> float:
        """Return the time of the newest event of all, in seconds since the epoch, 0 for none."""
        return max((each.last_event_timestamp for each in self.copy().values()), default=0.0)

    def now(self) -> float:
        """Return the present moment, in seconds since the epoch."""
        return self.last_event_timestamp() if self._as_recorded else self._clock()

    def _new(self, name: str) -> Aggregator:
        return Aggregator(name, self._num_envs, self._clock)
