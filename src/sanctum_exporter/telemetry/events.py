"""The wire: what esper-lite's telemetry says, one small struct for each event that we read.

``decode`` makes these structs of lines, ``live`` of objects. Only the fields declared here can make
an event unreadable. Each struct knows which method of a ``Listener`` says what happened.

Source: ``TelemetryEvent`` and its payloads in ``esper.leyline.telemetry``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Protocol, TypeAlias, TypeVar, cast

import msgspec

from sanctum_exporter.readings import LONGEST_LABEL
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError

T = TypeVar("T")

# Past 2^53 a float, the only number that Prometheus and OTLP gauges have, is no longer exact.
EXACT: Final = 2**53
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=EXACT)]
Integer: TypeAlias = Annotated[int, msgspec.Meta(ge=-EXACT, le=EXACT)]
# Each slot keeps its own.
StageName: TypeAlias = Annotated[str, msgspec.Meta(max_length=LONGEST_LABEL)]
Timestamp: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]

# Keys of ``seeds`` that begin so are summaries over slots.
SUMMARY_PREFIX: Final = "__"


class SeedReport(msgspec.Struct, frozen=True, gc=False):
    """The state of one slot, as an entry of ``EPOCH_COMPLETED``'s ``seeds``."""

    stage: StageName
    epochs_in_stage: Integer


class TrainingStartedData(msgspec.Struct, frozen=True, gc=False):
    """The capacity and the identity of a run."""

    n_envs: Count
    slot_ids: list[str]
    start_episode: Integer = 0
    n_episodes: Integer | None = None
    episode_id: str | None = None
    task: str | None = None
    reward_mode: str | None = None
    # No number of the snapshot depends on these, so whatever they are makes no start unreadable.
    max_epochs: Any = None
    proof_baseline_mode: Any = None


class SlotData(msgspec.Struct, frozen=True, gc=False):
    """Where a seed event happened; the base of the seed payloads."""

    env_id: Count
    slot_id: str | None = None


class SeedGerminatedData(SlotData, frozen=True, gc=False):
    """A seed was planted."""

    epochs_in_stage: Integer = 0


class SeedStageChangedData(SeedGerminatedData, frozen=True, gc=False, kw_only=True):
    """A seed went over to another stage."""

    to_stage: StageName


class SeedEndedData(SlotData, frozen=True, gc=False):
    """A seed was fossilized or pruned; its lifespan in epochs, 0 where unknown."""

    epochs_total: Integer = 0


class EpochCompletedData(msgspec.Struct, frozen=True, gc=False):
    """The slots of one env after an epoch; ``seeds`` is None where it reports no slots."""

    env_id: Count
    seeds: dict[str, SeedReport] | None = None


class BatchEpochCompletedData(msgspec.Struct, frozen=True, gc=False):
    """An episode of every env is over."""

    episodes_completed: Integer


class Listener(Protocol):
    """What is told of the events of one group, for example an ``Aggregator``.

    Every method takes the time of its event first: an aware datetime of the standard library, or
    None for an event that does not say when it happened. Each may raise ``RejectedEventError`` for
    an event that does not fit the run, and has then changed nothing.
    """

    def training_started(self, timestamp: datetime | None, data: TrainingStartedData) -> None:
        """Hear that a run begins."""
        ...

    def seed_germinated(
        self, timestamp: datetime | None, env_id: int, slot_id: str, epochs_in_stage: int
    ) -> None:
        """Hear that a seed was planted."""
        ...

    def seed_stage_changed(
        self, timestamp: datetime | None, env_id: int, slot_id: str, seed: SeedReport
    ) -> None:
        """Hear that a seed went over to another stage."""
        ...

    def seed_fossilized(
        self, timestamp: datetime | None, env_id: int, slot_id: str, epochs_total: int
    ) -> None:
        """Hear that a seed ended well."""
        ...

    def seed_pruned(
        self, timestamp: datetime | None, env_id: int, slot_id: str, epochs_total: int
    ) -> None:
        """Hear that a seed ended because it did not help."""
        ...

    def seed_gate_evaluated(self, timestamp: datetime | None, env_id: int, slot_id: str) -> None:
        """Hear that a gate looked at the seed in a slot."""
        ...

    def epoch_completed(
        self, timestamp: datetime | None, env_id: int, seeds: Mapping[str, SeedReport] | None
    ) -> None:
        """Hear what an env reports of its slots; None is no report, an empty one clears them."""
        ...

    def batch_epoch_completed(self, timestamp: datetime | None, episodes_completed: int) -> None:
        """Hear that an episode of every env is over."""
        ...

    def something_happened(self, timestamp: datetime | None) -> None:
        """Hear of an event that changes no number."""
        ...


