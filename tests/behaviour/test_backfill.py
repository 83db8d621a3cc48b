"""``sanctum-exporter backfill`` as its user meets it: what is written, and what is refused."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from sanctum_exporter.cli import main
from tests import events, recordings
from tests.collectors import raw_endpoint, refusing_url
from tests.rundirs import write_run

Command = Callable[..., tuple[int, str, str]]
Samples = dict[str, list[tuple[float, float]]]

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)

KILLED = """
import os, resource, signal, sys
from pathlib import Path
from sanctum_exporter.cli import main
renames, most_bytes = int(sys.argv[1]), int(sys.argv[2])
if most_bytes:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
def dying(real):
    def move(self, target):
        global renames
        if renames == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        renames -= 1
        return real(self, target)
    return move
Path.rename, Path.replace = dying(Path.rename), dying(Path.replace)
main(sys.argv[3:])
"""
"""Runs the command, which is killed before it gives a file or directory another name, or fails
when a file grows past a size, as on a full disk."""


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that backfills in this process: its status and what it prints."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exited:
            main(["--log.level=error", "backfill", *map(str, arguments)])
        captured = capsys.readouterr()
        code = exited.value.code
        assert isinstance(code, int)
        return code, captured.out, captured.err

    return run


def at(line: bytes, seconds: float) -> bytes:
    """Return an event at some seconds after the beginning."""
    moment = BEGIN + timedelta(seconds=seconds)
    return re.sub(rb'"timestamp": "[^"]*"', f'"timestamp": "{moment.isoformat()}"'.encode(), line)


def run_of(n_seeds: int) -> list[bytes]:
    """Return a run in which a seed germinates every ten seconds."""
    seeds = [at(events.germinated(), 10 * number) for number in range(1, n_seeds + 1)]
    return [at(events.started(), 0), *seeds]


def samples(path: Path, name: str, **labels: str) -> list[tuple[float, float]]:
    """Return the samples of the one series with these labels: seconds after the beginning, value.

    The whole file is read as strictly as OpenMetrics can be.
    """
    return [
        (float(sample.timestamp) - BEGIN.timestamp(), sample.value)
        for family in families(path)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def families(path: Path) -> list[Any]:
    """Return what the client library's strict parser finds in a file."""
    parse: Any = text_string_to_metric_families
    return list(parse(path.read_text("utf-8")))


