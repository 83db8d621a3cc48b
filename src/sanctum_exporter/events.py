"""The wire: what esper-lite's telemetry says, one small struct for each event that we read.

``decode`` takes a line of a telemetry file, ``from_host`` a live ``TelemetryEvent``. Both return
the same structs, so there is one definition of what an event means; both raise
``RejectedEventError`` for an event that cannot be read, and only the fields declared here can be
the cause (bare ``NaN``, strings in place of floats and new fields are none of our business).

Source: ``TelemetryEvent`` and its payloads in ``esper.leyline.telemetry``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import reduce
from operator import index, or_
from typing import Annotated, Any, Final, TypeAlias, cast

import msgspec

# Past 2^53 a float, the only number that Prometheus and OTLP gauges have, is no longer exact.
EXACT: Final = 2**53
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=EXACT)]
Integer: TypeAlias = Annotated[int, msgspec.Meta(ge=-EXACT, le=EXACT)]
Timestamp: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]

# Keys of ``seeds`` that begin so are summaries over slots.
AGGREGATE_PREFIX: Final = "__"


class Reason(StrEnum):
    """Why an event was rejected: the closed set of values of the label ``reason``."""

    INVALID_JSON = "invalid_json"
    INVALID_ENCODING = "invalid_encoding"
    INVALID_ENVELOPE = "invalid_envelope"
    MISSING_DATA = "missing_data"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    UNKNOWN_ENV = "unknown_env"
    LINE_TOO_LONG = "line_too_long"
    INTERNAL_ERROR = "internal_error"


class RejectedEventError(ValueError):
    """An event that cannot be read or applied; nothing has changed.

    Attributes:
        reason: the value it is counted under.
        detail: what is wrong, naming the field.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


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

_STRUCTS: Final[dict[str, type[Event]]] = READ_EVENTS | PASSED_EVENTS

_PAYLOAD_FIELDS: Final[dict[type[Event], tuple[str, ...]]] = {
    struct: next(
        cast("type[msgspec.Struct]", field.type).__struct_fields__
        for field in msgspec.structs.fields(struct)
        if field.name == "data"
    )
    for struct in READ_EVENTS.values()
}

EVENT_TYPES: Final[dict[type[Event], str]] = {
    **{struct: name for name, struct in _STRUCTS.items()},
    OtherEvent: "other",
}
"""Every struct that ``decode`` returns, with its value of the label ``event_type``."""

_decode: Final = msgspec.json.Decoder(reduce(or_, _STRUCTS.values())).decode


def decode(line: bytes) -> Event:
    """Return the event that a line of a telemetry file holds.

    Args:
        line: one JSON object in UTF-8, with or without its line end.

    Raises:
        RejectedEventError: if the line cannot be read.
    """
    try:
        event: Event = _decode(line)
    except (ValueError, RecursionError):
        # What the strict decoder refuses is most often fine: NaN, an unknown type, "__aggregate__".
        return _read(_parse(line))
    return event


def from_host(event: Any) -> Event:
    """Return the event that a live object of esper-lite holds.

    Args:
        event: has ``event_type`` (an Enum), ``timestamp`` (an aware datetime), ``slot_id``,
            ``group_id`` and ``data`` (an object with the payload's attributes, or None).

    Raises:
        RejectedEventError: if the object cannot be read.
    """
    try:
        envelope = {
            "event_type": event.event_type.name,
            "timestamp": event.timestamp,
            "slot_id": event.slot_id,
            "group_id": event.group_id,
        }
        struct = READ_EVENTS.get(envelope["event_type"])
        if struct is not None:
            envelope["data"] = event.data
    except AttributeError as error:
        raise RejectedEventError(Reason.INVALID_ENVELOPE, str(error)) from None
    if struct is not None:
        envelope["data"] = _plain_payload(envelope["data"], _PAYLOAD_FIELDS[struct])
    return _read(envelope)


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written as UTF-8, as labels must be."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse(line: bytes) -> Any:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        invalid, text = Reason.INVALID_ENCODING, line.decode(errors="surrogateescape")
    else:
        invalid = Reason.INVALID_JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RejectedEventError(invalid, f"not a line of JSON in UTF-8 ({error})") from None


def _read(envelope: Any) -> Event:
    """Read an envelope field by field, forgiving whatever is none of our business."""
    if not isinstance(envelope, Mapping):
        raise RejectedEventError(Reason.INVALID_ENVELOPE, "the line is not a JSON object")
    name = envelope.get("event_type")
    if not isinstance(name, str):
        raise RejectedEventError(Reason.INVALID_ENVELOPE, "event_type is missing or not a string")
    struct = READ_EVENTS.get(name)
    if struct is None:
        group_id = envelope.get("group_id")
        return PASSED_EVENTS.get(name, OtherEvent)(
            timestamp=_aware(envelope.get("timestamp")),
            group_id=group_id if isinstance(group_id, str) and is_unicode(group_id) else None,
        )
    if envelope.get("data") is None:
        raise RejectedEventError(Reason.MISSING_DATA, f"{name} has no data")
    fields = dict(envelope)
    timestamp = fields.get("timestamp")
    fields["timestamp"] = _aware(timestamp) or timestamp
    if struct is EpochCompleted:
        fields["data"] = _without_aggregates(fields["data"])
    try:
        return msgspec.convert(fields, struct)
    except ValueError as error:
        message = str(error)
        missing = message.startswith("Object missing required field")
        reason = Reason.MISSING_FIELD if missing else Reason.INVALID_FIELD
        raise RejectedEventError(reason, f"{name}: {message}") from None


def _aware(timestamp: Any) -> datetime | None:
    """Return an ISO 8601 string or a datetime as an aware one (naive is UTC), else None."""
    if isinstance(timestamp, str):
        try:
            timestamp = datetime.fromisoformat(timestamp)
        except ValueError:
            return None
    if not isinstance(timestamp, datetime):
        return None
    return timestamp.replace(tzinfo=UTC) if timestamp.tzinfo is None else timestamp


def _without_aggregates(data: Any) -> Any:
    """Drop the entries of ``seeds`` that are not slots (R3 of the contract)."""
    seeds = data.get("seeds") if isinstance(data, Mapping) else None
    if not isinstance(seeds, Mapping):
        return data
    slots = {key: seed for key, seed in seeds.items() if not str(key).startswith(AGGREGATE_PREFIX)}
    # None is no report, and an empty map is one: it clears the env.
    return {**data, "seeds": slots if slots or not seeds else None}


def _plain_payload(data: Any, fields: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the attributes that we read of a live payload, integers of other libraries as int."""
    if data is None:
        return None
    return {name: _plain(getattr(data, name)) for name in fields if hasattr(data, name)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return value
    return index(value)
