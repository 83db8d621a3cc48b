"""Counting, publishing and a log of bounded rate."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

import msgspec
import pytest

from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.telemetry.decode import decode
from sanctum_exporter.telemetry.events import Event
from sanctum_exporter.telemetry.rejection import LOG_INTERVAL_SECONDS
from tests import events, recordings
from tests.clocks import Clock
from tests.live import live_event

NOW = events.EPOCH_SECONDS
FAR_AHEAD = "2200-01-01T00:00:00+00:00"


def test_every_event_is_counted_once_by_type_or_by_reason() -> None:
    """Every line counts once, as an event or as rejected, and blank lines do not count."""
    intake = Intake(Groups())
    lines = [events.started(), b"", b"  \r", b"garbage", None, events.germinated(env_id=7)]
    lines += [events.line("SEED_TRANSPLANTED"), events.line("ANALYTICS_SNAPSHOT")]
    for number, line in enumerate(lines, start=1):
        intake.line(line, number)
    activity = intake.activity()
    assert {k: v for k, v in activity.events.items() if v} == {
        "TRAINING_STARTED": 1,
        "ANALYTICS_SNAPSHOT": 1,
        "other": 1,
    }
    assert {k: v for k, v in activity.rejected.items() if v} == {
        "invalid_json": 1,
        "line_too_long": 1,
        "unknown_env": 1,
    }


NAN = events.line("SEED_GERMINATED", {"env_id": 0, "slot_id": "r0c0", "loss": float("nan")})
SUMMARY = events.line("EPOCH_COMPLETED", {"env_id": 0, "seeds": {"__aggregate__": {"n": 1}}})
ODDITIES = {
    "nothing odd": [],
    "not a number": [NAN],
    "a summary": [SUMMARY],
    "garbage": [b"garbage"],
    "not UTF-8": [events.line("SEED_PRUNED", {"env_id": 0, "slot_id": "X"}).replace(b"X", b"\xff")],
    "blank lines": [b"", b" \r", b"\t"],
    "an unknown env": [events.germinated(env_id=9)],
    "the year 2200": [events.line("PLATEAU_DETECTED", timestamp=FAR_AHEAD)],
    "no time": [events.line("TAMIYO_INITIATED", {}, timestamp=None)],
    "two whole events on a line": [events.germinated() + events.germinated()],
    "two whole events on a line, and a blank one": [events.germinated() + NAN, b""],
    "an event over two lines": [*events.germinated().replace(b": ", b":\n", 1).split(b"\n")],
    "each in its turn": [b"x", NAN, b"", events.germinated(env_id=9), b"y", SUMMARY, b"z"],
}


@pytest.mark.parametrize("odd", ODDITIES.values(), ids=ODDITIES)
@pytest.mark.parametrize("place", [0, 1, 20, 40])
def test_a_block_is_taken_in_as_each_of_its_lines_is(
    odd: list[bytes], place: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Values, counts and what the log says of which line are the same, wherever oddities lie."""
    usual = [
        events.started(2),
        *(
            line
            for second in range(10, 30)
            for line in (
                events.germinated(),
                events.line("PLATEAU_DETECTED", timestamp=f"2026-11-22T12:00:{second}+00:00"),
            )
        ),
    ]
    lines = [*usual[:place], *odd, *usual[place:]]
    at_once, one_by_one = (Intake(Groups(clock=Clock(NOW)), clock=Clock(NOW)) for _ in range(2))
    assert at_once.block(b"\n".join(lines) + b"\n", 1) == len(lines)
    said = caplog.messages[:]
    caplog.clear()
    for number, line in enumerate(lines, start=1):
        one_by_one.line(line, number)
    assert at_once.activity() == one_by_one.activity()
    assert at_once.readings() == one_by_one.readings()
    assert said == caplog.messages


