"""The documents of /api/v1."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sanctum_exporter import panel
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.view.document import (
    Exporter,
    Overview,
    RunView,
    by_run,
    encode,
    overview,
    run_view,
    summary,
)
from sanctum_exporter.view.history import History
from tests import recordings
from tests.readings import NOW, reading

EXPORTER = Exporter("1.0", "watch x")


def test_runs_are_those_with_the_newest_event_first_with_all_of_their_groups() -> None:
    """A group that has been silent for long does not put its run behind."""
    readings = [
        reading("A", run="old", last_event_timestamp=NOW - 50),
        reading("A", run="new", last_event_timestamp=NOW - 90),
        reading("B", run="new", last_event_timestamp=NOW - 10),
    ]
    assert [(run, [g.group_id for g in groups]) for run, groups in by_run(readings).items()] == [
        ("new", ["A", "B"]),
        ("old", ["A"]),
    ]


def test_a_run_in_a_line_sums_its_groups_and_is_as_bad_as_the_worst() -> None:
    """Somebody who looks at the line misses nothing that is red below it."""
    line = summary(
        [
            reading("A", life={"remaining_seconds": 60.0}),
            reading("B", stages=(0,) * 6, last_event_timestamp=NOW - 5),
        ],
        NOW,
    )
    assert (line.state, line.severity, line.runbook) == ("zero slots", "critical", "SanctumNoSlots")
    assert (line.total_slots, line.active_slots, line.groups) == (12, 4, ["A", "B"])
    assert (line.progress, line.remaining_seconds) == (0.5, 60.0)
    assert line.last_event_timestamp == NOW - 1


@pytest.mark.parametrize("life", [{"state": "waiting"}, {"under_way": False}])
def test_a_run_of_which_a_group_is_not_completed_is_not(life: dict[str, Any]) -> None:
    """Its other group may be, and comes first."""
    done = reading("A", life={"state": "completed", "under_way": False})
    assert summary([done, reading("B", life=life)], NOW).state in {"waiting", "stopped"}
    assert summary([done, done], NOW).state == "completed"


@pytest.mark.parametrize(
    ("planned", "episode", "progress"), [(0, 5, None), (10, 0, 0.0), (10, 12, 1.0)]
)
def test_progress_is_known_only_of_a_run_that_plans(
    planned: int, episode: int, progress: float | None
) -> None:
    """It is never more than all."""
    group = reading(episode=episode, info={"planned_episodes": planned})
    assert summary([group], NOW).progress == progress


@pytest.mark.parametrize("name", ["ppo_single", "ab", "heuristic"])
def test_panels_are_those_of_every_recorded_moment(name: str) -> None:
    """Text and border title are SlotsPanel's, however they went over the wire."""
    intake = Intake(Groups())
    wanted = {(row["line"], row["group_id"]): row for row in recordings.panels(name)}
    seen = 0
    for number, line in enumerate(recordings.lines(name), start=1):
        intake.line(line, number)
        groups = [r for r in intake.readings() if (number, r.group_id) in wanted]
        if not groups:
            continue
        histories = dict.fromkeys((group.group_id for group in groups), History().series(None, ""))
        sent = encode(run_view(EXPORTER, groups, histories, NOW))
        for view in msgspec.json.decode(sent, type=RunView).groups:
            expected = wanted[number, view.group_id]
            text = "\n".join("".join(span.text for span in line) for line in view.lines)
            assert (view.border_title, text) == (expected["border_title"], expected["text"])
            seen += 1
    assert seen > len(wanted) / 2


def test_documents_come_back_from_json_as_they_went() -> None:
    """Whoever reads them with the same types has the same values."""
    groups = [reading("A", run="x"), reading("B", run="x")]
    history = History()
    history.note(groups, NOW)
    histories = {group.group_id: history.series("x", group.group_id) for group in groups}
    for document in overview(EXPORTER, groups, NOW), run_view(EXPORTER, groups, histories, NOW):
        assert msgspec.json.decode(encode(document), type=type(document)) == document
    plain = json.loads(encode(run_view(EXPORTER, groups, histories, NOW)))
    assert plain["groups"][0]["lines"][0][0] == ["DORM ", "dim"]
    assert plain["groups"][1]["history"]["stages"]["DORMANT"] == [8]
    assert plain["run"]["run"] == "x"


def test_a_source_without_a_run_has_an_empty_list() -> None:
    """It is not an error."""
    assert overview(EXPORTER, [], NOW) == Overview(EXPORTER, NOW, [])


def test_styles_are_those_that_pages_and_terminals_know() -> None:
    """A style that nobody has a colour for would be written in none."""
    styles = {span.style for line in panel.lines(reading().slots) for span in line}
    assert styles <= {"dim", "blue", "bright_blue", "cyan", "yellow", "magenta", "green", "red"}