def visible(directory: Path) -> dict[str, bytes]:
    """Return what was made, by name; all that is hidden is ours."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.relative_to(directory).as_posix().startswith(".")
    }


def test_samples_are_on_the_grid_from_the_first_event_to_just_after_the_last(
    command: Command, tmp_path: Path
) -> None:
    """Each is the value at its time: an event at the very moment counts, one after it does not."""
    write_run(
        tmp_path / "runs", "one", *[at(line, 7) for line in run_of(0)], at(events.germinated(), 30)
    )
    assert command(tmp_path / "runs", "-o", tmp_path / "out")[0] == 0
    text = tmp_path / "out" / "one.om"
    assert samples(text, "sanctum_seeds_germinated_total") == [(15, 0), (30, 1)]
    assert samples(text, "sanctum_total_slots", run="one", group_id="default") == [(15, 4), (30, 4)]
    later = tmp_path / "later"
    assert command(tmp_path / "runs", "-o", later, "--step", "20s")[0] == 0
    assert samples(later / "one.om", "sanctum_seeds_germinated_total") == [(20, 0), (40, 1)]


def test_series_carry_the_labels_that_rules_and_dashboards_ask_for(
    command: Command, tmp_path: Path
) -> None:
    """The job, an instance for each run, and whatever else is given; run as watch gives it."""
    write_run(tmp_path / "runs", "a\\b", *run_of(1))
    labels = ("--label", "job=gpu", "--label", 'site=say "hi"\\')
    command(tmp_path / "runs", "-o", tmp_path / "out", *labels)
    (path,) = (tmp_path / "out").glob("*.om")
    for family in families(path):
        for sample in family.samples:
            assert sample.labels["job"] == "gpu"
            assert sample.labels["instance"] == "a\\\\b"
            assert sample.labels["site"] == 'say "hi"\\'
            own = family.name.startswith("sanctum_exporter_")
            assert sample.labels.get("run") == (None if own else "a\\\\b")


def test_a_clock_that_goes_back_makes_no_sample_earlier(command: Command, tmp_path: Path) -> None:
    """What is out of order counts when the line above it did."""
    lines = [*run_of(3), at(events.germinated(), 5), at(events.germinated(), 40)]
    write_run(tmp_path / "runs", "one", *lines)
    command(tmp_path / "runs", "-o", tmp_path / "out", "--step", "10s")
    found = samples(tmp_path / "out" / "one.om", "sanctum_seeds_germinated_total")
    assert found == [(0, 0), (10, 1), (20, 2), (30, 4), (40, 5)]


def test_an_event_of_a_far_year_is_rejected_and_makes_no_sample(
    command: Command, tmp_path: Path
) -> None:
    """The run ends with the last event whose time is believed."""
    far = re.sub(rb'"timestamp": "20', b'"timestamp": "22', events.germinated())
    write_run(tmp_path / "runs", "one", *run_of(1), far, at(events.germinated(), 20))
    command(tmp_path / "runs", "-o", tmp_path / "out", "--step", "10s")
    text = tmp_path / "out" / "one.om"
    assert samples(text, "sanctum_seeds_germinated_total") == [(0, 0), (10, 1), (20, 2)]
    rejected = samples(text, "sanctum_exporter_events_rejected_total", reason="invalid_field")
    assert rejected == [(0, 0), (10, 1), (20, 1)]


def test_lines_before_the_first_that_tells_its_time_count_from_there(
    command: Command, tmp_path: Path
) -> None:
    """What cannot be read is rejected, and what does not say when happened no later."""
    undated = events.line("TAMIYO_INITIATED", timestamp=None)
    write_run(tmp_path / "runs", "one", b"garbage", undated, *run_of(1))
    command(tmp_path / "runs", "-o", tmp_path / "out", "--step", "10s")
    text = tmp_path / "out" / "one.om"
    reason = "invalid_json"
    rejected = samples(text, "sanctum_exporter_events_rejected_total", reason=reason)
    assert rejected == [(0, 1), (10, 1)]


def test_a_silence_is_followed_for_an_hour(command: Command, tmp_path: Path) -> None:
    """After it the run is not heard of any more, so that days of pause take no room."""
    day = 86_400
    write_run(tmp_path / "runs", "one", *run_of(0), at(events.germinated(), day))
    command(tmp_path / "runs", "-o", tmp_path / "out", "--step", "1m")
    found = samples(tmp_path / "out" / "one.om", "sanctum_seeds_germinated_total")
    assert found == [*((60 * minute, 0) for minute in range(60)), (day, 1)]


def test_gzip_is_read_as_the_file_in_it(command: Command, tmp_path: Path) -> None:
    """A packed run gives the same samples, byte by byte."""
    path = write_run(tmp_path / "plain", "one", *run_of(5))
    packed = tmp_path / "packed" / "one" / "events.jsonl.gz"
    packed.parent.mkdir(parents=True)
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for kind in ("plain", "packed"):
        command(tmp_path / kind, "-o", tmp_path / f"{kind}-out")
    assert visible(tmp_path / "plain-out") == visible(tmp_path / "packed-out") != {}


def test_runs_of_one_name_are_told_apart_whatever_the_order(
    command: Command, tmp_path: Path
) -> None:
    """They are other series, and the same ones again when the paths are given in another order."""
    for seeds, place in ((1, "a"), (2, "b"), (3, "c")):
        write_run(tmp_path / place, "one", *run_of(seeds))
    write_run(tmp_path / "b", "one (2)", *run_of(4))
    for out, places in (("out", "abc"), ("again", "cba")):
        paths = [tmp_path / place for place in places]
        assert command(*paths, "-o", tmp_path / out)[:2] == (
            0,
            f"4 of 4 runs written to {tmp_path / out}\n",
        )
    assert visible(tmp_path / "out") == visible(tmp_path / "again")
    ends = {
        run: samples(
            tmp_path / "out" / f"{run}.om", "sanctum_seeds_germinated_total", run=run, instance=run
        )[-1][1]
        for run in ("one", "one (2)", "one (3)", "one (4)")
    }
    assert ends == {"one": 1, "one (2)": 4, "one (3)": 2, "one (4)": 3}


def test_a_path_given_twice_is_one_run(command: Command, tmp_path: Path) -> None:
    """Also as a directory of runs, as that of one run, and through a link."""
    path = write_run(tmp_path / "runs", "one", *run_of(1))
    (tmp_path / "link.jsonl").symlink_to(path)
    paths = (tmp_path / "runs", path.parent, path, tmp_path / "link.jsonl")
    assert command(*paths, "-o", tmp_path / "out")[1].startswith("1 of 1 runs")


def test_a_second_call_does_nothing(command: Command, tmp_path: Path) -> None:
    """Nothing is written anew, and it says so; a run that came since is done."""
    write_run(tmp_path / "runs", "one", *run_of(1))
    command(tmp_path / "runs", "-o", tmp_path / "out")
    made = tmp_path / "out" / "one.om"
    before = made.stat()
    said = command(tmp_path / "runs", "-o", tmp_path / "out")
    assert said == (0, f"0 of 1 runs written to {tmp_path / 'out'}, 1 were there\n", "")
    assert (made.stat().st_ino, made.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    write_run(tmp_path / "runs", "two", *run_of(1))
    said = command(tmp_path / "runs", "-o", tmp_path / "out")
    assert said[1] == f"1 of 2 runs written to {tmp_path / 'out'}, 1 were there\n"
    assert visible(tmp_path / "out").keys() == {"one.om", "two.om"}


def test_what_cannot_be_read_is_named_and_passed_over(command: Command, tmp_path: Path) -> None:
    """The others are done, the status is 1, and nothing half-written is there."""
    write_run(tmp_path / "runs", "good", *run_of(1))
    write_run(tmp_path / "runs", "foreign", b"garbage")
    damaged = tmp_path / "runs" / "damaged" / "events.jsonl.gz"
    damaged.parent.mkdir()
    damaged.write_bytes(gzip.compress(b"\n".join(run_of(5000)))[:-30])
    loop = tmp_path / "loop.jsonl"
    loop.symlink_to(loop)
    empty = tmp_path / "empty"
    empty.mkdir()
    nothing = tmp_path / "nothing"
    status, out, said = command(tmp_path / "runs", loop, empty, nothing, "-o", tmp_path / "out")
    assert (status, out) == (1, f"1 of 3 runs written to {tmp_path / 'out'}\n")
    lines = said.splitlines()
    assert [line.removeprefix("sanctum-exporter: ") for line in lines] == [
        f"cannot read {loop}: Too many levels of symbolic links",
        f"{empty} holds no events.jsonl: give a telemetry directory",
        f"cannot read {nothing}: No such file or directory",
        lines[3].removeprefix("sanctum-exporter: "),
        (
            f"foreign: {tmp_path}/runs/foreign/events.jsonl has no event of esper-lite that tells "
            "its time: is it its telemetry?"
        ),
    ]
    assert f"damaged: {damaged} is damaged gzip (" in lines[3]
    assert visible(tmp_path / "out").keys() == {"good.om"}
    hidden = {path.name for path in (tmp_path / "out").iterdir()} - {"good.om"}
    assert hidden == {".sanctum-exporter.json", ".sanctum-exporter.lock"}


def in_a_process(arguments: Sequence[str | Path], renames: int = -1, most_bytes: int = 0) -> int:
    """Run the command as ``KILLED`` has it, and return its status."""
    words = [str(renames), str(most_bytes), *map(str, arguments)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *words], capture_output=True, text=True, check=False
    )
    return done.returncode


def test_a_full_disk_stops_it_and_it_goes_on_later(command: Command, tmp_path: Path) -> None:
    """The run is named, nothing half-written is left, and the next call does the rest."""
    for name, seeds in (("a", 1), ("b", 300), ("c", 1)):
        write_run(tmp_path / "runs", name, *run_of(seeds))
    command(tmp_path / "runs", "-o", tmp_path / "whole", "--step", "1s")
    size = (tmp_path / "whole" / "b.om").stat().st_size
    out = tmp_path / "out"
    arguments = (tmp_path / "runs", "-o", out, "--step", "1s")
    assert in_a_process(["backfill", *arguments], most_bytes=size // 2) == 1
    assert visible(out).keys() == {"a.om"}
    assert not list(out.glob(".sanctum-exporter-aside-*"))
    assert command(*arguments)[:2] == (0, f"2 of 3 runs written to {out}, 1 were there\n")
    assert visible(out) == visible(tmp_path / "whole")


@pytest.mark.parametrize("fmt", ["samples", "tables"])
@pytest.mark.parametrize("renames", range(8))
def test_a_call_that_was_killed_is_finished_by_the_next(
    tmp_path: Path, renames: int, fmt: str
) -> None:
    """Wherever it was killed, the result is that of a call that never was."""
    for name in ("a", "b"):
        write_run(tmp_path / "runs", name, *run_of(3))
    words: list[str | Path] = ["backfill"] if fmt == "samples" else ["export", "--format", "csv"]
    words.append(tmp_path / "runs")
    in_a_process([*words, "-o", tmp_path / "whole"])
    arguments = [*words, "-o", tmp_path / "out"]
    killed = in_a_process(arguments, renames)
    assert killed == (0 if fmt == "samples" and renames >= 6 else -9)
    half = visible(tmp_path / "out")
    assert half.items() <= visible(tmp_path / "whole").items()
    assert in_a_process(arguments) == 0
    assert visible(tmp_path / "out") == visible(tmp_path / "whole")
    assert {path.name for path in (tmp_path / "out").glob(".*")} == {
        ".sanctum-exporter.json",
        ".sanctum-exporter.lock",
    }


def test_two_calls_do_not_work_in_one_directory(command: Command, tmp_path: Path) -> None:
    """The second one is refused, and does not touch what the first one is working on."""
    write_run(tmp_path / "runs", "one", *run_of(1))
    out = tmp_path / "out"
    aside = out / ".sanctum-exporter-aside-1" / "samples"
    aside.mkdir(parents=True)
    with (out / ".sanctum-exporter.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = command(tmp_path / "runs", "-o", out)
    assert said == (2, "", f"sanctum-exporter: another call works in {out}: wait for its end\n")
    assert aside.exists()
    assert command(tmp_path / "runs", "-o", out)[0] == 0
    assert not aside.exists()


def test_a_run_that_has_grown_is_not_silently_left_as_it_was(
    command: Command, tmp_path: Path
) -> None:
    """Its samples would lie over the old ones: it is named, with what to remove."""
    write_run(tmp_path / "runs", "one", *run_of(1))
    write_run(tmp_path / "runs", "two", *run_of(1))
    out = tmp_path / "out"
    command(tmp_path / "runs", "-o", out)
    path = write_run(tmp_path / "runs", "one", *run_of(2))
    status, printed, said = command(tmp_path / "runs", "-o", out)
    assert (status, printed) == (1, f"0 of 2 runs written to {out}, 1 were there\n")
    assert said == (
        f"sanctum-exporter: one: {path} has changed since it was done: give a new directory, or "
        "remove what was made of it (one.om) and its entry in .sanctum-exporter.json\n"
    )


def test_another_run_of_the_name_is_no_change_of_it(command: Command, tmp_path: Path) -> None:
    """It says which two there are."""
    first = write_run(tmp_path / "a", "one", *run_of(1))
    second = write_run(tmp_path / "b", "one", *run_of(2))
    command(first, "-o", tmp_path / "out")
    status, _, said = command(second, "-o", tmp_path / "out")
    assert status == 1
    assert said == (
        f"sanctum-exporter: one: {second} is called one, as {first} was, which is done: give both "
        "at once, and a new directory\n"
    )


def test_other_settings_want_another_directory(command: Command, tmp_path: Path) -> None:
    """Samples of two grids in one place would be neither."""
    write_run(tmp_path / "runs", "one", *run_of(1))
    command(tmp_path / "runs", "-o", tmp_path / "out")
    status, _, said = command(tmp_path / "runs", "-o", tmp_path / "out", "--step", "30s")
    assert (status, said) == (
        1,
        (
            "sanctum-exporter: one: one was done with other settings (text every 15s job=sanctum): "
            "give a new directory\n"
        ),
    )


def test_a_ledger_that_cannot_be_read_stops_it(command: Command, tmp_path: Path) -> None:
    """What is done is not known, so nothing is done."""
    write_run(tmp_path / "runs", "one", *run_of(1))
    (tmp_path / "out").mkdir()
    ledger = tmp_path / "out" / ".sanctum-exporter.json"
    ledger.write_text("[]")
    status, _, said = command(tmp_path / "runs", "-o", tmp_path / "out")
    assert status == 2
    assert said.startswith(f"sanctum-exporter: {ledger} does not say what is done (")
    assert len(said.splitlines()) == 1
    assert visible(tmp_path / "out") == {}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--step", "2m"), "'2m' is not a duration of 1s to 1m: queries look back five minutes"),
        (("--step", "500ms"), "'500ms' is not a duration of 1s to 1m"),
        (("--label", "job"), "'job' is not a label: write name=value"),
        (("--label", "run=x"), "the exporter gives the label run itself: choose another name"),
        (("--blocks", "--url", "http://a"), "--blocks and --url exclude each other"),
        (("--max-block-duration", "2h"), "--max-block-duration needs --blocks"),
        (("--retention", "90d"), "--retention needs --blocks"),
        (("--url", "victoria:8428"), "--url victoria:8428: it is no http:// or https:// URL"),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(
    command: Command, tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    """Status 2, one line, and nothing is made."""
    write_run(tmp_path / "runs", "one", *run_of(1))
    status, _, said = command(tmp_path / "runs", "-o", tmp_path / "out", *options)
    assert status == 2
    assert problem in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@contextmanager
def promtool(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a shell script on PATH as promtool."""
    folder.mkdir()
    program = folder / "promtool"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        yield


