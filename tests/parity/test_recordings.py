"""Everything that esper-lite computed for the recordings, the exporter computes too."""

from __future__ import annotations

from typing import Any

import pytest

from sanctum_exporter import panel
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import recordings
from tests.feeding import fed, steps


@pytest.mark.parametrize("name", recordings.NAMES)
def test_every_value_equals_the_original_after_every_event(name: str) -> None:
    """Each golden row is reproduced, and nothing changes between rows."""
    starts = recordings.first_starts(name)
    golden = {(row["line"], row["group_id"]): row for row in recordings.golden(name)}
    intake = Intake(Groups())
    current: dict[str, Any] = {}
    compared = 0
    for number, group_id in steps(intake, recordings.lines(name)):
        assert group_id is not None
        if number < starts.get(group_id, number + 1):
            continue
        reading = intake.read(group_id)
        assert reading is not None
        row = golden.get((number, group_id))
        if row is not None:
            current[group_id] = recordings.values(row)
            compared += 1
        assert_same(reading.slots.to_dict(), current[group_id], where=f"{name}:{number}")
    wanted = [row for row in golden.values() if row["line"] >= starts.get(row["group_id"], 10**9)]
    assert compared == len(wanted) > 0


@pytest.mark.parametrize("name", recordings.NAMES)
def test_groups_without_a_start_are_not_published(name: str) -> None:
    """Only the groups of the recording that train are there at its end."""
    intake = fed(recordings.lines(name))
    assert [r.group_id for r in intake.readings()] == sorted(recordings.first_starts(name))


@pytest.mark.parametrize("name", recordings.NAMES)
def test_panel_equals_the_terminal_character_for_character(name: str) -> None:
    """Border title and text are the ones that SlotsPanel showed at every recorded point."""
    starts = recordings.first_starts(name)
    wanted = {(row["line"], row["group_id"]): row for row in recordings.panels(name)}
    intake = Intake(Groups())
    compared = 0
    for number, _ in steps(intake, recordings.lines(name)):
        for group_id, start in starts.items():
            row = wanted.get((number, group_id))
            if row is None or number < start:
                continue
            reading = intake.read(group_id)
            assert reading is not None
            assert panel.border_title(reading.slots) == row["border_title"]
            assert panel.text(reading.slots) == row["text"]
            compared += 1
    assert compared == sum(line >= starts.get(group, 10**9) for line, group in wanted) > 0


def test_events_on_which_the_original_raises_are_rejected_once_and_the_rest_applied() -> None:
    """Four of twelve such events cannot be read; aggregates and NaN are read past."""
    intake = fed(recordings.lines("edge_raises"))
    activity = intake.activity()
    assert {k: v for k, v in activity.rejected.items() if v} == {
        "missing_field": 1,
        "missing_data": 3,
    }
    assert sum(activity.events.values()) == 8
    (reading,) = intake.readings()
    assert reading.slots.total_slots == 6
    assert reading.slots.current_episode == 2
    assert reading.slots.seed_lifecycle.germination_count == 1


def assert_same(actual: dict[str, Any], wanted: dict[str, Any], where: str) -> None:
    """Compare exactly, floats within 1e-12."""
    assert actual.keys() == wanted.keys(), where
    for name, value in wanted.items():
        if isinstance(value, dict):
            assert_same(actual[name], value, f"{where} {name}")
        elif isinstance(value, float):
            assert actual[name] == pytest.approx(value, rel=0, abs=1e-12), f"{where} {name}"
        else:
            assert actual[name] == value, f"{where} {name}"
