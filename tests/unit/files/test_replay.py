"""Recorded time turned into time that passes now."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Event

import pytest

from sanctum_exporter.files.replay import Pacer
from sanctum_exporter.telemetry.rejection import RejectedEventError
from tests import events
from tests.clocks import Clock

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()


class Waits(Event):
    """A stop that moves the clock where it is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return False


def paced(waits: Waits, speed: float = 1.0) -> Pacer:
    """Return a pacer whose clocks are moved by its waits only."""
    return Pacer(speed, waits, clock=lambda: waits.now, monotonic=lambda: waits.now)


def at(timestamp: str) -> bytes:
    """Return an event of a time."""
    return events.line("PLATEAU_DETECTED", timestamp=timestamp)


@pytest.mark.parametrize(("speed", "due"), [(1.0, NOW + 60), (2.0, NOW + 30), (0.5, NOW + 120)])
def test_events_come_when_they_are_due_and_carry_that_time(speed: float, due: float) -> None:
    """A minute of the recording is a minute, or its part."""
    waits = Waits()
    pacer = paced(waits, speed)
    first = pacer.read(at("2026-01-01T00:00:00Z"))
    later = pacer.read(at("2026-01-01T00:01:00Z"))
    assert first.timestamp == datetime.fromtimestamp(NOW, UTC)
    assert later.timestamp == datetime.fromtimestamp(due, UTC)
    assert waits.now == due


def test_events_without_a_time_come_at_once() -> None:
    """Events that do not say when they were, or that are late, are not waited for."""
    waits = Waits()
    pacer = paced(waits)
    pacer.read(at("2026-01-01T00:00:00Z"))
    waits.now += 100
    pacer.read(at("2026-01-01T00:00:00Z"))
    pacer.read(events.line("PLATEAU_DETECTED", timestamp=None))
    assert waits.now == NOW + 100


def test_an_event_of_the_far_future_is_refused_at_once() -> None:
    """An event of the year 2200 in a recording is rejected without a wait, and the pace stays."""
    waits = Waits()
    pacer = paced(waits)
    pacer.read(at("2026-01-01T00:00:00Z"))
    with pytest.raises(RejectedEventError, match="timestamp 2200-01-01T00:00:00"):
        pacer.read(at("2200-01-01T00:00:00Z"))
    assert waits.now == NOW
    pacer.read(at("2026-01-01T00:01:00Z"))
    assert waits.now == NOW + 60


def test_months_between_two_runs_are_played_as_an_hour() -> None:
    """A silence of months in a recording lasts an hour of it, and the next event comes after it."""
    waits = Waits()
    pacer = paced(waits, speed=2.0)
    for time in ("2026-01-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-05-01T00:01:00Z"):
        pacer.read(at(time))
    assert waits.now == NOW + (3600 + 60) / 2


def test_an_event_of_the_distant_past_holds_nothing_up() -> None:
    """An event of 1970 in the midst of a recording comes at once, and the pace stays."""
    waits = Waits()
    pacer = paced(waits, speed=0.001)
    pacer.read(at("2026-01-01T00:00:00Z"))
    pacer.read(at("1970-01-01T00:00:00Z"))
    assert waits.now == NOW
    pacer.read(at("2026-01-01T00:00:01Z"))
    assert waits.now == NOW + 1000


def test_a_clock_that_is_set_back_changes_nothing() -> None:
    """Setting the clock of the machine back an hour makes a replay neither wait nor go back."""
    waits = Waits()
    wall = Clock(NOW)
    pacer = Pacer(1.0, waits, clock=wall, monotonic=lambda: waits.now)
    pacer.read(at("2026-01-01T00:00:00Z"))
    wall.now -= 3600
    later = pacer.read(at("2026-01-01T00:01:00Z"))
    assert waits.now == NOW + 60
    assert later.timestamp == datetime.fromtimestamp(NOW + 60, UTC)


def test_what_is_waited_for_when_a_replay_is_stopped_happens_then() -> None:
    """An event that is let go by the end of the replay does not claim to be of the future."""
    stop = Event()
    pacer = Pacer(0.001, stop, clock=lambda: NOW, monotonic=lambda: NOW)
    pacer.read(at("2026-01-01T00:00:00Z"))
    stop.set()
    event = pacer.read(at("2026-01-01T01:00:00Z"))
    assert event.timestamp == datetime.fromtimestamp(NOW, UTC)
