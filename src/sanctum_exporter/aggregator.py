"""The state of one group: events in, snapshots out.

Counts move with each event, so a snapshot costs the same for four envs and for a hundred
thousand, and an empty slot costs nothing. Semantics are those of esper-lite's
``SanctumAggregator``, with the differences that ``docs/adr/0002-where-we-differ.md`` explains.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final

from sanctum_exporter.events import (
    AGGREGATE_PREFIX,
    BatchEpochCompleted,
    EpochCompleted,
    Event,
    Reason,
    RejectedEventError,
    SeedFossilized,
    SeedGateEvaluated,
    SeedGerminated,
    SeedPruned,
    SeedReport,
    SeedStageChanged,
    TrainingStarted,
    is_unicode,
)
from sanctum_exporter.snapshot import STAGES, RunInfo, SeedLifecycleStats, SlotSnapshot, Trend

LIFESPAN_WINDOW: Final = 100
RATE_WINDOW: Final = 20
_TREND_SPAN: Final = 5
_TREND_SHARE: Final = 0.2
_TREND_FLOOR: Final = 0.01

_ACTIVE_STAGES: Final[tuple[str, ...]] = STAGES[1:]
# Slot ids that esper-lite uses where it does not know the slot.
_NOT_SLOTS: Final = ("", "unknown")

_EMPTY: Final = SeedReport("DORMANT", 0)


class Aggregator:
    """The slots of one group, for one writer and any number of readers.

    Args:
        num_envs: envs that exist before TRAINING_STARTED says how many there are.
        clock: seconds since the epoch, for events that carry no time.
    """

    def __init__(self, num_envs: int = 0, clock: Callable[[], float] = time.time) -> None:
        self._lock = Lock()
        self._clock = clock
        self._locked = False
        self._n_envs = num_envs
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
        self._trends: tuple[Trend, Trend, Trend] = ("stable", "stable", "stable")

        self._info = RunInfo()
        self._newest: datetime | None = None
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            TrainingStarted: self._training_started,
            SeedGerminated: self._seed_germinated,
            SeedStageChanged: self._seed_stage_changed,
            SeedFossilized: self._seed_fossilized,
            SeedPruned: self._seed_pruned,
            SeedGateEvaluated: self._seed_gate_evaluated,
            EpochCompleted: self._epoch_completed,
            BatchEpochCompleted: self._batch_epoch_completed,
        }

    def apply(self, event: Event) -> None:
        """Take in one event.

        Raises:
            RejectedEventError: if the event does not fit the run; nothing has changed.
        """
        handle = self._handlers.get(type(event))
        if handle is None:
            # Nothing changes but one reference, which needs no lock with a single writer.
            self._see(event.timestamp)
            return
        with self._lock:
            handle(event)
            self._see(event.timestamp or self._now())

    @property
    def configured(self) -> bool:
        """Whether the group has slots to speak of: a run has started, or a slot was learned."""
        return self._locked or self._slots_per_env > 0

    def snapshot(self) -> SlotSnapshot:
        """Return the slots at this moment."""
        with self._lock:
            return self._snapshot()

    def read(self) -> tuple[SlotSnapshot, RunInfo, float]:
        """Return slots, run and time of the newest event (seconds, 0 for none), of one moment."""
        with self._lock:
            newest = self._newest
            return self._snapshot(), self._info, newest.timestamp() if newest else 0.0

    def _snapshot(self) -> SlotSnapshot:
        total = self._total_envs() * self._slots_per_env
        active = sum(self._stage_counts.values())
        ended = self._fossilized + self._pruned
        episodes = max(1, self._current_episode)
        lifespans = self._lifespans
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
                germination_trend=self._trends[0],
                prune_trend=self._trends[1],
                fossilize_trend=self._trends[2],
            ),
        )

    def _see(self, timestamp: datetime | None) -> None:
        if timestamp is not None and (self._newest is None or timestamp > self._newest):
            self._newest = timestamp

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _total_envs(self) -> int:
        return self._n_envs + len(self._learned_envs)

    def _training_started(self, event: TrainingStarted) -> None:
        data = event.data
        info = RunInfo(
            run_id=_exportable("episode_id", data.episode_id),
            task=_exportable("task", data.task),
            reward_mode=_exportable("reward_mode", data.reward_mode),
            planned_episodes=data.n_episodes or 0,
            start_timestamp=(event.timestamp or self._now()).timestamp(),
        )
        self._info = info
        self._locked = True
        self._n_envs = data.n_envs
        self._learned_envs = set()
        self._multiplicity = {}
        for slot_id in data.slot_ids:
            self._multiplicity[slot_id] = self._multiplicity.get(slot_id, 0) + 1
        self._slots_per_env = len(data.slot_ids)
        self._current_episode = data.start_episode
        self._clear_seeds()

    def _seed_germinated(self, event: SeedGerminated) -> None:
        slot_id = self._admit(event)
        self._germinated += 1
        self._set(event.data.env_id, slot_id, SeedReport("GERMINATED", event.data.epochs_in_stage))

    def _seed_stage_changed(self, event: SeedStageChanged) -> None:
        slot_id = self._admit(event)
        data = event.data
        self._set(data.env_id, slot_id, SeedReport(data.to_stage, data.epochs_in_stage))

    def _seed_fossilized(self, event: SeedFossilized) -> None:
        slot_id = self._admit(event)
        self._fossilized += 1
        self._add_lifespan(event.data.epochs_total)
        env_id = event.data.env_id
        epochs_in_stage = self._seeds.get(env_id, {}).get(slot_id, _EMPTY).epochs_in_stage
        self._set(env_id, slot_id, SeedReport("FOSSILIZED", epochs_in_stage))

    def _seed_pruned(self, event: SeedPruned) -> None:
        slot_id = self._admit(event)
        self._pruned += 1
        self._add_lifespan(event.data.epochs_total)
        self._set(event.data.env_id, slot_id, SeedReport("PRUNED", 0))

    def _seed_gate_evaluated(self, event: SeedGateEvaluated) -> None:
        self._admit(event)

    def _epoch_completed(self, event: EpochCompleted) -> None:
        env_id, seeds = event.data.env_id, event.data.seeds
        self._admit_env(env_id)
        if seeds is None:
            return
        # A map of nothing but aggregates says nothing about any slot; an empty one clears the env.
        about_slots = not seeds
        for slot_id, report in seeds.items():
            if not slot_id.startswith(AGGREGATE_PREFIX):
                about_slots = True
                self._learn_slot(slot_id)
                self._set(env_id, slot_id, report)
        if self._locked and about_slots:
            for slot_id in self._seeds.get(env_id, ()):
                if slot_id not in seeds:
                    self._set(env_id, slot_id, _EMPTY)

    def _batch_epoch_completed(self, event: BatchEpochCompleted) -> None:
        self._current_episode = episodes = event.data.episodes_completed
        if episodes > 0:
            counts = (self._germinated, self._pruned, self._fossilized)
            for rates, count in zip(self._rates, counts, strict=True):
                rates.append(count / episodes)
            germination, prune, fossilize = self._rates
            self._trends = (trend(germination), trend(prune), trend(fossilize))
        self._clear_seeds()

    def _admit(self, event: Any) -> str:
        """Return the slot of a seed event, learning slot and env where the run is not locked."""
        slot_id: str | None = event.slot_id or event.data.slot_id
        if slot_id is None:
            raise RejectedEventError(Reason.MISSING_FIELD, "neither event nor data has a slot_id")
        self._admit_env(event.data.env_id)
        self._learn_slot(slot_id)
        return slot_id

    def _admit_env(self, env_id: int) -> None:
        if env_id < self._n_envs:
            return
        if self._locked:
            raise RejectedEventError(
                Reason.UNKNOWN_ENV, f"env_id {env_id} of a run with {self._n_envs} envs"
            )
        self._learned_envs.add(env_id)

    def _learn_slot(self, slot_id: str) -> None:
        if not self._locked and slot_id not in self._multiplicity and slot_id not in _NOT_SLOTS:
            self._multiplicity[slot_id] = 1
            self._slots_per_env += 1

    def _add_lifespan(self, epochs: int) -> None:
        if epochs > 0:
            self._lifespans.append(epochs)

    def _set(self, env_id: int, slot_id: str, seed: SeedReport) -> None:
        multiplicity = self._multiplicity.get(slot_id)
        if multiplicity is None:
            return
        seeds = self._seeds.get(env_id)
        if seeds is None:
            seeds = self._seeds[env_id] = {}
        old = seeds.get(slot_id, _EMPTY)
        seeds[slot_id] = seed
        if old.stage != seed.stage:
            self._count(old, -multiplicity)
            self._count(seed, multiplicity)
        elif seed.stage != "DORMANT":
            self._epochs_in_stage += multiplicity * (seed.epochs_in_stage - old.epochs_in_stage)

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


def trend(rates: Iterable[float]) -> Trend:
    """Compare the last five of up to 20 rates with the five before them (TELE-509 to TELE-511).

    With fewer than ten, the first five are the older ones; with fewer than five, all is stable.
    """
    samples = list(rates)
    if len(samples) < _TREND_SPAN:
        return "stable"
    recent = samples[-_TREND_SPAN:]
    older = samples[-2 * _TREND_SPAN :][:_TREND_SPAN]
    older_mean = sum(older) / _TREND_SPAN
    change = sum(recent) / _TREND_SPAN - older_mean
    threshold = _TREND_SHARE * max(abs(older_mean), _TREND_FLOOR)
    if change > threshold:
        return "rising"
    return "falling" if change < -threshold else "stable"


def _exportable(field: str, text: str | None) -> str:
    """Return a text that can stand in a label, which must be valid UTF-8."""
    if text is None:
        return ""
    if not is_unicode(text):
        raise RejectedEventError(Reason.INVALID_ENCODING, f"{field} is not valid Unicode: {text!a}")
    return text
