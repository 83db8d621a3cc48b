"""The live way and the file way are one: the same events give the same exposition."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from sanctum_exporter.metric import ExporterReading
from sanctum_exporter.readings import Activity
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.telemetry import live
from sanctum_exporter.telemetry.events import STRUCTS, Event
from sanctum_exporter.training.exporter import SanctumExporter
from tests import events, recordings
from tests.events import EPOCH_SECONDS
from tests.live import live_event

REJECTED_AT = "sanctum_exporter_last_rejection_timestamp_seconds "
"""A live event is rejected now, a line when its neighbours happened."""
_PACE = 97
"""Events between two comparisons: a prime, so that they fall at ever other places of an epoch."""


def exposition(intake: Intake) -> str:
    """Return what a scrape gives, without what a stopwatch says and when events were rejected."""
    registry = CollectorRegistry()
    reading = partial(ExporterReading, python_version="3.x")
    collector = SanctumCollector(intake, clock=lambda: 0.0, exporter_reading=reading)
    registry.register(collector)
    lines = generate_latest(registry).decode().splitlines()
    return "\n".join(line for line in lines if not line.startswith(REJECTED_AT))


@pytest.mark.parametrize("name", [*recordings.NAMES, "edge_raises"])
def test_live_events_give_the_exposition_of_their_file(name: str) -> None:
    """All along a recording, its live events give the exposition text of its lines."""
    live, file = Intake(Groups()), Intake(Groups())
    for number, line in enumerate(recordings.lines(name), start=1):
        file.line(line, number)
        live.live(live_event(line))
        if number % _PACE == 0:
            assert exposition(live) == exposition(file), f"after line {number}"
    assert exposition(live) == exposition(file)


@pytest.mark.parametrize("name", ["ppo_single", "ab", "lifecycle_only", "edge"])
def test_usual_events_are_told_by_hand(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only starts, unknown types and summaries take the careful way, which costs more."""
    careful: list[str] = []

    def convert(event: Any) -> Event:
        careful.append(event.event_type.name)
        return live.convert(event)

    monkeypatch.setattr("sanctum_exporter.state.intake.convert", convert)
    taken = Intake(Groups())
    for line in recordings.lines(name):
        taken.live(live_event(line))
    unusual = [line for line in map(json.loads, recordings.lines(name)) if is_unusual(line)]
    assert careful == [line["event_type"] for line in unusual]


def is_unusual(line: dict[str, Any]) -> bool:
    """Tell whether a recorded event has to take the careful way."""
    name, data = line["event_type"], line["data"]
    if name == "EPOCH_COMPLETED":
        return any(slot.startswith("__") for slot in data["seeds"] or ())
    return name == "TRAINING_STARTED" or name not in STRUCTS


def test_the_backend_publishes_what_its_events_say() -> None:
    """A whole recording through the hub's interface gives the exposition of its file."""
    registry = CollectorRegistry()
    exporter = SanctumExporter(registry=registry)
    assert exporter.start()
    file = Intake(Groups())
    for number, line in enumerate(recordings.lines("ab"), start=1):
        exporter.emit(live_event(line))
        file.line(line, number)

    def values(text: str) -> list[str]:
        machine = (
            *("sanctum_exporter_build_info", "sanctum_exporter_collect_duration"),
            REJECTED_AT,
        )
        return [line for line in text.splitlines() if not line.startswith(machine)]

    assert values(generate_latest(registry).decode()) == values(exposition(file))
    exporter.close()


_numbers = st.one_of(
    st.integers(-2, 5), st.sampled_from([2**53, 2**53 + 1, 1.0, True, None, "3", -(2**60)])
)
_texts = st.sampled_from(["r0c0", "", "__aggregate__", "TRAINING", "DORMANT", None, 3, "ü"])
_seeds = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["r0c0", "r0c1", "__aggregate__"]),
        st.fixed_dictionaries({}, optional={"stage": _texts, "epochs_in_stage": _numbers}),
        max_size=3,
    ),
    st.just([1]),
)
_events = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(
            [
                "SEED_GERMINATED",
                "SEED_STAGE_CHANGED",
                "SEED_FOSSILIZED",
                "SEED_PRUNED",
                "SEED_GATE_EVALUATED",
                "EPOCH_COMPLETED",
                "BATCH_EPOCH_COMPLETED",
                "ANALYTICS_SNAPSHOT",
                "NEVER_HEARD_OF",
            ]
        ),
        "timestamp": st.sampled_from(
            [
                events.TIME,
                "2026-11-22T12:00:00.5+00:00",
                "2026-11-22T14:00:00+02:00",
                "2026-11-22T11:00:00",
                "2200-01-01T00:00:00+00:00",
                None,
            ]
        ),
        "group_id": st.sampled_from(["default", "A", "", None]),
        "slot_id": st.sampled_from(["r0c0", "r0c1", "unknown", "", None]),
        "data": st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {},
                optional={
                    "env_id": _numbers,
                    "slot_id": _texts,
                    "to_stage": _texts,
                    "epochs_in_stage": _numbers,
                    "epochs_total": _numbers,
                    "episodes_completed": _numbers,
                    "seeds": _seeds,
                },
            ),
        ),
    }
)


_ORDER = ("event_type", "timestamp", "slot_id", "group_id", "data", "env_id")


def _as_written(fields: dict[str, Any]) -> dict[str, Any]:
    """Return an event in the order of esper-lite: what is wrong first gives the reason."""

    def place(item: tuple[str, Any]) -> int:
        return _ORDER.index(item[0]) if item[0] in _ORDER else len(_ORDER)

    data = fields["data"]
    ordered = data and dict(sorted(data.items(), key=place))
    return dict(sorted({**fields, "data": ordered}.items(), key=place))


def undated(activity: Activity) -> Activity:
    """Return what the exporter did, without when it rejected an event."""
    return replace(activity, last_rejection_timestamp=0.0)


@settings(max_examples=max(500, settings().max_examples))
@given(started=st.booleans(), drawn=st.lists(_events, max_size=8))
def test_live_events_are_read_as_their_lines_are(
    started: bool, drawn: list[dict[str, Any]]
) -> None:
    """Whatever events hold, live ones do what their lines do, and are refused for the same."""
    live, file = (Intake(Groups(clock=lambda: EPOCH_SECONDS)) for _ in range(2))
    lines = [json.dumps(_as_written(fields)).encode() for fields in drawn]
    for number, line in enumerate([events.started()] * started + lines, start=1):
        live.live(live_event(line))
        file.line(line, number)
    assert live.readings() == file.readings()
    assert undated(live.activity()) == undated(file.activity())
