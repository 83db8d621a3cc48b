"""A recording as two tables for notebooks: its events, and the state after each change.

The columns of events are those of esper-lite's own view ``raw_events``, but with types that do not
depend on what a file happens to hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from sanctum_exporter.files.directory import EVENTS_FILE
from sanctum_exporter.files.names import shown
from sanctum_exporter.past.recordings import RecordedLine, Recording
from sanctum_exporter.readings import STAGES, GroupReading
from sanctum_exporter.telemetry.rejection import is_unicode

Kind: TypeAlias = Literal["text", "integer", "number", "time", "json"]
"""A time is in UTC, without a zone, as esper-lite's view has it."""
Row: TypeAlias = Sequence[Any]


class Column(NamedTuple):
    """A column of a table."""

    name: str
    kind: Kind


class Table(NamedTuple):
    """A table: what its files are called, and its columns."""

    name: str
    columns: tuple[Column, ...]


EVENTS: Final = Table(
    "events",
    (
        Column("event_id", "text"),
        Column("event_type", "text"),
        Column("timestamp", "time"),
        Column("seed_id", "text"),
        Column("slot_id", "text"),
        Column("epoch", "integer"),
        Column("group_id", "text"),
        Column("message", "text"),
        Column("data", "json"),
        Column("severity", "text"),
        Column("filename", "text"),
        Column("run_dir", "text"),
    ),
)
"""A row an event, as it stands in the file."""

_RATES: Final = (
    "germination_rate",
    "prune_rate",
    "fossilize_rate",
    "blend_success_rate",
    "avg_lifespan_epochs",
)
_TRENDS: Final = ("germination_trend", "prune_trend", "fossilize_trend")
STATE: Final = Table(
    "state",
    (
        Column("group_id", "text"),
        Column("timestamp", "time"),
        Column("line", "integer"),
        Column("total_slots", "integer"),
        Column("active_slots", "integer"),
        *(Column(stage, "integer") for stage in STAGES),
        Column("n_envs", "integer"),
        Column("avg_epochs_in_stage", "number"),
        Column("current_episode", "integer"),
        Column("germination_count", "integer"),
        Column("prune_count", "integer"),
        Column("fossilize_count", "integer"),
        *(Column(name, "number") for name in _RATES),
        *(Column(name, "text") for name in _TRENDS),
    ),
)
"""A row a change of a group's values, with the names that they have in ``SlotSnapshot``."""

_EPOCH_OF_ACTION: Final = re.compile(r"-e([0-9]+)-")
_LARGEST_INTEGER: Final = 2**63 - 1


class _Envelope(msgspec.Struct):
    event_id: Any = None
    event_type: Any = None
    timestamp: Any = None
    seed_id: Any = None
    slot_id: Any = None
    epoch: Any = None
    group_id: Any = None
    message: Any = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    severity: Any = None


_decode: Final = msgspec.json.Decoder(_Envelope).decode


def event_row(recording: Recording, line: RecordedLine) -> Row | None:
    """Return the row of an event, None for a line that is no JSON object."""
    envelope = None if line.text is None else _envelope(line.text)
    if envelope is None:
        return None
    data = bytes(envelope.data).decode(errors="replace")
    return (
        _text(envelope.event_id),
        _text(envelope.event_type),
        _time(envelope.timestamp),
        _text(envelope.seed_id),
        _text(envelope.slot_id),
        _epoch(envelope.epoch, data),
        _text(envelope.group_id),
        _text(envelope.message),
        None if data == "null" else data,
        _text(envelope.severity),
        shown(recording.path),
        recording.path.parent.name if recording.path.name.startswith(EVENTS_FILE) else "",
    )


def state_row(number: int, reading: GroupReading) -> Row:
    """Return the row of a group that a line has changed.

    Args:
        number: of the line, from 1.
        reading: the group after it.
    """
    slots, seeds = reading.slots, reading.slots.seed_lifecycle
    return (
        reading.group_id,
        datetime.fromtimestamp(reading.last_event_timestamp, UTC).replace(tzinfo=None),
        number,
        slots.total_slots,
        slots.active_slots,
        *(slots.slot_stage_counts[stage] for stage in STAGES),
        slots.n_envs,
        slots.avg_epochs_in_stage,
        slots.current_episode,
        seeds.germination_count,
        seeds.prune_count,
        seeds.fossilize_count,
        *(getattr(seeds, name) for name in _RATES),
        *(getattr(seeds, name) for name in _TRENDS),
    )


def _envelope(text: bytes) -> _Envelope | None:
    try:
        return _decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # It may hold a bare NaN, which the strict decoder refuses.
        pass
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    data = msgspec.Raw(json.dumps(content.pop("data", None)).encode())
    known = {name: content.get(name) for name in _Envelope.__struct_fields__ if name != "data"}
    return _Envelope(data=data, **known)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    return text if is_unicode(text) else text.encode(errors="backslashreplace").decode()


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None


def _epoch(value: Any, data: str) -> int | None:
    """Return the epoch of an event, or that which its action names."""
    if value is None:
        action = None
        with suppress(ValueError, RecursionError):
            content = json.loads(data) if '"action_id"' in data else None
            action = content.get("action_id") if isinstance(content, dict) else None
        found = _EPOCH_OF_ACTION.search(action) if isinstance(action, str) else None
        value = found[1] if found else None
    try:
        epoch = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return epoch if abs(epoch) <= _LARGEST_INTEGER else None
