from __future__ import annotations

from pathlib import Path

import pytest

from sanctum_exporter.files.lines import SourceError
from sanctum_exporter.past.recordings import Recording, file_name, find, read
from tests import events
from tests.rundirs import write_run

NOON = events.EPOCH_SECONDS


def dated(minutes: int) -> bytes:
    """Return an event so long after noon."""
    return events.line("PPO_UPDATE_COMPLETED", timestamp=f"2026-11-22T12:{minutes:02}:00+00:00")


def test_time_never_goes_back(tmp_path: Path) -> None:
    """A line was not written before the one above it, whatever its event says."""
    lines = [b"garbage", dated(5), dated(3), b"", b"garbage", dated(7)]
    path = write_run(tmp_path, "one", *lines)
    found = [(line.number, line.at - NOON) for line in read(Recording(path, "one"))]
    assert found == [(1, 300), (2, 300), (3, 300), (5, 300), (6, 420)]


def test_a_file_that_never_tells_its_time_is_not_read_to_its_end(tmp_path: Path) -> None:
    """It is hardly telemetry, and must not fill memory: a thousand lines are enough to say so."""
    path = write_run(tmp_path, "one", *[b"garbage"] * 1001, dated(5))
    with pytest.raises(SourceError, match="has no event of esper-lite that tells its time"):
        list(read(Recording(path, "one")))
    path = write_run(tmp_path, "two", *[b"garbage"] * 1000, dated(5))
    assert len(list(read(Recording(path, "two")))) == 1001


def test_runs_are_called_what_they_are_called_on_the_disk(tmp_path: Path) -> None:
    """The directory of an events.jsonl, also when that is the path; the stem of any other file."""
    run = write_run(tmp_path / "runs", "telemetry_1", dated(1)).parent
    plain, packed = tmp_path / "b.jsonl", tmp_path / "c.jsonl.gz"
    for path in (plain, packed):
        path.write_bytes(dated(1))
    recordings, problems = find([packed, tmp_path / "runs", plain, run])
    assert [recording.run for recording in recordings] == ["b", "c", "telemetry_1"]
    assert problems == []


def test_names_of_files_are_as_different_as_runs() -> None:
    """None leads out of its directory, is hidden, or is longer than a disk takes."""
    runs = ["a", "a b", "a/b", "a%2Fb", "..", ".a", "ü", "ü" * 200, "ü" * 199, "x" * 255]
    names = [file_name(run) for run in runs]
    assert len(set(names)) == len(runs)
    for name in names:
        assert "/" not in name
        assert not name.startswith(".")
        assert len(name.encode()) <= 245
    assert names[:3] == ["a", "a b", "a%2Fb"]
