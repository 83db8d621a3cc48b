"""What telemetry can make the exporter keep and publish has a bound, whoever writes it."""

from __future__ import annotations

import gzip
import importlib
import os
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from sanctum_exporter.files.names import run_label
from sanctum_exporter.files.runs import AllRuns
from sanctum_exporter.readings import label_value
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.training.snapshots import Snapshots
from tests import events, recordings
from tests.feeding import fed
from tests.live import live_event
from tests.processes import exporter
from tests.rundirs import new_intake, settle, write_run
from tests.waiting import eventually

LONG = "x" * 4_000_000
MANY_SLOTS = tuple(f"s{number}" for number in range(10_000))


def rejected(intake: Intake) -> dict[str, int]:
    """Return how many events were rejected, by reason, without those of which none was."""
    return {reason: count for reason, count in intake.activity().rejected.items() if count}


def exposition(intake: Intake) -> str:
    """Return the text of a scrape."""
    registry = CollectorRegistry()
    registry.register(SanctumCollector(intake))
    return generate_latest(registry).decode()


def group_ids(intake: Intake) -> list[str]:
    """Return the ids of the groups that are published."""
    return [reading.group_id for reading in intake.readings()]


def test_a_hundred_groups_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    """Events of any more groups are rejected and counted, and the log names the first of them."""
    names = [f"g{number:03}" for number in range(150)]
    intake = fed(events.started(group_id=name) for name in names)
    intake.line(events.germinated(group_id="g007"), 151)
    assert group_ids(intake) == names[:100]
    assert intake.readings()[7].slots.seed_lifecycle.germination_count == 1
    assert rejected(intake) == {"beyond_limit": 50}
    (line,) = caplog.messages
    assert "line 101: event rejected: beyond_limit: group_id 'g100' is one more than" in line


def test_a_training_is_not_disturbed_by_too_many_groups() -> None:
    """The hook takes live events of any number of groups, and keeps a hundred."""
    intake = Intake(Groups())
    for number in range(150):
        intake.live(live_event(events.started(group_id=f"g{number:03}")))
    assert len(group_ids(intake)) == 100
    assert rejected(intake) == {"beyond_limit": 50}


def test_a_hundred_groups_of_a_registry_are_kept() -> None:
    """Of an attached registry, too; the ones that are known go on."""
    taken = Snapshots("default", max_age_seconds=60)
    taken.take_all({f"g{number:03}": SimpleNamespace(total_slots=1) for number in range(150)})
    taken.take_all({"g000": SimpleNamespace(total_slots=2), "g149": SimpleNamespace(total_slots=2)})
    assert [reading.slots.total_slots for reading in taken.readings()] == [2, *[1] * 99]
    assert taken.activity().rejected["beyond_limit"] == 51


def test_long_labels_are_cut_and_stay_different() -> None:
    """Ids of four million characters that differ in the last are two groups with short names."""
    first, second = (events.started(group_id=LONG + end) for end in "ab")
    intake = fed([first, second, first])
    intake.line(events.germinated(group_id=LONG + "b"), 4)
    one, two = group_ids(intake)
    assert one != two
    assert {len(one), len(two)} == {256}
    assert sum(reading.slots.seed_lifecycle.germination_count for reading in intake.readings()) == 1
    assert len(exposition(intake)) < 100_000


def test_a_run_with_a_long_identity_is_named_shortly() -> None:
    """Run id, task and reward mode are cut as well, in files and in snapshots."""
    names = {"episode_id": LONG, "task": f"{LONG}t", "reward_mode": f"{LONG}r"}
    intake = fed([events.line("TRAINING_STARTED", {"n_envs": 1, "slot_ids": ["a"], **names})])
    assert len(exposition(intake)) < 30_000
    taken = Snapshots(LONG, max_age_seconds=60)
    taken.take(SimpleNamespace(total_slots=1, run_id=LONG, task_name=LONG, reward_mode=LONG))
    (reading,) = taken.readings()
    info = reading.info
    labels = [reading.group_id, info.run_id, info.task, info.reward_mode]
    assert [len(label) for label in labels] == [256] * 4


@given(st.lists(st.text(min_size=1, max_size=6), min_size=2, max_size=2, unique=True), st.data())
def test_no_two_texts_are_one_label(ends: list[str], data: st.DataObject) -> None:
    """Whatever two texts differ in and however long they are, so do their labels."""
    start = "s" * data.draw(st.integers(0, 260))
    first, second = (start + end for end in ends)
    assert label_value(first) != label_value(second)
    # What is cut is no text that stands for itself.
    assert label_value(label_value(first)) != label_value(second) or first == label_value(second)


def test_every_name_of_a_directory_that_is_ascii_is_its_label() -> None:
    """A name of 255 bytes, the longest there is, is not cut; with bytes that are no text, it is."""
    assert run_label("n" * 255) == "n" * 255
    assert run_label("n" * 256) != "n" * 256
    assert len(run_label(os.fsdecode(b"\xff" * 255))) == 256


def test_envs_without_end_cost_nothing() -> None:
    """A run of 2^53 envs is published as such, and memory grows only by envs that report."""
    groups = Groups()
    tracemalloc.start()
    try:
        intake = Intake(groups)
        intake.line(events.started(2**53, ("a", "b")), 1)
        for number in range(2000):
            intake.line(events.germinated(2**52 + number, "a"), number)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    (reading,) = intake.readings()
    assert (reading.slots.n_envs, reading.slots.total_slots) == (2**53, 2**54)
    assert rejected(intake) == {"beyond_limit": 2000}
    assert peak < 500_000


