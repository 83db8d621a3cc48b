"""Following one file through whatever happens to it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from sanctum_exporter.files.follower import FileFollower
from sanctum_exporter.files.lines import read_lines
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import events


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the followed file is going to be."""
    return tmp_path / "events.jsonl"


def follow(path: Path, chunk_bytes: int = 64) -> FileFollower:
    """Return a follower that reads in small steps."""
    return FileFollower(path, new_intake, chunk_bytes)


def new_intake() -> Intake:
    """Return an empty state with a fixed clock."""
    return Intake(Groups(clock=lambda: events.EPOCH_SECONDS))


def not_ready(follower: FileFollower) -> str | None:
    """Return why its values are not to be relied on at this moment."""
    return follower.failure or follower.waiting


def settle(follower: FileFollower) -> None:
    """Poll until there is nothing new, and once more."""
    while follower.poll():
        pass
    follower.poll()


def assert_as_whole(follower: FileFollower) -> None:
    """Check that the state is what reading the whole file gives."""
    whole = new_intake()
    for line in read_lines(follower.path):
        whole.line(line.text, line.number)
    assert follower.readings() == whole.readings()
    assert follower.activity() == whole.activity()


def append(path: Path, content: bytes) -> None:
    """Append as esper-lite's writer does."""
    with path.open("ab") as file:
        file.write(content)


def test_half_a_line_waits_for_its_other_half(path: Path) -> None:
    """It is neither applied nor rejected meanwhile."""
    line = events.germinated() + b"\n"
    path.write_bytes(events.started() + b"\n" + line[:40])
    follower = follow(path)
    settle(follower)
    assert follower.readings()[0].slots.active_slots == 0
    assert sum(follower.activity().rejected.values()) == 0
    append(path, line[40:])
    settle(follower)
    assert follower.readings()[0].slots.active_slots == 1
    assert_as_whole(follower)


def test_last_line_without_its_end_is_read_once_it_is_whole(path: Path) -> None:
    """A crash or an editor may leave it so; its end, when it comes, changes nothing."""
    path.write_bytes(events.started() + b"\n" + events.germinated())
    follower = follow(path)
    settle(follower)
    assert follower.readings()[0].slots.active_slots == 1
    append(path, b"\n" + events.germinated(1) + b"\n")
    settle(follower)
    assert follower.readings()[0].slots.seed_lifecycle.germination_count == 2
    assert_as_whole(follower)


def test_line_that_only_looked_whole_is_read_again(path: Path) -> None:
    """More bytes on the same line make it garbage."""
    path.write_bytes(events.started() + b"\n" + events.germinated())
    follower = follow(path)
    settle(follower)
    append(path, b"garbage\n")
    settle(follower)
    assert follower.readings()[0].slots.active_slots == 0
    assert_as_whole(follower)


def test_truncation_starts_anew(path: Path) -> None:
    """A truncated file is read anew, even if it has grown past its old size when that is seen."""
    path.write_bytes(events.started(3) + b"\n" + events.germinated() + b"\n")
    follower = follow(path)
    settle(follower)
    path.write_bytes(b"")
    settle(follower)
    assert follower.readings() == []
    path.write_bytes(events.started(5) + b"\n")
    settle(follower)
    path.write_bytes((events.started(7) + b"\n") * 20)
    settle(follower)
    assert follower.readings()[0].slots.n_envs == 7
    assert_as_whole(follower)


def test_another_file_in_its_place_starts_anew(path: Path) -> None:
    """A file in the place of another, as log rotation does it, is read from its beginning."""
    path.write_bytes(events.started(3) + b"\n" + events.germinated() + b"\n")
    follower = follow(path)
    settle(follower)
    other = path.with_name("other")
    other.write_bytes(events.started(4) + b"\n" + events.germinated() + b"\n")
    other.replace(path)
    settle(follower)
    assert follower.readings()[0].slots.n_envs == 4
    assert_as_whole(follower)


def test_same_size_and_other_content_starts_anew(path: Path) -> None:
    """Rewritten in place, byte for byte as long."""
    path.write_bytes(events.started(3) + b"\n")
    follower = follow(path)
    settle(follower)
    path.write_bytes(events.started(4) + b"\n")
    os.utime(path, (0, 0))
    settle(follower)
    assert follower.readings()[0].slots.n_envs == 4


def test_nobody_sees_a_file_half_read_again(path: Path) -> None:
    """The old values stay until the new ones are complete."""
    path.write_bytes(events.started(3) + b"\n")
    follower = follow(path)
    settle(follower)
    seeds = [events.germinated(env) + b"\n" for env in range(9)]
    path.write_bytes(events.started(9) + b"\n" + b"".join(seeds))
    seen = set()
    more = True
    while more:
        more = follower.poll()
        slots = follower.readings()[0].slots
        seen.add((slots.n_envs, slots.active_slots))
    assert seen == {(3, 0), (9, 9)}


