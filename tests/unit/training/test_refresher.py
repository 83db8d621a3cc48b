from __future__ import annotations

from threading import Event
from traceback import walk_tb

import pytest

from sanctum_exporter.training.refresher import Refresher
from tests.waiting import eventually


def test_a_refresh_takes_a_snapshot_where_nobody_does() -> None:
    """The first is taken at once; the next only when the newest is old enough."""
    ages: list[float | None] = [None, 0.0, 0.0]
    taken, asked = [], Event()

    def age() -> float | None:
        value = ages.pop(0) if ages else 0.0
        if not ages:
            asked.set()
        return value

    refresher = Refresher(lambda: taken.append(1), age, 0.001, lambda _: None)
    assert asked.wait(20)
    refresher.stop()
    refresher.join()
    assert taken == [1]


def test_a_refresh_survives_an_aggregator_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A snapshot that raises is logged once, and the next is tried all the same."""
    tries = []

    def fail() -> None:
        tries.append(1)
        raise RuntimeError("fatal telemetry error")

    refresher = Refresher(fail, lambda: None, 0.001, lambda _: None)
    eventually(lambda: len(tries) >= 3)
    refresher.stop()
    refresher.join()
    assert len(caplog.records) == 1


def test_an_error_that_is_raised_again_keeps_its_length() -> None:
    """An aggregator that raises the same error for ever finds its traceback no longer each time."""
    stored = RuntimeError("fatal telemetry error")
    lengths: list[int] = []

    def fail() -> None:
        lengths.append(len(list(walk_tb(stored.__traceback__))))
        raise stored

    refresher = Refresher(fail, lambda: None, 0.001, lambda _: None)
    eventually(lambda: len(lengths) >= 20)
    refresher.stop()
    refresher.join()
    # Before anything was raised there is none; then there is the function that raised it.
    assert lengths == [0] + [1] * (len(lengths) - 1)
