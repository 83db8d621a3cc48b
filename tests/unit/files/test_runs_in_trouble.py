"""Directories in which something cannot be read, goes, or is no file."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sanctum_exporter.files.runs import AllRuns, Follower, LatePath, NewestRun
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.view.document import Exporter, encode, overview
from tests import events
from tests.clocks import Clock
from tests.rundirs import new_intake, settle, write_run

OLDER, NEWER = "telemetry_2026-01-01_000000", "telemetry_2026-01-02_000000"


def failure(follower: Follower) -> str | None:
    """Return why it is not read at this moment."""
    return follower.failure


def envs(follower: Follower) -> list[int]:
    """Return the envs of every published group, which tell the test's runs apart."""
    return [reading.slots.n_envs for reading in follower.readings()]


def make_loop(path: Path) -> None:
    """Put a link to itself there, which cannot be opened, not even by root."""
    path.symlink_to(path.name)


def make_gzip(path: Path) -> None:
    """Put gzip there."""
    path.write_bytes(gzip.compress(events.started(9) + b"\n"))


def make_fifo(path: Path) -> None:
    """Put a named pipe there, which nobody writes to."""
    os.mkfifo(path)


TROUBLES = pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_loop, "cannot read {}: Too many levels of symbolic links"),
        (make_gzip, "{} is gzip, which does not grow: use replay or inspect"),
        (make_fifo, "{} is a named pipe: give the file that esper-lite writes"),
    ],
    ids=["unreadable", "gzip", "named pipe"],
)