def test_blocks_want_promtool(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it nothing is begun; what it complains of is told with the run."""
    write_run(tmp_path / "runs", "one", *run_of(1))
    arguments = (tmp_path / "runs", "-o", tmp_path / "out", "--blocks")
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        status, _, said = command(*arguments)
    assert (status, said) == (
        2,
        (
            "sanctum-exporter: --blocks needs promtool, which comes with Prometheus: put it on "
            "PATH, or leave --blocks out\n"
        ),
    )
    with promtool(tmp_path / "bin", "echo 'no room' >&2; exit 1", monkeypatch):
        status, _, said = command(*arguments)
    assert (status, said) == (1, "sanctum-exporter: one: promtool made no blocks: no room\n")
    assert visible(tmp_path / "out") == {}


def test_a_block_that_a_prometheus_would_lose_is_refused(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its last three hours, and one that is older than its retention."""
    recent = datetime.now(UTC) - timedelta(minutes=90)
    for name, moment in (("old", BEGIN), ("recent", recent)):
        line = re.sub(
            rb'"timestamp": "[^"]*"',
            f'"timestamp": "{moment.isoformat()}"'.encode(),
            events.started(),
        )
        write_run(tmp_path / "runs", name, line)
    with promtool(tmp_path / "bin", "echo ran >&2; exit 1", monkeypatch):
        status, _, said = command(
            tmp_path / "runs", "-o", tmp_path / "out", "--blocks", "--retention", "7d"
        )
    assert status == 1
    old, new = said.splitlines()
    assert "old: its first event was " in old
    assert "the retention is 7 d 0 h: Prometheus would delete its block at once" in old
    assert "recent: its last event was 1 h " in new
    assert "a Prometheus that runs still writes the last 3 hours itself: try again later" in new


@contextmanager
def answering(status: bytes) -> Iterator[str]:
    """Give the address of a server that takes what is posted, and answers so."""

    def talk(connection: socket.socket, _: Event) -> None:
        with connection.makefile("rb") as request:
            head = iter(lambda: request.readline().strip().lower(), b"")
            lengths = [line.split()[1] for line in head if line.startswith(b"content-length:")]
            request.read(int(lengths[0]))
        connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status)

    with raw_endpoint(talk) as url:
        yield url.removeprefix("http://")


