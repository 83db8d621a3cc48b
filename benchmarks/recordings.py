"""Recorded runs as the bytes of a file, and as the live objects that a hub hands to a backend."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import make_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

try:
    from esper.leyline import telemetry
    from esper.leyline.reports import PhaseProfileReport
except ImportError as error:
    NO_ORIGINAL = f"esper-lite cannot be imported ({error}); give ESPER and ESPER_PYTHON"
else:
    NO_ORIGINAL = ""
    """Why esper-lite itself is not measured, empty where it is."""

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
# The payload's class is named after the event, but for these.
CLASSES = {
    "SEED_GATE_EVALUATED": "SeedGateEvaluatedPayload",
    "PLATEAU_DETECTED": "TrendDetectedPayload",
    "DEGRADATION_DETECTED": "TrendDetectedPayload",
    "IMPROVEMENT_DETECTED": "TrendDetectedPayload",
    "PPO_UPDATE_COMPLETED": "PPOUpdatePayload",
    "COUNTERFACTUAL_MATRIX_COMPUTED": "CounterfactualMatrixPayload",
    "TOPOLOGY_MANIFEST_RECORDED": "TopologyManifestPayload",
    "GRADIENT_ANOMALY": "AnomalyDetectedPayload",
    "GRADIENT_PATHOLOGY_DETECTED": "AnomalyDetectedPayload",
    "NUMERICAL_INSTABILITY_DETECTED": "AnomalyDetectedPayload",
    "RATIO_EXPLOSION_DETECTED": "AnomalyDetectedPayload",
    "RATIO_COLLAPSE_DETECTED": "AnomalyDetectedPayload",
    "VALUE_COLLAPSE_DETECTED": "AnomalyDetectedPayload",
}


@cache
def content(name: str) -> bytes:
    """Return the lines of a recording in tests/data."""
    return gzip.decompress((DATA / f"{name}.jsonl.gz").read_bytes())


def live_events(name: str) -> list[Any]:
    """Return the live events that wrote a recording, of esper-lite's own classes if it is here."""
    lines = [json.loads(line) for line in content(name).splitlines()]
    return _plain_events(lines) if NO_ORIGINAL else [_original_event(line) for line in lines]


def payload_class(name: str) -> Any:
    """Return esper-lite's class of the payload of an event type."""
    if name == "PHASE_PROFILE_COMPLETED":
        return PhaseProfileReport
    camel = "".join(word.title() for word in name.split("_")) + "Payload"
    return getattr(telemetry, CLASSES.get(name, camel))


def _original_event(line: dict[str, Any]) -> Any:
    payload = None
    if line["data"] is not None:
        cls = payload_class(line["event_type"])
        payload = cls.from_dict(line["data"]) if hasattr(cls, "from_dict") else cls(**line["data"])
    return telemetry.TelemetryEvent(
        **{
            **line,
            "event_type": telemetry.TelemetryEventType[line["event_type"]],
            "timestamp": datetime.fromisoformat(line["timestamp"]),
            "data": payload,
        }
    )


def _plain_events(lines: Sequence[dict[str, Any]]) -> list[Any]:
    """Return objects of the same shape, of classes that are as quick to ask."""
    make_enum: Any = Enum
    types = make_enum("TelemetryEventType", sorted({line["event_type"] for line in lines}))
    payloads: dict[tuple[str, ...], Any] = {}

    def payload(event_type: str, data: dict[str, Any]) -> Any:
        shape = (event_type, *data)
        cls = payloads.get(shape)
        if cls is None:
            cls = payloads[shape] = make_dataclass(event_type.title(), data, slots=True)
        return cls(**data)

    event: Any = make_dataclass("TelemetryEvent", lines[0])
    return [
        event(
            **{
                **line,
                "event_type": types[line["event_type"]],
                "timestamp": datetime.fromisoformat(line["timestamp"]),
                "data": None if line["data"] is None else payload(line["event_type"], line["data"]),
            }
        )
        for line in lines
    ]
