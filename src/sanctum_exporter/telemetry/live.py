"""Live events of the usual types, read and applied in one go: what a training pays for.

Each function reads the attributes that we read of an event, checks all of them, and only then
calls the aggregator. For anything unusual it raises ``Unusual``, with nothing changed, and the
event is read with more care by ``reading.from_live``. By hand and without structs, because most of
the cost of a conversion is in the calls and in what we do not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter, index
from typing import Any, Final, TypeAlias, cast

import msgspec

from sanctum_exporter.state.aggregator import Aggregator
from sanctum_exporter.telemetry.decode import _read
from sanctum_exporter.telemetry.events import EXACT, PASSED_EVENTS, READ_EVENTS, Event, SeedReport
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError

_LOWEST: Final = -EXACT

_Apply: TypeAlias = Callable[[Aggregator, Any], None]
_SeedMethod: TypeAlias = Callable[[Aggregator, int, str, int], None]


_LEAST: Final = -EXACT


class Unusual(Exception):  # noqa: N818 - it is no error
    """An event that has to be read with more care."""


def _seed_event(method: _SeedMethod, epochs_name: str) -> _Apply:
    attributes = attrgetter("env_id", "slot_id", epochs_name)

    def apply(aggregator: Aggregator, event: Any) -> None:
        env_id, own_slot_id, epochs = attributes(event.data)
        slot_id = event.slot_id or own_slot_id
        if (
            type(env_id) is type(epochs) is int
            and 0 <= env_id <= EXACT
            and _LOWEST <= epochs <= EXACT
            and type(slot_id) is str
            and (own_slot_id is slot_id or own_slot_id is None or type(own_slot_id) is str)
        ):
            method(aggregator, env_id, slot_id, epochs)
        else:
            raise Unusual

    return apply


def _stage_changed(aggregator: Aggregator, event: Any) -> None:
    data = event.data
    env_id, to_stage, epochs = data.env_id, data.to_stage, data.epochs_in_stage
    own_slot_id = data.slot_id
    slot_id = event.slot_id or own_slot_id
    if (
        type(env_id) is type(epochs) is int
        and 0 <= env_id <= EXACT
        and _LOWEST <= epochs <= EXACT
        and type(slot_id) is type(to_stage) is str
        and (own_slot_id is slot_id or own_slot_id is None or type(own_slot_id) is str)
    ):
        seed = SeedReport(to_stage, epochs)
        aggregator.seed_stage_changed(env_id, slot_id, seed)
    else:
        raise Unusual


def _gate_evaluated(aggregator: Aggregator, event: Any) -> None:
    data = event.data
    env_id, own_slot_id = data.env_id, data.slot_id
    slot_id = event.slot_id or own_slot_id
    if (
        type(env_id) is int
        and 0 <= env_id <= EXACT
        and type(slot_id) is str
        and (own_slot_id is slot_id or own_slot_id is None or type(own_slot_id) is str)
    ):
        aggregator.seed_gate_evaluated(env_id, slot_id)
    else:
        raise Unusual


def _epoch_completed(aggregator: Aggregator, event: Any) -> None:
    data = event.data
    env_id, seeds = data.env_id, data.seeds
    reports: dict[str, SeedReport] | None = None
    if seeds is not None:
        reports = {}
        for slot_id, seed in seeds.items():
            stage, epochs = seed["stage"], seed["epochs_in_stage"]
            if (
                type(slot_id) is type(stage) is str
                and type(epochs) is int
                and _LOWEST <= epochs <= EXACT
            ):
                reports[slot_id] = SeedReport(stage, epochs)
            else:
                raise Unusual
    if type(env_id) is int and 0 <= env_id <= EXACT:
        aggregator.epoch_completed(env_id, reports)
    else:
        raise Unusual


def _batch_epoch_completed(aggregator: Aggregator, event: Any) -> None:
    episodes = event.data.episodes_completed
    if type(episodes) is int and _LOWEST <= episodes <= EXACT:
        aggregator.batch_epoch_completed(episodes)
    else:
        raise Unusual


LIVE_EVENTS: Final[dict[str, _Apply | None]] = {
    **dict.fromkeys(PASSED_EVENTS),
    "SEED_GERMINATED": _seed_event(Aggregator.seed_germinated, "epochs_in_stage"),
    "SEED_STAGE_CHANGED": _stage_changed,
    "SEED_FOSSILIZED": _seed_event(Aggregator.seed_fossilized, "epochs_total"),
    "SEED_PRUNED": _seed_event(Aggregator.seed_pruned, "epochs_total"),
    "SEED_GATE_EVALUATED": _gate_evaluated,
    "EPOCH_COMPLETED": _epoch_completed,
    "BATCH_EPOCH_COMPLETED": _batch_epoch_completed,
}
"""How a live event changes its group; None for one that changes no number of it."""


_PAYLOAD_FIELDS: Final[dict[type[Event], tuple[str, ...]]] = {
    struct: next(
        cast("type[msgspec.Struct]", field.type).__struct_fields__
        for field in msgspec.structs.fields(struct)
        if field.name == "data"
    )
    for struct in READ_EVENTS.values()
}


def from_live(event: Any) -> Event:
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
