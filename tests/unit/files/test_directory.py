"""Finding runs among whatever else lies in a directory."""

from __future__ import annotations

import os
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from sanctum_exporter.files.directory import RunDirectory, run_order
from tests.clocks import Clock


def make_run(directory: Path, name: str) -> Path:
    """Make the directory of a run, and return its file."""
    path = directory / name / "events.jsonl"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def labels(directory: RunDirectory) -> list[str]:
    """Look, and return the labels of the runs that are there, sorted."""
    directory.look()
    return sorted(directory.runs.values())


def lock(entry: Path) -> None:
    """Make an entry that may not be entered, not even by root: it is a link to itself."""
    entry.symlink_to(entry.name)


def test_an_entry_that_may_not_be_entered_is_passed_over_and_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody else's directory is no fault of the runs beside it."""
    lock(tmp_path / "lost+found")
    make_run(tmp_path, "baseline")
    directory = RunDirectory(tmp_path)
    for _ in range(3):
        assert labels(directory) == ["baseline"]
    assert directory.failure is None
    assert caplog.messages == [
        f"cannot read {tmp_path}/lost+found: Too many levels of symbolic links; it is passed over"
    ]


def test_an_entry_that_is_refused_again_is_named_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A log that spoke of it before it was mended says nothing about now."""
    directory = RunDirectory(tmp_path)
    entry = tmp_path / "entry"
    for _ in range(2):
        lock(entry)
        directory.look()
        entry.unlink()
        entry.mkdir()
        directory.look()
        entry.rmdir()
    assert len(caplog.messages) == 2


@pytest.mark.parametrize("name", ["telemetry_2026-01-01_000000", "telemetry_2026-01-01_000000_002"])
def test_an_entry_with_the_name_of_a_run_is_one_even_if_it_may_not_be_entered(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever follows it says that it cannot be read."""
    lock(tmp_path / name)
    assert labels(RunDirectory(tmp_path)) == [name]
    assert caplog.messages == []


def test_an_events_file_that_cannot_be_read_belongs_to_a_run(tmp_path: Path) -> None:
    """It is there, so it is no neighbour."""
    (tmp_path / "baseline").mkdir()
    lock(tmp_path / "baseline" / "events.jsonl")
    assert labels(RunDirectory(tmp_path)) == ["baseline"]


def test_a_run_whose_directory_is_closed_stays_a_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was a run once does not vanish for being unreadable, and is not passed over."""
    make_run(tmp_path, "baseline")
    directory = RunDirectory(tmp_path)
    assert labels(directory) == ["baseline"]
    shutil.rmtree(tmp_path / "baseline")
    lock(tmp_path / "baseline")
    assert labels(directory) == ["baseline"]
    assert caplog.messages == []


def test_a_directory_that_cannot_be_listed_is_a_failure_until_it_can(tmp_path: Path) -> None:
    """The failure names the directory and the system's reason."""
    path = tmp_path / "runs"
    lock(path)
    directory = RunDirectory(path)
    assert labels(directory) == []
    assert directory.failure == f"cannot read {path}: Too many levels of symbolic links"
    path.unlink()
    make_run(path, "baseline")
    assert labels(directory) == ["baseline"]
    assert directory.failure is None


def test_plain_files_beside_runs_are_nothing_to_speak_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A directory may hold notes."""
    make_run(tmp_path, "baseline")
    (tmp_path / "notes.txt").touch()
    assert labels(RunDirectory(tmp_path)) == ["baseline"]
    assert caplog.messages == []


@pytest.mark.parametrize("path", ["runs", "link"])
def test_a_link_to_a_run_counts_it_once_by_its_real_name(tmp_path: Path, path: str) -> None:
    """A link ``latest`` is one more name of the run, though it comes first by name."""
    (tmp_path / "link").symlink_to("runs")
    directory = RunDirectory(tmp_path / path)
    runs = tmp_path / "runs"
    make_run(runs, "telemetry_2026-01-01_000000")
    (runs / "latest").symlink_to("telemetry_2026-01-01_000000")
    assert labels(directory) == ["telemetry_2026-01-01_000000"]
    make_run(runs, "telemetry_2026-01-02_000000")
    (runs / "latest").unlink()
    (runs / "latest").symlink_to("telemetry_2026-01-02_000000")
    assert labels(directory) == ["telemetry_2026-01-01_000000", "telemetry_2026-01-02_000000"]


def test_a_run_that_is_only_linked_has_the_first_of_its_names(tmp_path: Path) -> None:
    """A directory of links to runs elsewhere is one of runs, too."""
    elsewhere = make_run(tmp_path / "elsewhere", "run").parent
    runs = tmp_path / "runs"
    runs.mkdir()
    for number in range(20, 10, -1):
        (runs / f"link{number}").symlink_to(elsewhere)
    assert labels(RunDirectory(runs)) == ["link11"]


def test_the_directory_of_one_run_gives_it_its_real_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is called ``.``, which is no name."""
    monkeypatch.chdir(make_run(tmp_path, "baseline").parent)
    assert labels(RunDirectory(Path())) == ["baseline"]


def test_a_name_that_is_not_utf_8_is_a_label_all_the_same(tmp_path: Path) -> None:
    """The byte is written as its number."""
    make_run(tmp_path, os.fsdecode(b"caf\xe9"))
    assert labels(RunDirectory(tmp_path)) == [r"caf\xe9"]


def test_a_run_is_looked_at_more_rarely_the_longer_it_is_silent(tmp_path: Path) -> None:
    """It is late by a fiftieth of its silence, and by five seconds at most, until it grows."""
    clock = Clock(0.0)
    path = make_run(tmp_path, "baseline")
    directory = RunDirectory(tmp_path, clock)

    def looks(until: float) -> list[float]:
        times = []
        while clock.now < until:
            clock.now += 0.25
            if directory.look():
                times.append(clock.now)
        return times

    def longest_pause(times: list[float]) -> float:
        return max(later - earlier for earlier, later in pairwise(times))

    assert longest_pause(looks(29.0)) == 0.25
    assert 0.5 <= longest_pause(looks(60.0)) <= 1.25
    looks(3600.0)
    assert longest_pause(looks(3700.0)) == 5.0
    path.write_text("grown\n")
    looks(clock.now + 5.0)
    assert longest_pause(looks(clock.now + 20.0)) == 0.25


def test_a_new_entry_is_seen_at_once_however_long_the_others_are_silent(tmp_path: Path) -> None:
    """Only what has been silent is looked at more rarely."""
    clock = Clock(0.0)
    make_run(tmp_path, "old")
    directory = RunDirectory(tmp_path, clock)
    directory.look()
    clock.now = 3600.0
    directory.look()
    new = make_run(tmp_path, "new")
    clock.now += 0.25
    assert directory.look() == {new}


def test_waking_it_looks_at_every_run(tmp_path: Path) -> None:
    """At the end of the exporter nothing that was written is left out."""
    clock = Clock(0.0)
    path = make_run(tmp_path, "old")
    directory = RunDirectory(tmp_path, clock)
    directory.look()
    clock.now = 3600.0
    directory.look()
    assert directory.look() == set()
    directory.wake()
    assert directory.look() == {path}


def test_runs_are_ordered_by_time_and_number() -> None:
    """The tenth run of a second is newer than its second, and other names are older than all."""
    names = [
        "zz_copy",
        "telemetry_2026-01-01_235959",
        "telemetry_2026-01-02_000000",
        "telemetry_2026-01-02_000000_002",
        "telemetry_2026-01-02_000000_010",
    ]
    assert sorted(sorted(names), key=lambda name: run_order(Path(name, "events.jsonl"))) == names