class Event(msgspec.Struct, frozen=True, gc=False, tag_field="event_type"):
    """The envelope: aware time, group, and the slot where the event has one."""

    timestamp: Timestamp | None = None
    group_id: str | None = None
    slot_id: str | None = None

    def tell(self, group: Listener) -> None:
        """Tell the event's group what happened.

        Raises:
            RejectedEventError: if the event does not fit the run; nothing has changed.
        """
        group.something_happened(self.timestamp)


class TrainingStarted(Event, frozen=True, gc=False, kw_only=True, tag="TRAINING_STARTED"):
    """See ``TrainingStartedData``."""

    data: TrainingStartedData

    def tell(self, group: Listener) -> None:
        """Tell that a run begins."""
        group.training_started(self.timestamp, self.data)


class SeedGerminated(Event, frozen=True, gc=False, kw_only=True, tag="SEED_GERMINATED"):
    """See ``SeedGerminatedData``."""

    data: SeedGerminatedData

    def tell(self, group: Listener) -> None:
        """Tell that a seed was planted."""
        data = self.data
        group.seed_germinated(
            self.timestamp, data.env_id, slot_of(self, data), data.epochs_in_stage
        )


class SeedStageChanged(Event, frozen=True, gc=False, kw_only=True, tag="SEED_STAGE_CHANGED"):
    """See ``SeedStageChangedData``."""

    data: SeedStageChangedData

    def tell(self, group: Listener) -> None:
        """Tell that a seed went over to another stage."""
        data = self.data
        seed = SeedReport(data.to_stage, data.epochs_in_stage)
        group.seed_stage_changed(self.timestamp, data.env_id, slot_of(self, data), seed)


class SeedFossilized(Event, frozen=True, gc=False, kw_only=True, tag="SEED_FOSSILIZED"):
    """See ``SeedEndedData``."""

    data: SeedEndedData

    def tell(self, group: Listener) -> None:
        """Tell that a seed ended well."""
        data = self.data
        group.seed_fossilized(self.timestamp, data.env_id, slot_of(self, data), data.epochs_total)


class SeedPruned(Event, frozen=True, gc=False, kw_only=True, tag="SEED_PRUNED"):
    """See ``SeedEndedData``."""

    data: SeedEndedData

    def tell(self, group: Listener) -> None:
        """Tell that a seed ended because it did not help."""
        data = self.data
        group.seed_pruned(self.timestamp, data.env_id, slot_of(self, data), data.epochs_total)


class SeedGateEvaluated(Event, frozen=True, gc=False, kw_only=True, tag="SEED_GATE_EVALUATED"):
    """A gate looked at a seed, which makes its slot known."""

    data: SlotData

    def tell(self, group: Listener) -> None:
        """Tell that a gate looked at the seed in a slot."""
        group.seed_gate_evaluated(self.timestamp, self.data.env_id, slot_of(self, self.data))


class EpochCompleted(Event, frozen=True, gc=False, kw_only=True, tag="EPOCH_COMPLETED"):
    """See ``EpochCompletedData``."""

    data: EpochCompletedData

    def tell(self, group: Listener) -> None:
        """Tell what an env reports of its slots."""
        group.epoch_completed(self.timestamp, self.data.env_id, slot_reports(self.data.seeds))