def test_nothing_is_published_until_the_file_has_been_read(path: Path) -> None:
    """Nobody sees half a file, and readiness says how far the reading is."""
    path.write_bytes(events.started(3) + b"\n")
    follower = follow(path, chunk_bytes=100)
    assert follower.poll()
    assert follower.readings() == []
    assert (not_ready(follower) or "").startswith(f"reading {path}: ")
    settle(follower)
    assert not_ready(follower) is None
    assert follower.readings()[0].slots.n_envs == 3


def test_file_that_does_not_exist_yet_is_waited_for(path: Path) -> None:
    """A file that comes later is read from its beginning."""
    follower = follow(path)
    settle(follower)
    assert not_ready(follower) == f"waiting for {path}, which does not exist yet"
    path.write_bytes(events.started() + b"\n")
    settle(follower)
    assert not_ready(follower) is None
    assert_as_whole(follower)


def test_file_that_vanished_leaves_its_values_and_a_failure(path: Path) -> None:
    """When it comes back, it is read as it then is."""
    path.write_bytes(events.started(3) + b"\n")
    follower = follow(path)
    settle(follower)
    path.unlink()
    settle(follower)
    assert not_ready(follower) == f"{path} is gone; its last values stay published"
    assert follower.readings()[0].slots.n_envs == 3
    path.write_bytes(events.started(4) + b"\n")
    settle(follower)
    assert not_ready(follower) is None
    assert_as_whole(follower)


def test_garbage_and_other_encodings_are_passed_over(path: Path) -> None:
    """Each line is rejected once; what follows is applied."""
    path.write_bytes(b"\xff\xfe\n\x00\x00\n{]\n" + events.started() + b"\n" + b"\xc3\n")
    follower = follow(path)
    settle(follower)
    assert sum(follower.activity().rejected.values()) == 4
    assert_as_whole(follower)


@pytest.mark.parametrize("first", [b"\x1f", b"\x1f\x8b", b"\x1f\x8b{", b"\x1f\x8b\x07"])
def test_a_file_that_begins_with_half_of_gzips_header_is_a_plain_file(
    path: Path, first: bytes
) -> None:
    """Followed and read at once, its first line is garbage, and the others are taken in."""
    path.write_bytes(first + b"\n" + events.started() + b"\n")
    follower = follow(path)
    settle(follower)
    assert not_ready(follower) is None
    assert_as_whole(follower)
    assert sum(follower.activity().rejected.values()) == 1
    assert sum(follower.activity().events.values()) == 1


@pytest.mark.parametrize("seen_before", [0, 1, 2, 3])
def test_gzip_is_refused_with_the_commands_that_read_it(path: Path, seen_before: int) -> None:
    """It does not grow, so it cannot be followed, however few of its bytes were there at first."""
    path.write_bytes(b"\x1f\x8b\x08"[:seen_before])
    follower = follow(path)
    settle(follower)
    append(path, gzip.compress(events.started() + b"\n")[seen_before:])
    settle(follower)
    assert not_ready(follower) == f"{path} is gzip, which does not grow: use replay or inspect"
    assert sum(follower.activity().rejected.values()) == 0


def test_a_followed_file_that_gzip_takes_the_place_of_keeps_its_values_and_says_so(
    path: Path,
) -> None:
    """Not a line of the packed bytes is taken for telemetry."""
    append(path, events.started() + b"\n" + events.germinated() + b"\n")
    follower = follow(path)
    settle(follower)
    before = follower.readings()
    path.write_bytes(gzip.compress(path.read_bytes() * 50))
    settle(follower)
    assert not_ready(follower) == f"{path} is gzip, which does not grow: use replay or inspect"
    assert follower.readings() == before
    assert sum(follower.activity().rejected.values()) == 0


def test_a_directory_in_its_place_is_a_failure_and_no_crash(path: Path) -> None:
    """What cannot be read for a reason of the system's says that reason."""
    path.mkdir()
    follower = follow(path)
    settle(follower)
    assert not_ready(follower) == f"cannot read {path}: Is a directory"


def test_a_file_whose_end_was_rewritten_is_read_anew(path: Path) -> None:
    """Another end of the same length is noticed with the next change, though the beginning is."""
    long_start = events.line(
        "TRAINING_STARTED", {"n_envs": 1, "slot_ids": ["a"], "task": "x" * 400}
    )
    append(path, long_start + b"\n" + events.germinated(slot_id="a") + b"\n")
    follower = follow(path)
    settle(follower)
    rewritten = events.germinated(slot_id="b")
    assert len(rewritten) == len(events.germinated(slot_id="a"))
    more = events.line("PLATEAU_DETECTED", {})
    path.write_bytes(long_start + b"\n" + rewritten + b"\n" + more + b"\n")
    settle(follower)
    assert_as_whole(follower)
    assert follower.activity().events["SEED_GERMINATED"] == 1


