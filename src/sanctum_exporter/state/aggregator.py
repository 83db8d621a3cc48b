"""The state of one group: what happened in, readings out.

Counts move with each event, so a reading costs the same for four envs and for a hundred thousand,
and an empty slot costs nothing. Semantics are those of esper-lite's ``SanctumAggregator``, with the
differences that ``docs/adr/0002-where-we-differ.md`` explains.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sanctum_exporter.readings import (
    LONGEST_LABEL,
    STAGES,
    RunInfo,
    RunLife,
    SeedLifecycleStats,
    SlotSnapshot,
    label_value,
)
from sanctum_exporter.state.lifecycle import Lifecycle
from sanctum_exporter.state.trends import trend
from sanctum_exporter.telemetry.events import EXACT, SeedReport, TrainingStartedData
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError, check_unicode

LIFESPAN_WINDOW: Final = 100
RATE_WINDOW: Final = 20

MOST_SLOTS: Final = 10_000
"""Different slots of an env; esper-lite's hosts have a few dozen."""
MOST_SEEDS: Final = 1_000_000
"""Slots of all envs of which a group keeps the seed, for example a hundred thousand envs with ten
slots each. What further envs report is rejected; that there are as many is published."""

_ACTIVE_STAGES: Final[tuple[str, ...]] = STAGES[1:]
# Slot ids that esper-lite uses where it does not know the slot.
_NOT_SLOTS: Final = {"", "unknown"}

_EMPTY: Final = SeedReport("DORMANT", 0)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)