class BatchEpochCompleted(Event, frozen=True, gc=False, kw_only=True, tag="BATCH_EPOCH_COMPLETED"):
    """See ``BatchEpochCompletedData``."""

    data: BatchEpochCompletedData

    def tell(self, group: Listener) -> None:
        """Tell that an episode of every env is over."""
        group.batch_epoch_completed(self.timestamp, self.data.episodes_completed)


class OtherEvent(Event, frozen=True, gc=False, tag="other"):
    """An event of a type that esper-lite did not have when this was written."""


READ_EVENTS: Final[dict[str, type[Event]]] = {
    "TRAINING_STARTED": TrainingStarted,
    "SEED_GERMINATED": SeedGerminated,
    "SEED_STAGE_CHANGED": SeedStageChanged,
    "SEED_FOSSILIZED": SeedFossilized,
    "SEED_PRUNED": SeedPruned,
    "SEED_GATE_EVALUATED": SeedGateEvaluated,
    "EPOCH_COMPLETED": EpochCompleted,
    "BATCH_EPOCH_COMPLETED": BatchEpochCompleted,
}

# A struct without fields of its own for every type that is known and not read: the decoder then
# skips their contents, most of the bytes of a file, in one pass.
PASSED_EVENTS: Final[dict[str, type[Event]]] = {
    name: cast(
        "type[Event]",
        msgspec.defstruct(name, [], bases=(Event,), tag=name, frozen=True, gc=False),
    )
    for name in (
        "ALLOCATOR_STATS",
        "ANALYTICS_SNAPSHOT",
        "CHECKPOINT_LOADED",
        "COUNTERFACTUAL_MATRIX_COMPUTED",
        "DEGRADATION_DETECTED",
        "EPISODE_OUTCOME",
        "GOVERNOR_ROLLBACK",
        "GRADIENT_ANOMALY",
        "GRADIENT_PATHOLOGY_DETECTED",
        "IMPROVEMENT_DETECTED",
        "MEMORY_WARNING",
        "MORPHOLOGY_CAUSAL_LOG",
        "NUMERICAL_INSTABILITY_DETECTED",
        "PERFORMANCE_DEGRADATION",
        "PHASE_PROFILE_COMPLETED",
        "PLATEAU_DETECTED",
        "PPO_UPDATE_COMPLETED",
        "RATIO_COLLAPSE_DETECTED",
        "RATIO_EXPLOSION_DETECTED",
        "REWARD_HACKING_SUSPECTED",
        "TAMIYO_INITIATED",
        "TOPOLOGY_MANIFEST_RECORDED",
        "VALUE_COLLAPSE_DETECTED",
    )
}

STRUCTS: Final[dict[str, type[Event]]] = READ_EVENTS | PASSED_EVENTS

EVENT_TYPES: Final[dict[type[Event], str]] = {
    **{struct: name for name, struct in STRUCTS.items()},
    OtherEvent: "other",
}
"""Every struct that ``decode`` returns, with its value of the label ``event_type``."""


def slot_of(event: Any, data: Any) -> str:
    """Return the slot of a seed event: the envelope's if it is not empty, else the payload's.

    Raises:
        RejectedEventError: if neither has one.
    """
    slot_id: str | None = event.slot_id or data.slot_id
    if slot_id is None:
        raise RejectedEventError(Reason.MISSING_FIELD, "neither event nor data has a slot_id")
    return slot_id


def slot_reports(seeds: Mapping[str, T] | None) -> Mapping[str, T] | None:
    """Return the entries of ``seeds`` that are slots; None where it says nothing of any slot (R3).

    An empty map does say something: that no slot has a seed.
    """
    if not seeds:
        return seeds
    for name in seeds:
        if name.startswith(SUMMARY_PREFIX):
            slots = {
                name: seed for name, seed in seeds.items() if not name.startswith(SUMMARY_PREFIX)
            }
            return slots or None
    return seeds