def test_two_halves_of_lines_are_never_one_good_event() -> None:
    """What a crash glued is rejected, whatever types the halves are of and wherever they break."""
    recorded = recordings.lines("ppo_single")
    kinds = {json.loads(line)["event_type"]: line for line in recorded}
    intake = Intake(Groups())
    glued = [
        first[:cut] + second
        for first in kinds.values()
        for second in kinds.values()
        for cut in range(1, len(first), len(first) // 7)
    ]
    assert len(glued) > 2000
    intake.block(b"\n".join(glued) + b"\n", 1)
    activity = intake.activity()
    assert sum(activity.events.values()) == 0
    assert sum(activity.rejected.values()) == len(glued)


def test_the_lines_of_a_block_are_decoded_as_each_of_them_is() -> None:
    """Who gives events another time does so for those of a block, too."""
    seen: list[bytes] = []

    def read(line: bytes) -> Event:
        seen.append(line)
        return msgspec.structs.replace(decode(line), group_id="B")

    intake = Intake(Groups(), decode_line=read)
    assert intake.block(events.started() + b"\n" + events.germinated() + b"\n", 1) == 2
    assert seen == [events.started(), events.germinated()]
    assert [reading.group_id for reading in intake.readings()] == ["B"]


def test_a_block_has_as_many_lines_as_it_says() -> None:
    """One without its end is one, and so is one that is too long."""
    intake = Intake(Groups())
    assert intake.block(events.started(), 1) == 1
    assert intake.block(None, 2) == 1
    assert intake.block(b"\n", 3) == 1
    assert sum(intake.activity().events.values()) == 1
    assert intake.activity().rejected["line_too_long"] == 1


def test_counts_are_there_from_the_start() -> None:
    """Every type and every reason at 0, so that no first increment is lost."""
    activity = Intake(Groups()).activity()
    assert len(activity.events) == 32
    assert set(activity.events.values()) == set(activity.rejected.values()) == {0}


def test_log_names_source_line_and_reason_and_is_bounded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A reason is logged once a minute, with how many were left out."""
    clock = Clock()
    intake = Intake(Groups(), source="run/events.jsonl", clock=clock)
    with caplog.at_level(logging.WARNING):
        for number in range(1, 1001):
            intake.line(b"garbage", number)
        assert len(caplog.messages) == 1
        assert caplog.messages[0].startswith("run/events.jsonl, line 1: event rejected: invalid_j")
        clock.now += LOG_INTERVAL_SECONDS
        intake.line(b"garbage", 1001)
    assert len(caplog.messages) == 2
    assert "line 1001" in caplog.messages[1]
    assert caplog.messages[1].endswith("(999 more since the last such line)")


def test_a_fault_of_our_own_is_counted_and_never_raised() -> None:
    """The host must not see it."""

    def read(line: bytes) -> Event:
        raise ZeroDivisionError

    intake = Intake(Groups(), decode_line=read)
    assert intake.line(events.started(), 1) is None
    assert intake.activity().rejected["internal_error"] == 1


def test_empty_group_is_default() -> None:
    """R1: heuristic runs send their seeds with an empty group."""
    intake = Intake(Groups())
    intake.line(events.started(1, ("r0c0",)), 1)
    assert intake.line(events.germinated(group_id=""), 2) == "default"
    (reading,) = intake.readings()
    assert (reading.group_id, reading.slots.active_slots) == ("default", 1)


def test_group_is_published_once_it_is_configured() -> None:
    """R2: hub-level events make no group, a start or a learned slot does."""
    intake = Intake(Groups())
    intake.line(events.line("TAMIYO_INITIATED", {}), 1)
    assert intake.readings() == []
    intake.line(events.started(group_id="A"), 2)
    intake.line(events.germinated(group_id="B"), 3)
    assert [reading.group_id for reading in intake.readings()] == ["A", "B"]


def test_placeholder_has_the_envs_that_exist_before_the_start() -> None:
    """An event that is none of a group's changes nothing about the placeholder (R2, R7)."""
    intake = Intake(Groups(16, placeholder=True))
    (before,) = intake.readings()
    intake.line(events.line("TAMIYO_INITIATED", {"env_id": 0}), 1)
    (after,) = intake.readings()
    assert before.slots.n_envs == after.slots.n_envs == 16
    assert before.slots.total_slots == after.slots.total_slots == 0


def test_placeholder_stands_in_until_a_group_is_configured() -> None:
    """R2, in process: the documented defaults, which go when a real group comes."""
    intake = Intake(Groups(placeholder=True))
    (placeholder,) = intake.readings()
    assert (placeholder.group_id, placeholder.slots.total_slots) == ("default", 0)
    assert placeholder.info.start_timestamp == 0.0
    intake.line(events.started(group_id="A"), 1)
    assert [reading.group_id for reading in intake.readings()] == ["A"]


def test_the_placeholder_tells_when_its_group_was_heard() -> None:
    """Before any group is configured, an event of the default group moves its time."""
    intake = Intake(Groups(placeholder=True))
    intake.line(events.line("TAMIYO_INITIATED", {"env_id": 0}), 1)
    (reading,) = intake.readings()
    assert reading.last_event_timestamp == events.EPOCH_SECONDS


def test_counts_say_since_when_they_count() -> None:
    """Groups and events have counted since the state was made."""
    intake = Intake(Groups(clock=Clock(events.EPOCH_SECONDS)))
    intake.line(events.started(), 1)
    (reading,) = intake.readings()
    assert reading.counted_since == intake.activity().counted_since == events.EPOCH_SECONDS


def test_a_group_that_is_not_there_or_not_configured_is_not_read() -> None:
    """Neither has values to publish."""
    intake = Intake(Groups())
    intake.line(events.line("TAMIYO_INITIATED", {"env_id": 0}), 1)
    assert intake.read("default") is None
    assert intake.read("nobody") is None


def test_the_log_says_what_was_wrong_with_a_live_event(caplog: pytest.LogCaptureFixture) -> None:
    """A live event that does not fit the run is told without a line, and with its reason."""
    intake = Intake(Groups(), source="live telemetry")
    intake.live(live_event(events.started(n_envs=2)))
    intake.live(live_event(events.germinated(env_id=5)))
    assert caplog.messages == [
        "live telemetry: event rejected: unknown_env: env_id 5 of a run with 2 envs"
    ]


def test_the_log_says_what_our_own_fault_was(caplog: pytest.LogCaptureFixture) -> None:
    """An exception that nobody foresaw is told with its text, or its type if it has none."""

    class Mute(Exception):  # noqa: N818 - its name is what the log shows
        def __repr__(self) -> str:
            raise RuntimeError("no text")

    faults: list[Exception] = [ValueError("a bug"), Mute()]

    def fail(_: bytes) -> Event:
        raise faults.pop(0)

    clock = Clock()
    intake = Intake(Groups(), "x", fail, clock=clock)
    intake.line(b"{}", 1)
    clock.now += LOG_INTERVAL_SECONDS
    intake.line(b"{}", 2)
    assert caplog.messages == [
        "x, line 1: event rejected: internal_error: ValueError('a bug')",
        "x, line 2: event rejected: internal_error: Mute",
    ]


def test_the_log_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    """The advice stands at the end of each line, and a line too long to keep has its number."""
    intake = Intake(Groups(), "x", advice="; upgrade")
    intake.line(None, 3)
    assert caplog.messages == [
        "x, line 3: event rejected: line_too_long: the line is too long to be an event; upgrade"
    ]


def test_a_placeholder_that_heard_nothing_has_neither_envs_nor_time() -> None:
    """All its values are the documented defaults."""
    (reading,) = Intake(Groups(placeholder=True)).readings()
    assert (reading.slots.n_envs, reading.last_event_timestamp) == (0, 0.0)


def test_an_event_without_a_time_happened_now() -> None:
    """Now is what the clock of the groups says."""
    intake = Intake(Groups(clock=Clock(1234.0)))
    intake.line(events.line("TRAINING_STARTED", {"n_envs": 1, "slot_ids": []}, timestamp=None), 1)
    (reading,) = intake.readings()
    assert reading.info.start_timestamp == reading.last_event_timestamp == 1234.0
    assert reading.slots.n_envs == 1


def test_an_event_of_an_unknown_type_moves_the_time_of_its_group() -> None:
    """It changes no number; a group id that is no text is none of its group's business."""
    intake = Intake(Groups())
    intake.line(events.started(), 1)
    later = "2026-11-22T12:00:05+00:00"
    intake.line(events.line("SEED_TRANSPLANTED", {}, timestamp=later), 2)
    (reading,) = intake.readings()
    assert reading.last_event_timestamp == events.EPOCH_SECONDS + 5
    assert intake.line(events.line("SEED_TRANSPLANTED", {}, group_id=5), 3) == "default"
    assert intake.line(events.line("SEED_TRANSPLANTED", {}, group_id="\ud800"), 4) == "default"
    assert sum(intake.activity().rejected.values()) == 0


@pytest.mark.parametrize("as_recorded", [False, True])
@pytest.mark.parametrize("take", ["line", "live"])
def test_a_time_more_than_a_day_ahead_of_the_clock_is_not_believed(
    take: str, as_recorded: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Such an event is rejected whole, of whatever type it is, and the log names its time."""
    clock = Clock(events.EPOCH_SECONDS)
    intake = Intake(Groups(clock=clock, as_recorded=as_recorded))

    def hear(line: bytes) -> None:
        intake.live(live_event(line)) if take == "live" else intake.line(line, 1)

    hear(events.started())
    hear(events.line("PLATEAU_DETECTED", timestamp="2026-11-23T12:00:00+00:00"))
    before = intake.readings()
    hear(events.line("PLATEAU_DETECTED", timestamp="2026-11-23T12:00:01+00:00"))
    hear(events.line("BATCH_EPOCH_COMPLETED", {"episodes_completed": 3}, timestamp=FAR_AHEAD))
    hear(events.line("PLATEAU_DETECTED", group_id="B", timestamp=FAR_AHEAD))
    assert intake.readings() == before
    assert {k: v for k, v in intake.activity().rejected.items() if v} == {"invalid_field": 3}
    assert "timestamp 2026-11-23T12:00:01+00:00 is more than a day ahead of" in caplog.messages[0]
    clock.now += 1
    hear(events.line("PLATEAU_DETECTED", timestamp="2026-11-23T12:00:01+00:00"))
    assert intake.readings()[0].last_event_timestamp == events.EPOCH_SECONDS + 86401


def at(seconds: float) -> bytes:
    """Return a line whose event happened so many seconds since the epoch."""
    timestamp = datetime.fromtimestamp(seconds, UTC).isoformat()
    return events.line("TAMIYO_INITIATED", timestamp=timestamp)


@pytest.mark.parametrize(
    ("lines", "rejected_at"),
    [
        ([at(100)], 0.0),
        ([at(100), b"garbage", at(200)], 100.0),
        ([b"garbage", at(100), at(200)], 100.0),
        ([at(100), None, at(200), None], 200.0),
        ([b"garbage", b"garbage"], 5000.0),
    ],
    ids=["none", "after the first", "before the first", "too long", "nothing but garbage"],
)
def test_a_rejected_line_is_dated_by_its_neighbours(
    lines: list[bytes | None], rejected_at: float
) -> None:
    """An old file that is read again rejects nothing now; the present moment is 5000."""
    intake = Intake(Groups(clock=lambda: 5000.0))
    for number, line in enumerate(lines, 1):
        intake.line(line, number)
    assert intake.activity().last_rejection_timestamp == rejected_at


def test_a_live_event_is_rejected_now() -> None:
    """Whatever time it gives itself, which may be what is wrong with it."""
    intake = Intake(Groups(clock=lambda: 5000.0))
    intake.live(object())
    assert intake.activity().last_rejection_timestamp == 5000.0


def test_a_clock_that_is_not_set_judges_nobody() -> None:
    """A machine that starts in 1970 takes in what it reads before it knows the time."""
    intake = Intake(Groups(clock=lambda: 60.0))
    intake.line(at(1_800_000_000.0), 1)
    assert sum(intake.activity().rejected.values()) == 0
    assert intake.activity().events["TAMIYO_INITIATED"] == 1
