"""How events are read: strictly first, and forgivingly where that fails.

``decode`` takes a line of a telemetry file, ``from_host`` a live ``TelemetryEvent``. Both return
the structs of ``events``, so there is one definition of what an event means; both raise
``RejectedEventError`` for an event that cannot be read. Bare ``NaN``, strings in place of floats
and new fields are none of our business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import reduce
from operator import index, or_
from typing import Any, Final, cast

import msgspec

from sanctum_exporter.events import (
    AGGREGATE_PREFIX,
    PASSED_EVENTS,
    READ_EVENTS,
    STRUCTS,
    EpochCompleted,
    Event,
    OtherEvent,
    Reason,
    RejectedEventError,
    is_unicode,
    unreadable,
)

_PAYLOAD_FIELDS: Final[dict[type[Event], tuple[str, ...]]] = {
    struct: next(
        cast("type[msgspec.Struct]", field.type).__struct_fields__
        for field in msgspec.structs.fields(struct)
        if field.name == "data"
    )
    for struct in READ_EVENTS.values()
}

_decode: Final = msgspec.json.Decoder(reduce(or_, STRUCTS.values())).decode


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
        raise unreadable(name, error) from None


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