@TROUBLES
def test_a_newest_run_that_cannot_be_read_is_a_failure_and_old_values_stay(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    """Nobody takes the values of the run before for those of the newest."""
    write_run(tmp_path, OLDER, events.started(1))
    follower = NewestRun(tmp_path, new_intake)
    settle(follower)
    newer = write_run(tmp_path, NEWER)
    newer.unlink()
    make(newer)
    settle(follower)
    assert failure(follower) == reason.format(newer)
    assert envs(follower) == [1]
    newer.unlink()
    write_run(tmp_path, NEWER, events.started(2))
    settle(follower)
    assert failure(follower) is None
    assert envs(follower) == [2]


def test_a_newest_run_that_goes_before_it_was_read_is_no_failure(tmp_path: Path) -> None:
    """The run before it is the newest again, and is not read anew."""
    write_run(tmp_path, OLDER, events.started(1))
    follower = NewestRun(tmp_path, new_intake)
    settle(follower)
    before = follower.activity().counted_since
    make_loop(tmp_path / NEWER)
    settle(follower)
    assert failure(follower) is not None
    (tmp_path / NEWER).unlink()
    settle(follower)
    assert failure(follower) is None
    assert follower.activity().counted_since == before


@TROUBLES
def test_one_run_of_all_that_cannot_be_read_is_named_and_the_others_go_on(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    """An error of one run is that run's; its old values stay."""
    first = write_run(tmp_path, "first", events.started(1))
    second = write_run(tmp_path, "second", events.started(2))
    follower = AllRuns(tmp_path, new_intake)
    settle(follower)
    first.unlink()
    make(first)
    second.write_bytes(second.read_bytes() + events.started(3) + b"\n")
    settle(follower)
    assert failure(follower) == reason.format(first)
    assert envs(follower) == [1, 3]
    first.unlink()
    write_run(tmp_path, "first", events.started(4))
    settle(follower)
    assert failure(follower) is None
    assert envs(follower) == [4, 3]


def test_a_neighbour_that_may_not_be_entered_takes_no_source_down(tmp_path: Path) -> None:
    """Neither for all runs nor for the newest."""
    make_loop(tmp_path / "lost+found")
    write_run(tmp_path, OLDER, events.started(1))
    for follower in (AllRuns(tmp_path, new_intake), NewestRun(tmp_path, new_intake)):
        settle(follower)
        assert failure(follower) is None
        assert envs(follower) == [1]


def test_several_runs_that_cannot_be_read_are_named_up_to_three(tmp_path: Path) -> None:
    """A failure stays readable where a thousand runs fail."""
    for number in range(5):
        make_loop(tmp_path / f"telemetry_2026-01-01_00000{number}")
    follower = AllRuns(tmp_path, new_intake)
    settle(follower)
    assert (failure(follower) or "").count("cannot read") == 3
    assert (failure(follower) or "").endswith("; and 2 more")


def test_what_departed_runs_counted_stays_counted(tmp_path: Path) -> None:
    """The exporter's own counters never fall, for that would look like its restart."""
    write_run(tmp_path, "a", events.started(1), b"garbage")
    write_run(tmp_path, "b", events.started(2))
    follower = AllRuns(tmp_path, new_intake)
    settle(follower)
    before = follower.activity()
    assert before.last_rejection_timestamp > 0
    shutil.rmtree(tmp_path / "a")
    settle(follower)
    assert envs(follower) == [2]
    assert follower.activity() == before
    write_run(tmp_path, "c", events.started(3))
    shutil.rmtree(tmp_path / "b")
    settle(follower)
    assert envs(follower) == [3]
    assert follower.activity().events["TRAINING_STARTED"] == 3
    assert follower.activity().rejected["invalid_json"] == 1


def test_what_a_run_counted_stays_counted_when_it_is_read_anew(tmp_path: Path) -> None:
    """Its own counts begin anew, and the sum over all runs does not fall."""
    path = write_run(tmp_path, "a", events.started(1), b"garbage", events.started(2))
    write_run(tmp_path, "b", events.started(3))
    follower = AllRuns(tmp_path, new_intake)
    settle(follower)
    for content in (b"", events.started(4) + b"\n"):
        path.write_bytes(content)
        settle(follower)
    assert envs(follower) == [4, 3]
    assert follower.activity().events["TRAINING_STARTED"] == 4
    assert follower.activity().rejected["invalid_json"] == 1
    shutil.rmtree(path.parent)
    settle(follower)
    assert follower.activity().events["TRAINING_STARTED"] == 4


def test_names_that_are_not_utf_8_can_be_scraped_and_shown(tmp_path: Path) -> None:
    """A single odd name cost every run its metrics and its page."""
    write_run(tmp_path, os.fsdecode(b"caf\xe9"), events.started(1))
    (tmp_path / os.fsdecode(b"\xff")).mkdir()
    make_fifo(tmp_path / os.fsdecode(b"\xff") / "events.jsonl")
    follower = AllRuns(tmp_path, new_intake)
    settle(follower)
    families = list(SanctumCollector(follower, run_label=True).collect())
    runs = {sample.labels.get("run") for family in families for sample in family.samples}
    assert r"caf\xe9" in runs
    exporter = Exporter("1.0", "watch", failure(follower))
    shown = json.loads(encode(overview(exporter, follower.readings(), 0.0)))
    assert [run["run"] for run in shown["runs"]] == [r"caf\xe9"]
    assert r"/\xff/events.jsonl is a named pipe" in shown["exporter"]["not_ready"]


@pytest.mark.parametrize("follow", [LatePath, AllRuns, NewestRun])
def test_a_path_that_is_not_utf_8_is_named_so_that_it_can_be_shown(
    tmp_path: Path, follow: type[LatePath | AllRuns | NewestRun]
) -> None:
    """What is waited for, and what has failed, can be written as UTF-8."""
    path = tmp_path / os.fsdecode(b"caf\xe9")
    follower = follow(path, new_intake)
    settle(follower)
    assert rb"caf\xe9" in (follower.waiting or "").encode()
    path.symlink_to(path.name)
    settle(follower)
    assert rb"caf\xe9" in (failure(follower) or "").encode()


def test_a_named_pipe_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening one waits for its writer, perhaps for ever."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    opened: list[object] = []
    monkeypatch.setattr(Path, "open", lambda *arguments: opened.append(arguments))
    follower = LatePath(path, new_intake)
    settle(follower)
    assert failure(follower) == f"{path} is a named pipe: give the file that esper-lite writes"
    assert opened == []


def test_a_device_and_a_socket_are_named_as_what_they_are(tmp_path: Path) -> None:
    """The failure tells what to give in their place."""
    device = LatePath(Path("/dev/zero"), new_intake)
    settle(device)
    assert device.failure == "/dev/zero is a device: give the file that esper-lite writes"
    path = tmp_path / "s"
    with closing(socket.socket(socket.AF_UNIX)) as bound:
        bound.bind(os.path.relpath(path))
        follower = LatePath(path, new_intake)
        settle(follower)
    assert failure(follower) == f"{path} is a socket: give the file that esper-lite writes"


def test_silent_runs_are_not_polled_and_a_run_that_grows_again_is_read(tmp_path: Path) -> None:
    """Within five seconds, after whatever time, and at once where the exporter is about to end."""
    clock = Clock(0.0)
    path = write_run(tmp_path, OLDER, events.started(1))
    follower = AllRuns(tmp_path, new_intake, clock)
    settle(follower)
    clock.now = 3600.0
    settle(follower)
    path.write_bytes(path.read_bytes() + events.started(2) + b"\n")
    clock.now += 1.0
    settle(follower)
    assert envs(follower) == [1]
    clock.now += 4.0
    settle(follower)
    assert envs(follower) == [2]
    clock.now += 3600.0
    settle(follower)
    path.write_bytes(path.read_bytes() + events.started(3) + b"\n")
    follower.wake()
    settle(follower)
    assert envs(follower) == [3]


def test_a_long_file_is_read_to_its_end_at_once(tmp_path: Path) -> None:
    """Reading in pieces does not wait for the turn of a run, however long it takes."""
    clock = Clock(0.0)
    write_run(tmp_path, OLDER, b"\n" * (4 << 20) + events.started(2))
    follower = AllRuns(tmp_path, new_intake, clock)
    assert follower.poll()
    clock.now = 3600.0
    assert follower.poll()
    settle(follower)
    assert envs(follower) == [2]
    assert follower.waiting is None


def test_the_end_of_the_exporter_reaches_what_a_late_path_turned_out_to_be(tmp_path: Path) -> None:
    """The newest run is found, however long its directory has been silent."""
    clock = Clock(0.0)
    (tmp_path / NEWER).mkdir()
    write_run(tmp_path, OLDER, events.started(1))
    follower = LatePath(tmp_path, new_intake, clock)
    follower.wake()
    settle(follower)
    clock.now = 3600.0
    settle(follower)
    write_run(tmp_path, NEWER, events.started(2))
    settle(follower)
    assert envs(follower) == [1]
    follower.wake()
    settle(follower)
    assert envs(follower) == [2]
