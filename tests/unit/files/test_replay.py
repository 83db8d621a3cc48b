"""Recorded time turned into time that passes now."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Event

import pytest

from sanctum_exporter.files.replay import Pacer
from tests import events


class Waits(Event):
    """A stop that moves the clock where it is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return False


@pytest.mark.parametrize(("speed", "due"), [(1.0, 1060.0), (2.0, 1030.0), (0.5, 1120.0)])
def test_events_come_when_they_are_due_and_carry_that_time(speed: float, due: float) -> None:
    """A minute of the recording is a minute, or its part."""
    waits = Waits()
    pacer = Pacer(speed, waits, clock=lambda: waits.now)
    first = pacer.read(events.line("PLATEAU_DETECTED", timestamp="2026-01-01T00:00:00Z"))
    later = pacer.read(events.line("PLATEAU_DETECTED", timestamp="2026-01-01T00:01:00Z"))
    assert first.timestamp == datetime.fromtimestamp(1000.0, UTC)
    assert later.timestamp == datetime.fromtimestamp(due, UTC)
    assert waits.now == due


def test_events_without_a_time_come_at_once() -> None:
    """Events that do not say when they were, or that are late, are not waited for."""
    waits = Waits()
    pacer = Pacer(1.0, waits, clock=lambda: waits.now)
    pacer.read(events.line("PLATEAU_DETECTED"))
    waits.now += 100
    pacer.read(events.line("PLATEAU_DETECTED"))
    pacer.read(events.line("PLATEAU_DETECTED", timestamp=None))
    assert waits.now == 1100.0
