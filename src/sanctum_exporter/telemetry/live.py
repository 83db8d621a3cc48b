"""Live events of esper-lite: objects, where a telemetry file has lines.

An event of the usual shape is taken apart by hand, which is what a training pays for: converting
it first would cost three times as much. Whatever is not of the usual shape goes through ``convert``
into the structs that lines are decoded into, and is accepted or refused for the same reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from operator import index
from typing import Any, Final, cast

import msgspec

from sanctum_exporter.telemetry import decode
from sanctum_exporter.telemetry.events import (
    EXACT,
    READ_EVENTS,
    SUMMARY_PREFIX,
    Event,
    Listener,
    SeedReport,
)
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError


class Unusual(Exception):  # noqa: N818 - it is no error
    """An event that has to be read with more care; nothing has changed."""


def tell_usual(group: Listener, name: str, timestamp: datetime, event: Any) -> None:
    """Tell a group what an event says that has the usual shape.

    All fields are checked before the group is told, by exact types: what only looks like a string
    can do anything when it is compared.

    Args:
        group: the event's group.
        name: the name of the event's type, one of those that we read.
        timestamp: its time.
        event: see ``convert``.

    Raises:
        Unusual: if it has not, and nothing has changed.
        RejectedEventError: if the event does not fit the run; nothing has changed.
    """
    data = event.data
    env_id: Any
    if name == "EPOCH_COMPLETED":
        env_id, seeds = data.env_id, _reports(data.seeds)
        if type(env_id) is not int or not 0 <= env_id <= EXACT:
            raise Unusual
        group.epoch_completed(timestamp, env_id, seeds)
    elif name == "SEED_GATE_EVALUATED":
        env_id, slot_id = _place(event, data)
        group.seed_gate_evaluated(timestamp, env_id, slot_id)
    elif name == "SEED_STAGE_CHANGED":
        env_id, slot_id = _place(event, data)
        to_stage, epochs = data.to_stage, _epochs(data.epochs_in_stage)
        if type(to_stage) is not str:
            raise Unusual
        group.seed_stage_changed(timestamp, env_id, slot_id, SeedReport(to_stage, epochs))
    elif name == "SEED_GERMINATED":
        env_id, slot_id = _place(event, data)
        group.seed_germinated(timestamp, env_id, slot_id, _epochs(data.epochs_in_stage))
    elif name == "SEED_FOSSILIZED":
        env_id, slot_id = _place(event, data)
        group.seed_fossilized(timestamp, env_id, slot_id, _epochs(data.epochs_total))
    elif name == "SEED_PRUNED":
        env_id, slot_id = _place(event, data)
        group.seed_pruned(timestamp, env_id, slot_id, _epochs(data.epochs_total))
    elif name == "BATCH_EPOCH_COMPLETED":
        group.batch_epoch_completed(timestamp, _epochs(data.episodes_completed))
    else:
        raise Unusual


def _place(event: Any, data: Any) -> tuple[int, str]:
    """Return env and slot of a seed event."""
    env_id, own_slot_id = data.env_id, data.slot_id
    slot_id = event.slot_id or own_slot_id
    if (
        type(env_id) is int
        and 0 <= env_id <= EXACT
        and type(slot_id) is str
        and (own_slot_id is None or type(own_slot_id) is str)
    ):
        return env_id, slot_id
    raise Unusual


def _epochs(value: Any) -> int:
    if type(value) is int and -EXACT <= value <= EXACT:
        return value
    raise Unusual


def _reports(seeds: Any) -> Mapping[str, SeedReport] | None:
    if not seeds:
        return None if seeds is None else {}
    reports = {}
    for slot_id, seed in seeds.items():
        stage, epochs = seed["stage"], seed["epochs_in_stage"]
        if (
            type(slot_id) is type(stage) is str
            and type(epochs) is int
            and -EXACT <= epochs <= EXACT
            and not slot_id.startswith(SUMMARY_PREFIX)
        ):
            reports[slot_id] = SeedReport(stage, epochs)
        else:
            raise Unusual
    return reports


def convert(event: Any) -> Event:
    """Return the event that a live object of esper-lite holds.

    Args:
        event: has ``event_type`` (an Enum), ``timestamp`` (an aware datetime), ``slot_id``,
            ``group_id`` and ``data`` (an object with the payload's attributes, or None).

    Raises:
        RejectedEventError: if the object cannot be read.
    """
    try:
        name, data = _plain(event.event_type.name), None
        envelope = {
            "event_type": name,
            "timestamp": _plain(event.timestamp),
            "slot_id": _plain(event.slot_id),
            "group_id": _plain(event.group_id),
        }
        struct = READ_EVENTS.get(name) if isinstance(name, str) else None
        if struct is not None:
            data = event.data
    except AttributeError as error:
        raise RejectedEventError(Reason.INVALID_ENVELOPE, str(error)) from None
    if struct is not None and data is not None:
        fields = _PAYLOAD_FIELDS[struct]
        envelope["data"] = {
            field: _plain(getattr(data, field)) for field in fields if hasattr(data, field)
        }
    return decode.convert(envelope)


_PAYLOAD_FIELDS: Final[dict[type[Event], tuple[str, ...]]] = {
    struct: next(
        cast("type[msgspec.Struct]", field.type).__struct_fields__
        for field in msgspec.structs.fields(struct)
        if field.name == "data"
    )
    for struct in READ_EVENTS.values()
}


def _plain(value: Any) -> Any:
    """Return a value of the standard types: integers, strings and times of other libraries too."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, datetime):
        return _plain_time(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return value
    try:
        return index(value)
    except TypeError:
        # An array has the method, and is no integer.
        return value


def _plain_time(time: datetime) -> datetime:
    """Return a time as a plain one in UTC; without an offset it is UTC already."""
    naive = datetime(
        time.year, time.month, time.day, time.hour, time.minute, time.second, time.microsecond
    )
    return (naive - (time.utcoffset() or timedelta())).replace(tzinfo=UTC)