class Aggregator:
    """The slots of one group; a ``Listener``.

    Each method that says what happened takes the time of its event first, None where the event
    does not say, and checks before it changes anything. Whoever calls holds the lock of ``Groups``.

    Args:
        group_id: the group.
        num_envs: envs that exist before TRAINING_STARTED says how many there are.
        clock: seconds since the epoch, for events that do not say when they happened.
    """

    def __init__(
        self, group_id: str, num_envs: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        self.group_id: Final = group_id
        self._clock = clock
        self._locked = False
        self._n_envs = num_envs
        # Envs of a locked run whose seeds are kept: there may be more, which are but a number.
        self._kept_envs = 0
        self._learned_envs: set[int] = set()
        # How often an env has each slot: a duplicate in slot_ids counts twice.
        self._multiplicity: dict[str, int] = {}
        self._slots_per_env = 0

        self._seeds: dict[int, dict[str, SeedReport]] = {}
        self._stage_counts = dict.fromkeys(_ACTIVE_STAGES, 0)
        self._epochs_in_stage = 0
        self._staged_slots = 0

        self._current_episode = 0
        self._germinated = 0
        self._pruned = 0
        self._fossilized = 0
        self._lifespans: deque[int] = deque(maxlen=LIFESPAN_WINDOW)
        self._rates = tuple(deque[float](maxlen=RATE_WINDOW) for _ in range(3))

        self._info = RunInfo()
        self._life = Lifecycle()
        self._newest = _NEVER
        # An event up to here cannot end a longer silence than the longest.
        self._expected_until = _NEVER

    @property
    def configured(self) -> bool:
        """Whether the group has slots to speak of: a run has started, or a slot was learned."""
        return self._locked or self._slots_per_env > 0

    @property
    def last_event_timestamp(self) -> float:
        """The time of the newest event, in seconds since the epoch, 0 for none."""
        return 0.0 if self._newest is _NEVER else self._newest.timestamp()

    def read(self, now: float) -> tuple[SlotSnapshot, RunInfo, float, RunLife]:
        """Return slots, run, time of the newest event and the run's life, all of one moment."""
        slots, last_event = self._snapshot(), self.last_event_timestamp
        life = self._life.read(
            now=now,
            last_event=last_event,
            episode=slots.current_episode,
            total_slots=slots.total_slots,
        )
        return slots, self._info, last_event, life

    def end(self) -> None:
        """Note that somebody ends the run on purpose."""
        self._life.end()

    def _snapshot(self) -> SlotSnapshot:
        total = self._total_envs() * self._slots_per_env
        active = sum(self._stage_counts.values())
        ended = self._fossilized + self._pruned
        episodes = max(1, self._current_episode)
        lifespans = self._lifespans
        germination_rates, prune_rates, fossilize_rates = self._rates
        return SlotSnapshot(
            total_slots=total,
            active_slots=active,
            slot_stage_counts={"DORMANT": total - active, **self._stage_counts},
            n_envs=self._total_envs(),
            avg_epochs_in_stage=(
                self._epochs_in_stage / self._staged_slots if self._staged_slots else 0.0
            ),
            current_episode=self._current_episode,
            seed_lifecycle=SeedLifecycleStats(
                germination_count=self._germinated,
                prune_count=self._pruned,
                fossilize_count=self._fossilized,
                active_count=active,
                total_slots=total,
                germination_rate=self._germinated / episodes,
                prune_rate=self._pruned / episodes,
                fossilize_rate=self._fossilized / episodes,
                blend_success_rate=self._fossilized / ended if ended else 0.0,
                avg_lifespan_epochs=sum(lifespans) / len(lifespans) if lifespans else 0.0,
                germination_trend=trend(germination_rates),
                prune_trend=trend(prune_rates),
                fossilize_trend=trend(fossilize_rates),
            ),
        )

    def _total_envs(self) -> int:
        return self._n_envs + len(self._learned_envs)

    def training_started(self, timestamp: datetime | None, data: TrainingStartedData) -> None:
        """Begin a run: its capacity is known and locked, and every slot is empty.

        Raises:
            RejectedEventError: if the run's identity cannot stand in a label, or it has too many
                slots.
        """
        check_unicode(episode_id=data.episode_id, task=data.task, reward_mode=data.reward_mode)
        multiplicity = dict(Counter(data.slot_ids))
        _check_slots(len(multiplicity))
        timestamp = timestamp or self._now()
        self._info = RunInfo(
            run_id=label_value(data.episode_id or ""),
            task=label_value(data.task or ""),
            reward_mode=label_value(data.reward_mode or ""),
            planned_episodes=data.n_episodes or 0,
            start_timestamp=timestamp.timestamp(),
        )
        self._locked = True
        self._n_envs = data.n_envs
        self._kept_envs = min(data.n_envs, MOST_SEEDS // max(1, len(multiplicity)))
        self._learned_envs = set()
        self._multiplicity = multiplicity
        self._slots_per_env = len(data.slot_ids)
        self._current_episode = data.start_episode
        self._clear_seeds()
        self._note(timestamp)
        self._life.start(
            self._info.start_timestamp,
            run_id=self._info.run_id,
            start_episode=data.start_episode,
            planned_episodes=self._info.planned_episodes,
            n_envs=data.n_envs,
            max_epochs=_believable(data.max_epochs),
            baseline_mode=data.proof_baseline_mode,
        )
        self._expected_until = timestamp

    def seed_germinated(
        self, timestamp: datetime | None, env_id: int, slot_id: str, epochs_in_stage: int
    ) -> None:
        """Plant a seed.

        Raises:
            RejectedEventError: if the run has no such env; so do all that name an env.
        """
        self._admit(timestamp, env_id, slot_id)
        self._germinated += 1
        self._life.seeds_reported = True
        self._set(env_id, slot_id, SeedReport("GERMINATED", epochs_in_stage))

    def seed_stage_changed(
        self, timestamp: datetime | None, env_id: int, slot_id: str, seed: SeedReport
    ) -> None:
        """Put a seed into another stage."""
        self._admit(timestamp, env_id, slot_id)
        self._set(env_id, slot_id, seed)

    def seed_fossilized(
        self, timestamp: datetime | None, env_id: int, slot_id: str, epochs_total: int
    ) -> None:
        """End a seed well; it stays in its slot."""
        self._admit(timestamp, env_id, slot_id)
        self._fossilized += 1
        self._add_lifespan(epochs_total)
        epochs_in_stage = self._seeds.get(env_id, {}).get(slot_id, _EMPTY).epochs_in_stage
        self._set(env_id, slot_id, SeedReport("FOSSILIZED", epochs_in_stage))

    def seed_pruned(
        self, timestamp: datetime | None, env_id: int, slot_id: str, epochs_total: int
    ) -> None:
        """End a seed that did not help."""
        self._admit(timestamp, env_id, slot_id)
        self._pruned += 1
        self._add_lifespan(epochs_total)
        self._set(env_id, slot_id, SeedReport("PRUNED", 0))

    def seed_gate_evaluated(self, timestamp: datetime | None, env_id: int, slot_id: str) -> None:
        """Learn of a slot."""
        self._admit(timestamp, env_id, slot_id)

    def epoch_completed(
        self, timestamp: datetime | None, env_id: int, seeds: Mapping[str, SeedReport] | None
    ) -> None:
        """Set the slots of an env as it reports them; None is no report, an empty one clears."""
        if env_id >= self._kept_envs:
            self._admit_more(env_id, seeds or ())
        if seeds or (seeds is not None and env_id in self._seeds):
            self._set_env(env_id, seeds)
        self._life.epochs_completed += 1
        self._note(timestamp)

    def batch_epoch_completed(self, timestamp: datetime | None, episodes_completed: int) -> None:
        """End an episode of every env, which clears every slot."""
        self._current_episode = episodes_completed
        if episodes_completed > 0:
            counts = (self._germinated, self._pruned, self._fossilized)
            for rates, count in zip(self._rates, counts, strict=True):
                rates.append(count / episodes_completed)
        self._clear_seeds()
        timestamp = timestamp or self._now()
        self._note(timestamp)
        self._life.complete_batch(timestamp.timestamp())

    def something_happened(self, timestamp: datetime | None) -> None:
        """Note the time of an event that changes no number."""
        if timestamp is not None and timestamp > self._newest:
            if timestamp > self._expected_until:
                self._measure_silence(timestamp)
            self._newest = timestamp

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _note(self, timestamp: datetime | None) -> None:
        if timestamp is None:
            timestamp = self._now()
        if timestamp > self._newest:
            if timestamp > self._expected_until:
                self._measure_silence(timestamp)
            self._newest = timestamp

    def _measure_silence(self, timestamp: datetime) -> None:
        """Take the silence before an event that may be the longest of the run.

        Subtracting times costs a training more than comparing them, so it is done for one event
        in each span as long as the longest silence, and no longer one can be missed.
        """
        life = self._life
        if self._newest is not _NEVER:
            silence = (timestamp - self._newest).total_seconds()
            life.longest_silence_seconds = max(life.longest_silence_seconds, silence)
        try:
            self._expected_until = timestamp + timedelta(seconds=life.longest_silence_seconds)
        except OverflowError:
            self._expected_until = _FOR_EVER

    def _admit(self, timestamp: datetime | None, env_id: int, slot_id: str) -> None:
        """Learn time, env and slot of a seed event; a locked run has its envs and slots already."""
        if env_id >= self._kept_envs:
            self._admit_more(env_id, (slot_id,))
        self._note(timestamp)

    def _admit_more(self, env_id: int, slot_ids: Iterable[str]) -> None:
        """Learn an env and its slots before a run is locked; checks before it changes anything.

        Raises:
            RejectedEventError: if the run has no such env, or it is beyond what is kept.
        """
        if self._locked:
            if env_id >= self._n_envs:
                raise RejectedEventError(
                    Reason.UNKNOWN_ENV, f"env_id {env_id} of a run with {self._n_envs} envs"
                )
            _check_envs(env_id + 1, len(self._multiplicity))
            return
        envs = set() if env_id < self._n_envs else {env_id} - self._learned_envs
        slots = {*slot_ids} - self._multiplicity.keys() - _NOT_SLOTS
        n_slots = len(self._multiplicity) + len(slots)
        _check_slots(n_slots)
        _check_envs(self._n_envs + len(self._learned_envs) + len(envs), n_slots)
        if any(len(slot_id) > LONGEST_LABEL for slot_id in slots):
            too_long = f"a slot_id has more than {LONGEST_LABEL} characters"
            raise RejectedEventError(Reason.BEYOND_LIMIT, too_long)
        self._learned_envs |= envs
        self._multiplicity.update(dict.fromkeys(slots, 1))
        self._slots_per_env += len(slots)

    def _add_lifespan(self, epochs: int) -> None:
        if epochs > 0:
            self._lifespans.append(epochs)

    def _set_env(self, env_id: int, seeds: Mapping[str, SeedReport]) -> None:
        before = self._seeds.get(env_id) or {}
        after: dict[str, SeedReport] = {}
        for slot_id, seed in seeds.items():
            multiplicity = self._multiplicity.get(slot_id)
            if multiplicity is not None:
                self._replace(before.pop(slot_id, _EMPTY), seed, multiplicity)
                after[slot_id] = seed
        if self._locked:
            for slot_id, seed in before.items():
                self._replace(seed, _EMPTY, self._multiplicity[slot_id])
        else:
            after |= before
        if after:
            self._seeds[env_id] = after
        else:
            self._seeds.pop(env_id, None)

    def _set(self, env_id: int, slot_id: str, seed: SeedReport) -> None:
        multiplicity = self._multiplicity.get(slot_id)
        if multiplicity is None:
            return
        seeds = self._seeds.get(env_id)
        if seeds is None:
            seeds = self._seeds[env_id] = {}
        self._replace(seeds.get(slot_id, _EMPTY), seed, multiplicity)
        seeds[slot_id] = seed

    def _replace(self, old: SeedReport, new: SeedReport, slots: int) -> None:
        """Move the sums over all slots from one state of so many of them to another."""
        stage = new.stage
        if old.stage != stage:
            self._count(old, -slots)
            self._count(new, slots)
        elif stage != "DORMANT":
            self._epochs_in_stage += slots * (new.epochs_in_stage - old.epochs_in_stage)

    def _count(self, seed: SeedReport, slots: int) -> None:
        stage = seed.stage
        if stage == "DORMANT":
            return
        if stage in self._stage_counts:
            self._stage_counts[stage] += slots
        self._staged_slots += slots
        self._epochs_in_stage += slots * seed.epochs_in_stage

    def _clear_seeds(self) -> None:
        self._seeds = {}
        self._stage_counts = dict.fromkeys(_ACTIVE_STAGES, 0)
        self._epochs_in_stage = 0
        self._staged_slots = 0


def _check_slots(slots: int) -> None:
    if slots > MOST_SLOTS:
        raise RejectedEventError(
            Reason.BEYOND_LIMIT, f"{slots} slots, and an env has {MOST_SLOTS} at most"
        )


def _check_envs(envs: int, slots: int) -> None:
    if envs * max(1, slots) > MOST_SEEDS:
        raise RejectedEventError(
            Reason.BEYOND_LIMIT,
            f"{envs} envs with {slots} slots each: what up to {MOST_SEEDS} slots report is kept",
        )


def _believable(epochs: object) -> int:
    """Return how many epochs an episode has, 0 for what cannot be: no start is refused for it."""
    return epochs if type(epochs) is int and 0 <= epochs <= EXACT else 0
