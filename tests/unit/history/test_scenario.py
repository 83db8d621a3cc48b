"""What is played in a rehearsal behaves as what it stands for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sanctum_exporter.history.sampling import Samples, Series, pushed, scraped
from sanctum_exporter.history.scenario import (
    FLUSH_LINES,
    Clock,
    Ending,
    InTraining,
    Scenario,
    Shifted,
    TimedLine,
    Writer,
)
from sanctum_exporter.telemetry.rejection import RejectedEventError
from tests import events

NAMES = {"sanctum_total_slots", "sanctum_exporter_runs_under_way"}
SLOTS: Series = (
    "sanctum_total_slots",
    (("group_id", "default"), ("instance", "training"), ("job", "sanctum")),
)
UNDER_WAY: Series = (
    "sanctum_exporter_runs_under_way",
    (("instance", "training"), ("job", "sanctum")),
)
UP: Series = ("up", (("instance", "training"), ("job", "sanctum")))


def numbered(count: int) -> list[TimedLine]:
    """Return so many lines, one a second."""
    return [TimedLine(float(number), f"line {number}".encode()) for number in range(count)]


def started(at: float) -> TimedLine:
    """Return a start of four slots."""
    timestamp = datetime.fromtimestamp(at, UTC).isoformat()
    data = {"n_envs": 2, "slot_ids": ["r0c0", "r0c1"], "n_episodes": 8}
    return TimedLine(at, events.line("TRAINING_STARTED", data, timestamp=timestamp))


def in_training(end: float, ending: Ending = "killed") -> Scenario:
    """Return a training from 10 s to an end, whose run starts at 25 s."""
    clock = Clock()
    process = InTraining([started(25.0)], 10.0, end, clock, ending=ending)
    return Scenario(clock, [process], until=100.0)


def test_a_writer_flushes_as_esper_lite_does(tmp_path: Path) -> None:
    """Ten events at a time; what is left when it ends by itself, and not when it is killed."""
    ends, killed = tmp_path / "ends.jsonl", tmp_path / "killed.jsonl"
    writers = [Writer(ends, numbered(25)), Writer(killed, numbered(25), killed_at=22.0)]
    written = []
    for now in (8.5, 9.0, 15.0, 21.0, 30.0):
        for writer in writers:
            writer.write(now)
        written.append(
            [len(p.read_bytes().splitlines()) if p.exists() else 0 for p in (ends, killed)]
        )
    assert FLUSH_LINES == 10
    assert written == [[0, 0], [10, 10], [10, 10], [20, 20], [25, 20]]
    assert ends.read_bytes() == b"".join(line.text + b"\n" for line in numbered(25))


def test_a_killed_process_leaves_stale_series_and_a_target_that_is_down() -> None:
    """Prometheus writes a stale marker at the first scrape that fails."""
    samples = scraped(in_training(end=50.0), interval=20.0, phase=5.0, names=NAMES)
    assert samples.by_series[SLOTS] == [(25.0, 4.0), (45.0, 4.0), (65.0, None)]
    assert samples.by_series[UP] == [(5.0, 0.0), (25.0, 1.0), (45.0, 1.0), (65.0, 0.0), (85.0, 0.0)]


def test_a_scrape_that_fails_is_a_gap() -> None:
    """The process is there all the while."""
    samples = scraped(in_training(end=200.0), 20.0, 5.0, NAMES, failed={45.0})
    assert samples.by_series[SLOTS] == [(25.0, 4.0), (45.0, None), (65.0, 4.0), (85.0, 4.0)]


@pytest.mark.parametrize(
    ("end", "ending", "last"),
    [
        (70.0, "waits", (85.0, 0.0)),
        (70.0, "closed", (65.0, 1.0)),
        (70.0, "killed", (65.0, 1.0)),
    ],
)
def test_only_who_waits_is_scraped_after_its_end(
    end: float, ending: Ending, last: tuple[float, float]
) -> None:
    """The last scrape has what was known at the end: the run was ended on purpose."""
    samples = scraped(in_training(end, ending), 20.0, 5.0, NAMES)
    values = [sample for sample in samples.by_series[UNDER_WAY] if sample[1] is not None]
    assert values[-1] == last


def test_nobody_waits_longer_than_twenty_seconds() -> None:
    """Where the next scrape is 35 s away, the last word is not heard."""
    samples = scraped(in_training(50.0, "waits"), 40.0, 5.0, NAMES)
    assert samples.by_series[UNDER_WAY] == [(45.0, 1.0), (85.0, None)]


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ("closed", [(10.0, 0.0), (30.0, 1.0), (50.0, 1.0), (55.0, 0.0)]),
        ("killed", [(10.0, 0.0), (30.0, 1.0), (50.0, 1.0)]),
    ],
)
def test_what_is_pushed_has_no_stale_marker_and_its_end_unless_it_is_killed(
    ending: Ending, expected: list[tuple[float, float]]
) -> None:
    """A push is at the start, every interval, and at the end."""
    samples: Samples = pushed(in_training(55.0, ending), 20.0, NAMES)
    assert samples.by_series[UNDER_WAY] == expected
    assert UP not in samples.by_series


def test_recorded_events_get_the_time_of_the_rehearsal() -> None:
    """Those without a time have none, and garbage is garbage."""
    shifted = Shifted(1000.0)
    event = shifted(started(1060.0).text)
    assert event.timestamp is not None
    assert event.timestamp.timestamp() == 60.0
    assert shifted(events.line("TAMIYO_INITIATED", timestamp=None)).timestamp is None
    with pytest.raises(RejectedEventError):
        shifted(b"garbage")
