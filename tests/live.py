"""Live events, as esper-lite's hub hands them to a backend, built from lines of telemetry."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from enum import Enum
from functools import cache
from types import SimpleNamespace
from typing import Any


def live_event(line: bytes) -> Any:
    """Return the object that wrote a line: an Enum, an aware datetime, a payload's attributes."""
    fields = json.loads(line)
    data, timestamp = fields["data"], fields["timestamp"]
    return SimpleNamespace(
        **{
            **fields,
            "event_type": _event_type(fields["event_type"]),
            "timestamp": timestamp and datetime.fromisoformat(timestamp),
            "data": SimpleNamespace(**data) if isinstance(data, dict) else data,
        }
    )


@cache
def _event_type(name: str) -> Enum:
    make: Any = Enum
    members = make("TelemetryEventType", [name])
    member: Enum = members[name]
    return member


def address(exporter: Any) -> str:
    """Return where an exporter serves."""
    url: str = exporter.url
    return url.removeprefix("http://")


def our_threads() -> list[str]:
    """Return the names of our living threads."""
    names = [thread.name for thread in threading.enumerate()]
    # What waits for the terminal belongs to the process, whatever exporter had something to say.
    own = [name for name in names if name.startswith("sanctum-exporter")]
    return [name for name in own if name != "sanctum-exporter-screen"]
