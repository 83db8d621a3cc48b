"""Telemetry directories."""

from __future__ import annotations

import shutil
from pathlib import Path

from sanctum_exporter.files.runs import AllRuns, Follower, LatePath, NewestRun
from tests import events
from tests.rundirs import new_intake, settle, write_run


def not_ready(follower: Follower) -> str | None:
    """Return why its values are not to be relied on at this moment."""
    return follower.failure or follower.waiting


def down(follower: Follower) -> bool:
    """Tell whether reading fails at this moment."""
    return follower.failure is not None


def envs(follower: Follower) -> list[int]:
    """Return the envs of every published group, which tell the test's runs apart."""
    return [reading.slots.n_envs for reading in follower.readings()]


def test_newest_run_is_the_one_that_started_last(tmp_path: Path) -> None:
    """Runs are ordered by the time in their name, then by its number; other names are older."""
    write_run(tmp_path, "telemetry_2026-01-02_000000_002", events.started(3))
    write_run(tmp_path, "telemetry_2026-01-02_000000_010", events.started(4))
    write_run(tmp_path, "telemetry_2026-01-02_000000", events.started(2))
    write_run(tmp_path, "telemetry_2026-01-01_235959", events.started(1))
    write_run(tmp_path, "zz_copy", events.started(9))
    follower = NewestRun(tmp_path, new_intake)
    settle(follower)
    assert envs(follower) == [4]
    assert not_ready(follower) is None


def test_it_goes_over_to_a_newer_run_when_it_appears(tmp_path: Path) -> None:
    """The old values stay until the new run has been read."""
    write_run(tmp_path, "telemetry_2026-01-01_000000", events.started(1))
    follower = NewestRun(tmp_path, new_intake)
    settle(follower)
    (tmp_path / "telemetry_2026-01-02_000000").mkdir()
    settle(follower)
    assert envs(follower) == [1]
    newer = write_run(tmp_path, "telemetry_2026-01-02_000000", events.started(2))
    settle(follower)
    assert envs(follower) == [2]
    with newer.open("ab") as file:
        file.write(events.germinated() + b"\n")
    settle(follower)
    assert follower.readings()[0].slots.active_slots == 1
    assert follower.activity().events["TRAINING_STARTED"] == 1


def test_directory_without_runs_or_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    """It says so, and has every count at 0."""
    follower = NewestRun(tmp_path / "later", new_intake)
    settle(follower)
    assert not_ready(follower) == f"waiting for a run in {tmp_path / 'later'}"
    assert not down(follower)
    assert envs(follower) == []
    assert follower.activity().events["TRAINING_STARTED"] == 0
    write_run(tmp_path / "later", "telemetry_2026-01-01_000000", events.started(1))
    settle(follower)
    assert not_ready(follower) is None
    assert envs(follower) == [1]


def test_directory_of_one_run_is_followed_itself(tmp_path: Path) -> None:
    """A user may name it in place of its parent."""
    path = write_run(tmp_path, "telemetry_2026-01-01_000000", events.started(6))
    follower = NewestRun(path.parent, new_intake)
    settle(follower)
    assert envs(follower) == [6]


def test_all_runs_are_named_by_their_directories(tmp_path: Path) -> None:
    """Counts are those of all runs together; a run that is removed is gone."""
    follower = AllRuns(tmp_path, new_intake)
    settle(follower)
    assert not_ready(follower) == f"waiting for a run in {tmp_path}"
    write_run(tmp_path, "telemetry_2026-01-01_000000", events.started(1), b"garbage")
    write_run(tmp_path, "baseline", events.started(2, group_id="A"), events.started(3))
    settle(follower)
    assert [(r.run, r.group_id, r.slots.n_envs) for r in follower.readings()] == [
        ("baseline", "A", 2),
        ("baseline", "default", 3),
        ("telemetry_2026-01-01_000000", "default", 1),
    ]
    assert follower.activity().events["TRAINING_STARTED"] == 3
    assert follower.activity().rejected["invalid_json"] == 1
    shutil.rmtree(tmp_path / "baseline")
    settle(follower)
    assert envs(follower) == [1]
    assert not_ready(follower) is None


def test_path_may_turn_out_to_be_a_file_or_a_directory(tmp_path: Path) -> None:
    """A path that does not exist yet is waited for, whatever it becomes."""
    follower = LatePath(tmp_path / "x", new_intake)
    settle(follower)
    assert not_ready(follower) == f"waiting for {tmp_path / 'x'}, which does not exist yet"
    (tmp_path / "x").write_bytes(events.started(2) + b"\n")
    settle(follower)
    assert envs(follower) == [2]
    directory = LatePath(tmp_path / "y", new_intake)
    write_run(tmp_path / "y", "telemetry_2026-01-01_000000", events.started(5))
    settle(directory)
    assert envs(directory) == [5]