def test_the_log_names_the_line_of_the_file(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Lines are numbered from 1 over all polls, and anew when the file is read anew."""
    append(path, events.started() + b"\n")
    follower = follow(path)
    settle(follower)
    append(path, events.germinated() + b"\nnot JSON\n")
    settle(follower)
    path.write_bytes(b"[]\n" + path.read_bytes())
    settle(follower)
    assert [message.split(":")[0] for message in caplog.messages if "rejected" in message] == [
        "telemetry, line 3",
        "telemetry, line 1",
        "telemetry, line 4",
    ]


def test_readiness_says_how_much_of_the_file_has_been_read(path: Path) -> None:
    """A file that takes several polls is at a quarter after the first of four."""
    path.write_bytes(b"\n" * 256)
    follower = follow(path, chunk_bytes=64)
    assert follower.poll()
    assert not_ready(follower) == f"reading {path}: 25%"


@pytest.mark.parametrize("content", [gzip.compress(b"x"), b"\n" * 256], ids=["gzip", "half read"])
def test_a_file_that_goes_before_it_was_read_is_gone(path: Path, content: bytes) -> None:
    """What was said of the file while it was there is not said any more."""
    path.write_bytes(content)
    follower = follow(path, chunk_bytes=64)
    follower.poll()
    path.unlink()
    settle(follower)
    assert not_ready(follower) == f"{path} is gone; its last values stay published"


def test_the_log_names_a_last_line_that_has_no_end(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A whole object at the end of the file is the next line, though no line end follows."""
    append(path, events.started() + b"\n" + b'{"event_type": 5}')
    settle(follow(path))
    assert [message.split(":")[0] for message in caplog.messages] == ["telemetry, line 2"]


def test_another_file_with_the_same_ends_starts_anew(path: Path) -> None:
    """A file that was edited and put in its place is another file, though it looks the same."""
    padding = events.line("PLATEAU_DETECTED", {"reason": "x" * 400}) + b"\n"
    old, new = (padding + events.started(envs) + b"\n" + padding for envs in (3, 4))
    path.write_bytes(old)
    follower = follow(path)
    settle(follower)
    other = path.with_name("other")
    other.write_bytes(new)
    other.replace(path)
    settle(follower)
    assert follower.readings()[0].slots.n_envs == 4
    assert_as_whole(follower)


@pytest.mark.parametrize("filled", [slice(None), slice(900), slice(-900, None)])
@pytest.mark.parametrize("chunk_bytes", [64, 1 << 20])
def test_a_hole_that_is_filled_later_starts_anew(
    path: Path, chunk_bytes: int, filled: slice
) -> None:
    """What a file server had not yet got is read once it is there, be it a part of the hole."""
    padding = events.line("PLATEAU_DETECTED", {"reason": "x" * 400}) + b"\n"
    # Lines enough for each part to hold some.
    missing = (events.line("PLATEAU_DETECTED") + b"\n") * 9
    start = padding + events.started() + b"\n"
    path.write_bytes(start + b"\0" * len(missing) + padding)
    follower = follow(path, chunk_bytes)
    settle(follower)
    assert sum(follower.activity().rejected.values()) == 1
    hole = bytearray(len(missing))
    hole[filled] = missing[filled]
    with path.open("r+b") as file:
        file.seek(len(start))
        file.write(hole)
    os.utime(path, (0, 0))
    settle(follower)
    assert follower.activity().events["PLATEAU_DETECTED"] > 1
    assert_as_whole(follower)


def test_a_hole_that_a_crash_left_for_good_holds_nothing_up(path: Path) -> None:
    """It is one line that cannot be read, once, and what comes after it is read."""
    path.write_bytes(events.started() + b"\n" + b"\0" * 300 + b"\n" + events.germinated() + b"\n")
    follower = follow(path)
    settle(follower)
    append(path, events.germinated(1) + b"\n")
    settle(follower)
    assert follower.readings()[0].slots.active_slots == 2
    assert sum(follower.activity().rejected.values()) == 1
    assert_as_whole(follower)


def test_a_line_that_does_not_end_is_rejected_while_it_still_grows(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so once, with the line, and what follows its end is read."""
    path.write_bytes(events.started() + b'\n{"message": "' + b"x" * (5 << 20))
    follower = follow(path, 1 << 20)
    settle(follower)
    assert follower.activity().rejected["line_too_long"] == 1
    append(path, b"x" * (5 << 20))
    settle(follower)
    assert follower.activity().rejected["line_too_long"] == 1
    assert caplog.messages == [
        "telemetry, line 2: event rejected: line_too_long: the line is too long to be an event"
    ]
    append(path, b'"}\n' + events.germinated() + b"\n")
    settle(follower)
    assert follower.readings()[0].slots.active_slots == 1
    assert_as_whole(follower)