def test_a_million_slots_are_kept_and_no_more() -> None:
    """Of a run with 10,000 slots an env, the first hundred envs are kept."""
    intake = fed([events.started(101, MANY_SLOTS)])
    intake.line(events.germinated(99, "s0"), 2)
    intake.line(events.germinated(100, "s0"), 3)
    intake.line(events.epoch_completed({"s0": {"stage": "HOLDING", "epochs_in_stage": 1}}, 100), 4)
    (reading,) = intake.readings()
    assert reading.slots.active_slots == 1
    assert reading.slots.total_slots == 1_010_000
    assert rejected(intake) == {"beyond_limit": 2}


def test_a_start_with_too_many_slots_is_rejected() -> None:
    """An env has 10,000 different slots at most; a duplicate is no different one."""
    duplicates = fed([events.started(1, MANY_SLOTS * 2)])
    assert [reading.slots.total_slots for reading in duplicates.readings()] == [20_000]
    more = fed([events.started(1, (*MANY_SLOTS, "one more"))])
    assert more.readings() == []
    assert rejected(more) == {"beyond_limit": 1}


def test_what_is_learned_late_has_the_same_limits() -> None:
    """Before a start, too, slots and envs end somewhere, and what is beyond changes nothing."""
    report = {slot: {"stage": "TRAINING", "epochs_in_stage": 1} for slot in MANY_SLOTS}
    too_many = events.epoch_completed({**report, "one more": report["s0"]})
    assert rejected(fed([too_many])) == {"beyond_limit": 1}
    intake = fed(events.epoch_completed(report, env) for env in range(100))
    before = intake.readings()[0].slots
    assert (before.total_slots, before.active_slots) == (1_000_000, 1_000_000)
    intake.line(events.germinated(0, "one more"), 101)
    intake.line(events.germinated(100, "s0"), 102)
    intake.line(events.epoch_completed({"one more": {"stage": "X", "epochs_in_stage": 1}}, 0), 103)
    assert intake.readings()[0].slots == before
    assert rejected(intake) == {"beyond_limit": 3}


def test_names_that_each_slot_keeps_are_short() -> None:
    """A stage or a slot that is learned late, with a name of more than 255 characters, is none."""
    intake = fed(
        [
            events.germinated(0, "s" * 256),
            events.stage_changed("S" * 256),
            events.epoch_completed({"a": {"stage": "S" * 256, "epochs_in_stage": 1}}),
        ]
    )
    assert intake.readings() == []
    assert rejected(intake) == {"invalid_field": 2, "beyond_limit": 1}


def test_the_newest_runs_are_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Older runs than so many are counted and named once; a newer run takes the oldest's place."""
    for day in range(1, 6):
        write_run(tmp_path, f"telemetry_2026-01-0{day}_000000", events.started(day))
    follower = AllRuns(tmp_path, new_intake, most=3)
    settle(follower)
    assert [reading.slots.n_envs for reading in follower.readings()] == [3, 4, 5]
    assert follower.activity().runs_passed_over == 2
    write_run(tmp_path, "telemetry_2026-01-06_000000", events.started(6))
    settle(follower)
    assert [reading.slots.n_envs for reading in follower.readings()] == [4, 5, 6]
    activity = follower.activity()
    assert (activity.runs_passed_over, activity.events["TRAINING_STARTED"]) == (3, 4)
    (line,) = caplog.messages
    assert line == (
        f"{tmp_path} has 5 runs, of which the newest 3 are followed; --most-runs changes that"
    )


def test_how_many_runs_are_followed_is_an_option(tmp_path: Path) -> None:
    """``watch --all-runs --most-runs`` follows so many, and four groups of each."""
    for day in (1, 2, 3):
        lines = [events.started(group_id=f"{day}-{number}") for number in range(6)]
        write_run(tmp_path, f"telemetry_2026-01-0{day}_000000", *lines)
    with exporter("watch", "--all-runs", "--most-runs", "2", str(tmp_path)) as running:
        eventually(lambda: running.get("/-/ready")[0] == 200)
        text = running.get()[1]
    groups = re.findall(r'sanctum_envs\{group_id="([^"]*)"', text)
    assert sorted(groups) == [f"{day}-{number}" for day in (2, 3) for number in range(4)]
    assert "sanctum_exporter_runs_passed_over 1.0" in text


@pytest.mark.parametrize("line_end", [b"\n", b""])
def test_gzip_is_read_in_flat_memory(tmp_path: Path, line_end: bytes) -> None:
    """A small file that is 300 MB unpacked, in lines or in one, takes no more than a plain one."""
    path = tmp_path / "bomb.jsonl.gz"
    row = events.started() + b" " * 1_000_000 + line_end
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(events.started() + b"\n")
        for _ in range(300):
            file.write(row)
    program = "import atexit, sys; from tests.pushing_child import memory_kib; "
    program += "atexit.register(lambda: print(memory_kib('VmHWM'))); "
    program += "from sanctum_exporter.cli import main; main(['inspect', sys.argv[1]])"
    done = subprocess.run(
        [sys.executable, "-c", program, path], cwd=recordings.ROOT, capture_output=True, check=True
    )
    assert int(done.stdout.split()[-1]) < 150 * 1024


def test_limits_are_those_of_the_documentation() -> None:
    """Each constant that docs/limits.md names has the value that stands there."""
    text = (recordings.ROOT / "docs" / "limits.md").read_text("utf-8")
    stated = re.findall(r"^\| [^|]+ \| ([\d,]+)[^|]* \| `([\w.]+)\.(\w+)`", text, re.MULTILINE)
    assert len(stated) > 5
    for value, module, name in stated:
        constant = getattr(importlib.import_module(f"sanctum_exporter.{module}"), name)
        assert constant == int(value.replace(",", "")), name
