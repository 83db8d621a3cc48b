"""The hook that one would write first: the slots in a dict, and metrics set at each event.

It is written well: what can be looked up once is, a metric is set only by events that can change
it, nothing is recounted. It checks nothing, holds no lock over an event, and leaves out the life of
the run, all of which ours does. What it publishes is what ours publishes, which
tests/behaviour/test_benchmarks.py compares.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

STAGES = ("DORMANT", "GERMINATED", "TRAINING", "BLENDING", "HOLDING", "FOSSILIZED")
TRENDS = ("germination", "prune", "fossilize")

Change = Callable[[float], object]


@dataclass(frozen=True)
class Numbers:
    """The metrics of one group."""

    total_slots: Change
    active_slots: Change
    stages: dict[str, Change]
    envs: Change
    mean_epochs_in_stage: Change
    current_episode: Change
    planned_episodes: Change
    germinated: Change
    pruned: Change
    fossilized: Change
    trends: dict[str, Change]
    blend_success: Change
    mean_lifespan: Change
    run_start: Change
    last_event: Change


class Instruments(Protocol):
    """What a metrics library gives."""

    def numbers(self, group_id: str, run_id: str, task: str, reward_mode: str) -> Numbers:
        """Return the metrics of a group whose run has started."""
        ...

    def counter_of_events(self, event_type: str) -> Change:
        """Return what counts the events of a type."""
        ...


class Seed(NamedTuple):
    """What is in a slot."""

    stage: str
    epochs: int


EMPTY = Seed("DORMANT", 0)


class Hook:
    """A backend of esper-lite's hub.

    Args:
        instruments: the metrics.
        new_group: ``Group``, or ``CarefulGroup``.
    """

    def __init__(self, instruments: Instruments, new_group: type[Group]) -> None:
        self._instruments = instruments
        self._new_group = new_group
        self._groups: dict[str, Group] = {}
        self._counters: dict[str, Change] = {}

    def emit(self, event: Any) -> None:
        """Take in an event."""
        name = event.event_type.name
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = self._instruments.counter_of_events(name)
        counter(1)
        group_id = event.group_id or "default"
        if name == "TRAINING_STARTED":
            data = event.data
            numbers = self._instruments.numbers(
                group_id, data.episode_id, data.task, data.reward_mode
            )
            self._groups[group_id] = self._new_group(numbers, data, event.timestamp.timestamp())
        group = self._groups.get(group_id)
        if group is not None:
            group.take(name, event)


class Group:
    """The slots of a group, all of whose counts are set at each event that speaks of a slot."""

    def __init__(self, numbers: Numbers, data: Any, started: float) -> None:
        self._numbers = numbers
        self._slot_ids: Sequence[str] = data.slot_ids
        self._seeds: dict[tuple[int, str], Seed] = defaultdict(lambda: EMPTY)
        self._counts = dict.fromkeys(STAGES, 0)
        self._staged = self._epochs = 0
        self._germinated = self._pruned = self._fossilized = 0
        self._lifespans: deque[int] = deque(maxlen=100)
        self._rates: list[deque[float]] = [deque(maxlen=20) for _ in TRENDS]
        self._total = data.n_envs * len(data.slot_ids)
        numbers.total_slots(self._total)
        numbers.envs(data.n_envs)
        numbers.current_episode(data.start_episode)
        numbers.planned_episodes(data.n_episodes)
        numbers.run_start(started)
        numbers.blend_success(0)
        numbers.mean_lifespan(0)
        self._clear()

    def take(self, name: str, event: Any) -> None:
        """Take in an event of the group."""
        numbers = self._numbers
        numbers.last_event(event.timestamp.timestamp())
        data = event.data
        if name == "EPOCH_COMPLETED":
            if data.seeds is not None:
                for slot_id in self._slot_ids:
                    report = data.seeds.get(slot_id)
                    seed = Seed(report["stage"], report["epochs_in_stage"]) if report else EMPTY
                    self._put(data.env_id, slot_id, seed)
                self._publish()
        elif name == "SEED_STAGE_CHANGED":
            seed = Seed(data.to_stage, data.epochs_in_stage)
            self._put(data.env_id, event.slot_id or data.slot_id, seed)
            self._publish()
        elif name == "SEED_GERMINATED":
            self._germinated += 1
            numbers.germinated(1)
            seed = Seed("GERMINATED", data.epochs_in_stage)
            self._put(data.env_id, event.slot_id or data.slot_id, seed)
            self._publish()
        elif name == "SEED_PRUNED":
            self._pruned += 1
            numbers.pruned(1)
            self._put(data.env_id, event.slot_id or data.slot_id, Seed("PRUNED", 0))
            self._end_seed(data.epochs_total)
        elif name == "SEED_FOSSILIZED":
            self._fossilized += 1
            numbers.fossilized(1)
            slot_id = event.slot_id or data.slot_id
            epochs = self._seeds[data.env_id, slot_id].epochs
            self._put(data.env_id, slot_id, Seed("FOSSILIZED", epochs))
            self._end_seed(data.epochs_total)
        elif name == "BATCH_EPOCH_COMPLETED":
            self._end_batch(data.episodes_completed)

    def _put(self, env_id: int, slot_id: str, seed: Seed) -> None:
        before = self._seeds[env_id, slot_id]
        self._seeds[env_id, slot_id] = seed
        self._staged += (seed.stage != "DORMANT") - (before.stage != "DORMANT")
        self._epochs += seed.epochs * (seed.stage != "DORMANT")
        self._epochs -= before.epochs * (before.stage != "DORMANT")
        old = before.stage if before.stage in STAGES else "DORMANT"
        new = seed.stage if seed.stage in STAGES else "DORMANT"
        if old != new:
            self._counts[old] -= 1
            self._counts[new] += 1
            self._changed(old, new)

    def _changed(self, *stages: str) -> None:
        """Hear that the counts of stages are others now."""

    def _publish(self) -> None:
        self._publish_counts()
        self._publish_mean()

    def _publish_counts(self) -> None:
        for stage, set_count in self._numbers.stages.items():
            set_count(self._counts[stage])
        self._numbers.active_slots(self._total - self._counts["DORMANT"])

    def _publish_mean(self) -> None:
        self._numbers.mean_epochs_in_stage(self._epochs / self._staged if self._staged else 0)

    def _end_seed(self, epochs_total: int) -> None:
        if epochs_total > 0:
            self._lifespans.append(epochs_total)
            self._numbers.mean_lifespan(sum(self._lifespans) / len(self._lifespans))
        self._numbers.blend_success(self._fossilized / (self._fossilized + self._pruned))
        self._publish()

    def _end_batch(self, episodes: int) -> None:
        self._numbers.current_episode(episodes)
        counts = (self._germinated, self._pruned, self._fossilized)
        for name, rates, count in zip(TRENDS, self._rates, counts, strict=True):
            rates.append(count / episodes)
            self._numbers.trends[name](trend(list(rates)))
        self._clear()

    def _clear(self) -> None:
        self._seeds.clear()
        self._staged = self._epochs = 0
        self._counts = {**dict.fromkeys(STAGES, 0), "DORMANT": self._total}
        self._publish_counts()
        self._publish_mean()


class CarefulGroup(Group):
    """A group that sets only those counts that have changed."""

    def _changed(self, *stages: str) -> None:
        for stage in stages:
            self._numbers.stages[stage](self._counts[stage])
        self._numbers.active_slots(self._total - self._counts["DORMANT"])

    def _publish(self) -> None:
        self._publish_mean()


def trend(rates: Sequence[float]) -> int:
    """Return -1, 0 or 1 for rates that fall, stay or rise."""
    if len(rates) < 5:
        return 0
    older = rates[-10:-5] if len(rates) >= 10 else rates[:5]
    before, now = sum(older) / len(older), sum(rates[-5:]) / 5
    limit = 0.2 * max(abs(before), 0.01)
    return (now - before > limit) - (now - before < -limit)
