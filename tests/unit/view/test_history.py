"""The last minutes of groups."""

from __future__ import annotations

from sanctum_exporter.view.history import LENGTH, MOST_GROUPS, STEP_SECONDS, History
from tests.readings import NOW, reading


def test_a_moment_is_noted_no_oftener_than_the_step() -> None:
    """Whoever looks in between changes nothing."""
    history = History()
    for second in range(11):
        history.note([reading(seeds={"prune_count": second})], NOW + second)
    series = history.series(None, "default")
    assert series.timestamps == [NOW, NOW + 5, NOW + 10]
    assert series.counts == {"germinated": [0, 0, 0], "pruned": [0, 5, 10], "fossilized": [0] * 3}


def test_moments_have_the_slots_of_each_stage() -> None:
    """They sum to all slots."""
    history = History()
    history.note([reading(stages=(6, 5, 4, 3, 2, 1))], NOW)
    stages = history.series(None, "default").stages
    assert list(stages.items()) == [
        ("DORMANT", [6]),
        ("GERMINATED", [5]),
        ("TRAINING", [4]),
        ("BLENDING", [3]),
        ("HOLDING", [2]),
        ("FOSSILIZED", [1]),
    ]


def test_the_oldest_moments_make_room() -> None:
    """Memory is bounded, and what is kept are the last minutes."""
    history = History()
    for step in range(LENGTH + 30):
        history.note([reading()], NOW + step * STEP_SECONDS)
    timestamps = history.series(None, "default").timestamps
    assert len(timestamps) == LENGTH
    assert timestamps[0] == NOW + 30 * STEP_SECONDS


def test_a_run_that_is_over_draws_no_line_on() -> None:
    """It keeps its last minutes, and gets no new ones."""
    history = History()
    for step, under_way in enumerate([True, True, False, False]):
        history.note([reading(life={"under_way": under_way})], NOW + step * STEP_SECONDS)
    assert history.series(None, "default").timestamps == [NOW, NOW + STEP_SECONDS]


def test_groups_and_runs_are_told_apart() -> None:
    """Two runs may have a group of the same name."""
    history = History()
    history.note([reading("A", run="x"), reading("B", run="x"), reading("A", run="y")], NOW)
    assert [len(history.series(run, group).timestamps) for run in "xyz" for group in "AB"] == [
        1,
        1,
        1,
        0,
        0,
        0,
    ]


def test_only_the_newest_groups_have_a_history_and_those_gone_none() -> None:
    """A directory of thousands of runs fills no memory."""
    history = History()
    runs = [
        reading(run=str(number), last_event_timestamp=NOW + number)
        for number in range(MOST_GROUPS + 1)
    ]
    history.note(runs, NOW)
    assert history.series("0", "default").timestamps == []
    assert history.series("1", "default").timestamps == [NOW]
    history.note(runs[:1], NOW + 1)
    assert history.series("0", "default").timestamps == [NOW + 1]
    assert history.series("1", "default").timestamps == []
