"""How a line of telemetry is decoded: strictly first, and forgivingly where that fails.

What is refused raises ``RejectedEventError``. Bare ``NaN``, strings in place of floats and fields
that we do not know are never a reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import reduce
from io import BytesIO
from operator import or_
from typing import Any, Final

import msgspec

from sanctum_exporter.telemetry.events import (
    PASSED_EVENTS,
    READ_EVENTS,
    STRUCTS,
    EpochCompleted,
    Event,
    OtherEvent,
    slot_reports,
)
from sanctum_exporter.telemetry.rejection import Reason, RejectedEventError, is_unicode, unreadable

_decode_strictly: Final = msgspec.json.Decoder(reduce(or_, STRUCTS.values())).decode
# Up to msgspec 0.20 its errors are no ValueError.
_REFUSALS: Final = (msgspec.MsgspecError, ValueError, RecursionError)


def decode(line: bytes) -> Event:
    """Return the event that a line of a telemetry file holds.

    Args:
        line: one JSON object in UTF-8, with or without its line end.

    Raises:
        RejectedEventError: if the line cannot be read.
    """
    try:
        event: Event = _decode_strictly(line)
    except _REFUSALS:
        # What the strict decoder refuses is most often fine: NaN, an unknown type, "__aggregate__".
        return convert(_parse(line))
    return event


def decode_usual(lines: BytesIO) -> tuple[list[Event], bytes | None]:
    """Return the events of lines up to one that the strict decoder refuses, and that one.

    What is left of the lines are those after it; None was refused where none is left.
    """
    events: list[Event] = []
    try:
        # A loop of Python's would cost as much again. What came before the refused one stays.
        events.extend(map(_decode_strictly, lines))
    except _REFUSALS:
        content, end = lines.getvalue(), lines.tell()
        refused = content[content.rfind(b"\n", 0, end - 1) + 1 : end]
        return events, refused.removesuffix(b"\n")
    return events, None


def convert(envelope: Any) -> Event:
    """Return the event of an envelope, reading field by field only what is our business.

    Args:
        envelope: a mapping of plain values, as JSON gives them; the timestamp may be a datetime.

    Raises:
        RejectedEventError: if the envelope cannot be read.
    """
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
        # Summaries over slots do not have the shape of a slot's report.
        fields["data"] = _without_summaries(fields["data"])
    try:
        return msgspec.convert(fields, struct)
    except (msgspec.MsgspecError, ValueError) as error:
        raise unreadable(name, error) from None


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


def _without_summaries(data: Any) -> Any:
    seeds = data.get("seeds") if isinstance(data, Mapping) else None
    return {**data, "seeds": slot_reports(seeds)} if isinstance(seeds, Mapping) else data
