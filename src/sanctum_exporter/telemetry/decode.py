"""How events are read: strictly first, and forgivingly where that fails.

``decode`` takes a line of a telemetry file, ``from_live`` a live ``TelemetryEvent``. Both return
the structs of ``events``, so there is one definition of what an event means; both raise
``RejectedEventError`` for an event that cannot be read. Bare ``NaN``, strings in place of floats
and new fields are none of our business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any, Final

import msgspec

from sanctum_exporter.telemetry.events import (
    AGGREGATE_PREFIX,
    PASSED_EVENTS,
    READ_EVENTS,
    STRUCTS,
    EpochCompleted,
    Event,
    OtherEvent,
)
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError, is_unicode, unreadable

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
