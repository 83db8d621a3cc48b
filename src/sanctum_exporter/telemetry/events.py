"""The wire: what esper-lite's telemetry says, one small struct for each event that we read.

``reading`` makes these structs of lines and of live objects, and only the fields declared here can
make an event unreadable.

Source: ``TelemetryEvent`` and its payloads in ``esper.leyline.telemetry``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, TypeAlias, cast

import msgspec

# Past 2^53 a float, the only number that Prometheus and OTLP gauges have, is no longer exact.
EXACT: Final = 2**53
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=EXACT)]
Integer: TypeAlias = Annotated[int, msgspec.Meta(ge=-EXACT, le=EXACT)]
Timestamp: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]

# Keys of ``seeds`` that begin so are summaries over slots.
AGGREGATE_PREFIX: Final = "__"


class SeedReport(msgspec.Struct, frozen=True, gc=False):
    """The state of one slot, as an entry of ``EPOCH_COMPLETED``'s ``seeds``."""

    stage: str
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


class SlotData(msgspec.Struct, frozen=True, gc=False):
    """Where a seed event happened; the base of the seed payloads."""

    env_id: Count
    slot_id: str | None = None


class SeedGerminatedData(SlotData, frozen=True, gc=False):
    """A seed was planted."""

    epochs_in_stage: Integer = 0


class SeedStageChangedData(SeedGerminatedData, frozen=True, gc=False, kw_only=True):
    """A seed went over to another stage."""

    to_stage: str


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


class Event(msgspec.Struct, frozen=True, gc=False, tag_field="event_type"):
    """The envelope: aware time, group, and the slot where the event has one."""

    timestamp: Timestamp | None = None
    group_id: str | None = None
    slot_id: str | None = None


class TrainingStarted(Event, frozen=True, gc=False, kw_only=True, tag="TRAINING_STARTED"):
    """See ``TrainingStartedData``."""

    data: TrainingStartedData


class SeedGerminated(Event, frozen=True, gc=False, kw_only=True, tag="SEED_GERMINATED"):
    """See ``SeedGerminatedData``."""

    data: SeedGerminatedData


class SeedStageChanged(Event, frozen=True, gc=False, kw_only=True, tag="SEED_STAGE_CHANGED"):
    """See ``SeedStageChangedData``."""

    data: SeedStageChangedData


class SeedFossilized(Event, frozen=True, gc=False, kw_only=True, tag="SEED_FOSSILIZED"):
    """See ``SeedEndedData``."""

    data: SeedEndedData


class SeedPruned(Event, frozen=True, gc=False, kw_only=True, tag="SEED_PRUNED"):
    """See ``SeedEndedData``."""

    data: SeedEndedData


class SeedGateEvaluated(Event, frozen=True, gc=False, kw_only=True, tag="SEED_GATE_EVALUATED"):
    """A gate looked at a seed, which makes its slot known."""

    data: SlotData


class EpochCompleted(Event, frozen=True, gc=False, kw_only=True, tag="EPOCH_COMPLETED"):
    """See ``EpochCompletedData``."""

    data: EpochCompletedData


class BatchEpochCompleted(Event, frozen=True, gc=False, kw_only=True, tag="BATCH_EPOCH_COMPLETED"):
    """See ``BatchEpochCompletedData``."""

    data: BatchEpochCompletedData


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
