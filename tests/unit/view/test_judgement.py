"""A run and its values, in a word and a colour."""

from __future__ import annotations

from typing import Any

import pytest

from sanctum_exporter.readings import GroupReading
from sanctum_exporter.view.judgement import judge_state, judge_values
from tests.readings import NOW, reading

HOUR = 3600.0


@pytest.mark.parametrize(
    ("group", "state", "severity", "detail"),
    [
        (reading(), "running", "good", "running"),
        (
            reading(life={"remaining_seconds": 5400.0}),
            "running",
            "good",
            "running, about 1 h 30 min to go",
        ),
        (reading(life={"state": "waiting"}), "waiting", "none", "waiting for its start"),
        (reading(life={"state": "completed"}), "completed", "none", "completed"),
        (reading(stages=(0,) * 6), "zero slots", "critical", "no slots: nothing will ever grow"),
        (
            reading(stages=(0,) * 6, life={"state": "completed", "under_way": False}),
            "completed",
            "none",
            "completed",
        ),
        (reading(life={"under_way": False}), "stopped", "none", "ended on purpose"),
        (
            reading(life={"under_way": False}, last_event_timestamp=NOW - 3 * HOUR),
            "stopped",
            "none",
            "not heard of for 3 h 0 min",
        ),
        (reading(last_event_timestamp=NOW - 599), "running", "good", "running"),
        (
            reading(last_event_timestamp=NOW - 660),
            "silent",
            "warning",
            "no telemetry for 11 min",
        ),
        (
            reading(last_event_timestamp=NOW - 780),
            "silent",
            "critical",
            "no telemetry for 13 min",
        ),
    ],
)
def test_a_run_is_in_one_state_told_in_a_word_a_colour_and_a_few_words(
    group: GroupReading, state: str, severity: str, detail: str
) -> None:
    """What needs somebody is told from what does not, and why."""
    judged = judge_state(group, NOW)
    assert (judged.state, judged.severity, judged.detail) == (state, severity, detail)
    assert (judged.runbook is not None) == (severity in {"warning", "critical"})


@pytest.mark.parametrize(
    ("age", "life", "info", "severity"),
    [
        # It was silent for so long before: twice is worth a look, three times somebody's sleep.
        (1500.0, {"longest_silence_seconds": 800.0}, {}, "good"),
        (1700.0, {"longest_silence_seconds": 800.0}, {}, "warning"),
        (2500.0, {"longest_silence_seconds": 800.0}, {}, "critical"),
        # It has not shown its pace yet, as long as it compiles its model.
        (2000.0, {"epochs_completed": 0}, {"start_timestamp": NOW - 2010}, "good"),
        (2800.0, {"epochs_completed": 0}, {"start_timestamp": NOW - 2810}, "critical"),
        (2000.0, {"epochs_completed": 0}, {"start_timestamp": NOW - 2100}, "critical"),
        # A heuristic run may be as silent as it likes.
        (3000.0, {}, {"run_id": "heur_7"}, "good"),
    ],
)
def test_silence_is_judged_as_the_alert_does(
    age: float, life: dict[str, Any], info: dict[str, Any], severity: str
) -> None:
    """By the run's own pace, and not before that is known."""
    group = reading(life=life, info=info, last_event_timestamp=NOW - age)
    assert judge_state(group, NOW).severity == severity


def test_a_clock_that_is_behind_makes_no_age_negative() -> None:
    """An event of the near future is one of now."""
    assert judge_state(reading(last_event_timestamp=NOW + 5), NOW).state == "running"


@pytest.mark.parametrize(
    ("group", "name", "value", "severity"),
    [
        (reading(), "Total slots", "12", "good"),
        (reading(stages=(0,) * 6), "Total slots", "0", "critical"),
        (reading(stages=(0,) * 6, life={"under_way": False}), "Total slots", "0", "none"),
        (reading(), "Active slots", "4 of 12", "good"),
        (reading(stages=(12, 0, 0, 0, 0, 0)), "Active slots", "0 of 12", "warning"),
        (
            reading(stages=(12, 0, 0, 0, 0, 0), life={"seeds_expected": False}),
            "Active slots",
            "0 of 12",
            "good",
        ),
        (reading(stages=(79, 21, 0, 0, 0, 0)), "Dormant", "79 %", "good"),
        (reading(stages=(85, 15, 0, 0, 0, 0)), "Dormant", "85 %", "none"),
        (reading(stages=(91, 9, 0, 0, 0, 0)), "Dormant", "91 %", "warning"),
        (reading(seeds={"prune_rate": 0.5}), "Pruned per episode", "0.50", "good"),
        (reading(seeds={"prune_rate": 0.0}), "Pruned per episode", "0.00", "none"),
        (reading(seeds={"prune_rate": 1.5}), "Pruned per episode", "1.50", "warning"),
        (reading(seeds={"prune_rate": 2.5}), "Pruned per episode", "2.50", "critical"),
        *(
            (
                reading(seeds={"fossilize_count": 1, "blend_success_rate": rate}),
                "Blend success",
                value,
                severity,
            )
            for rate, value, severity in (
                (0.7, "70 %", "good"),
                (0.5, "50 %", "warning"),
                (0.25, "25 %", "critical"),
            )
        ),
        *(
            (reading(seeds={"avg_lifespan_epochs": mean}), "Mean lifespan", value, severity)
            for mean, value, severity in (
                (10.0, "10.0 epochs", "good"),
                (5.0, "5.0 epochs", "warning"),
                (4.9, "4.9 epochs", "critical"),
            )
        ),
    ],
)
def test_values_are_judged_by_the_limits_of_their_records(
    group: GroupReading, name: str, value: str, severity: str
) -> None:
    """Healthy, a warning or critical, as TELE-500 to TELE-513 say."""
    (judged,) = (each for each in judge_values(group) if each.name == name)
    assert (judged.value, judged.severity) == (value, severity)


def test_what_is_not_there_yet_is_not_judged() -> None:
    """No rate before an episode, no success and no lifespan before a seed has ended."""
    names = [each.name for each in judge_values(reading(episode=0))]
    assert names == ["Total slots", "Active slots", "Dormant"]


def test_what_is_judged_has_a_runbook_and_a_record() -> None:
    """Each value leads to a page that exists."""
    seeds = {"fossilize_count": 1, "avg_lifespan_epochs": 3.0}
    for judged in judge_values(reading(seeds=seeds)):
        assert judged.runbook.startswith("Sanctum")
        assert judged.record.startswith("TELE-5")