def test_a_victoria_metrics_that_refuses_is_named_without_the_password(
    command: Command, tmp_path: Path
) -> None:
    """In the error, in what is printed and in what is noted."""
    write_run(tmp_path / "runs", "one", *run_of(1))
    with answering(b"400 Bad Request") as host:
        url = f"http://somebody:secret@{host}"
        status, out, said = command(tmp_path / "runs", "-o", tmp_path / "out", "--url", url)
    assert (status, said) == (1, f"sanctum-exporter: one: {host} refused the samples: 400 \n")
    gone = refusing_url().replace("http://", "http://somebody:secret@")
    status, more, said = command(tmp_path / "runs", "-o", tmp_path / "out", "--url", gone)
    assert status == 1
    assert said.endswith(" could not be reached: ConnectionError\n")
    with answering(b"204 No Content") as host:
        url = f"http://somebody:secret@{host}"
        status, done, _ = command(tmp_path / "runs", "-o", tmp_path / "out", "--url", url)
    assert (status, done) == (0, f"1 of 1 runs written to {host}\n")
    noted = (tmp_path / "out" / ".sanctum-exporter.json").read_text("utf-8")
    assert json.loads(noted).keys() == {"one"}
    assert "secret" not in out + more + done + said + noted


def test_every_recording_is_openmetrics(command: Command, tmp_path: Path) -> None:
    """The strict parser of the client library takes the text of each."""
    paths = [recordings.path(name) for name in (*recordings.NAMES, "edge_raises")]
    assert command(*paths, "-o", tmp_path / "out", "--step", "5s")[0] == 0
    texts = sorted((tmp_path / "out").glob("*.om"))
    assert len(texts) == len(paths)
    for text in texts:
        assert families(text)
