"""What a live event costs: our emit beside esper-lite's own process_event, in one run.

Usage: ``python benchmarks/emit_cost.py [RECORDING...]``; by default two of those in tests/data.
Where esper-lite can be imported, its events are built from the recorded lines and its registry of
aggregators takes them in turn with ours; where it cannot, ours are measured alone, which says so.

Every round runs each subject once over the whole recording, in turn, with the garbage collector
on; what the bare loop takes is subtracted. Ratios of the median and of the best round count.
"""

from __future__ import annotations

import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sanctum_exporter import SanctumExporter

try:
    from esper.karn.sanctum.registry import AggregatorRegistry
    from esper.leyline import telemetry
    from esper.leyline.reports import PhaseProfileReport
except ImportError as error:
    ORIGINAL = f"esper-lite cannot be imported ({error}), so emit is measured alone"
else:
    ORIGINAL = ""

ROUNDS = 11
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


def payload_class(name: str) -> Any:
    if name == "PHASE_PROFILE_COMPLETED":
        return PhaseProfileReport
    camel = "".join(word.title() for word in name.split("_")) + "Payload"
    return getattr(telemetry, CLASSES.get(name, camel))


def original_event(line: dict[str, Any]) -> Any:
    """Return the event of esper-lite that wrote a line."""
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


def plain_events(lines: Sequence[dict[str, Any]]) -> list[Any]:
    """Return objects of the same shape."""
    make: Any = Enum
    types = make("TelemetryEventType", sorted({line["event_type"] for line in lines}))
    return [
        SimpleNamespace(
            **{
                **line,
                "event_type": types[line["event_type"]],
                "timestamp": datetime.fromisoformat(line["timestamp"]),
                "data": None if line["data"] is None else SimpleNamespace(**line["data"]),
            }
        )
        for line in lines
    ]


def nothing(event: object) -> None:
    pass


def seconds(take: Callable[[Any], object], events: Sequence[Any]) -> float:
    began = time.perf_counter()
    for event in events:
        take(event)
    return time.perf_counter() - began


def measure(path: Path) -> None:
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    subjects: dict[str, Callable[[], Callable[[Any], object]]] = {
        "loop": lambda: nothing,
        "emit": lambda: SanctumExporter().emit,
    }
    if ORIGINAL:
        events = plain_events(lines)
    else:
        events = [original_event(line) for line in lines]
        subjects["process_event"] = lambda: AggregatorRegistry(num_envs=16).process_event
    taken: dict[str, list[float]] = {name: [] for name in subjects}
    for turn in range(ROUNDS):
        for name in sorted(subjects, reverse=turn % 2 == 1):
            taken[name].append(seconds(subjects[name](), events))
    print(f"{path.name}: {len(events)} events, {ROUNDS} rounds")
    for word, pick in (("median", statistics.median), ("best", min)):
        loop = pick(taken["loop"])
        micros = {
            name: (pick(times) - loop) / len(events) * 1e6
            for name, times in taken.items()
            if name != "loop"
        }
        texts = [f"{name} {value:.2f} us" for name, value in micros.items()]
        if "process_event" in micros:
            texts.append(f"{micros['process_event'] / micros['emit']:.1f} times cheaper")
        print(f"  {word:<6} an event: {', '.join(texts)}")


if __name__ == "__main__":
    if ORIGINAL:
        print(ORIGINAL)
    defaults = [DATA / f"{name}.jsonl.gz" for name in ("ppo_single", "ab")]
    for recording in [Path(name) for name in sys.argv[1:]] or defaults:
        measure(recording)
