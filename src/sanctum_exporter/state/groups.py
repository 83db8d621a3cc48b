"""Which group an event belongs to, and which groups are published."""

from __future__ import annotations

import time
from collections.abc import Callable

from sanctum_exporter.readings import DEFAULT_GROUP, GroupReading
from sanctum_exporter.state.aggregator import Aggregator
from sanctum_exporter.telemetry.events import Event
from sanctum_exporter.telemetry.rejection import check_unicode


class Groups:
    """One aggregator a group, made when its first event comes.

    A group is published once it is configured: hub-level events carry "default" even in an A/B
    run, and must not make a group without slots that pages somebody.

    Args:
        num_envs: envs that each group has before its TRAINING_STARTED.
        placeholder: publish "default" with total_slots 0 while no group is configured.
        run: name of the run, where one exporter follows several.
        clock: seconds since the epoch, for events that carry no time.
    """

    def __init__(
        self,
        num_envs: int = 0,
        *,
        placeholder: bool = False,
        run: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._num_envs = num_envs
        self._placeholder = placeholder
        self._run = run
        self._clock = clock
        self._aggregators: dict[str, Aggregator] = {}
        self.find: Callable[[str], Aggregator | None] = self._aggregators.get
        """Returns the aggregator of a group, None if there is none yet."""

    def apply(self, event: Event) -> str:
        """Take in one event and return the id of its group.

        Raises:
            RejectedEventError: if the event does not fit its group; nothing has changed.
        """
        group_id = event.group_id or DEFAULT_GROUP
        self.of(group_id).apply(event)
        return group_id

    def of(self, group_id: str) -> Aggregator:
        """Return the aggregator of a group, a new one if need be.

        Raises:
            RejectedEventError: if the id cannot stand in a label.
        """
        return self._aggregators.get(group_id) or self._create(group_id)

    def read(self, group_id: str) -> GroupReading | None:
        """Return one group as it is published, None if it is not."""
        aggregator = self._aggregators.get(group_id)
        if aggregator is None or not aggregator.configured:
            return None
        return self._reading(group_id, aggregator)

    def readings(self) -> list[GroupReading]:
        """Return every published group, sorted by id."""
        # A writer may add a group meanwhile; copy() takes them all in one step.
        aggregators = self._aggregators.copy()
        published = [
            self._reading(group_id, aggregators[group_id])
            for group_id in sorted(aggregators)
            if aggregators[group_id].configured
        ]
        if not published and self._placeholder:
            default = self._aggregators.get(DEFAULT_GROUP) or Aggregator()
            return [self._reading(DEFAULT_GROUP, default)]
        return published

    def _reading(self, group_id: str, aggregator: Aggregator) -> GroupReading:
        slots, info, last_event_timestamp = aggregator.read()
        return GroupReading(group_id, slots, info, last_event_timestamp, self._run)

    def _create(self, group_id: str) -> Aggregator:
        check_unicode(group_id=group_id)
        aggregator = self._aggregators[group_id] = Aggregator(self._num_envs, self._clock)
        return aggregator
