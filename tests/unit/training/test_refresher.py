from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import TIMEOUT_MAX, Event

import pytest

from sanctum_exporter.training.refresher import Refresher
from tests.aggregators import DeadAggregator
from tests.waiting import eventually


@contextmanager
def refreshing(
    take: Callable[[], object],
    age_seconds: Callable[[], float | None] = lambda: None,
    interval_seconds: float = 0.001,
    failed: Callable[[str], None] = lambda _: None,
) -> Iterator[Refresher]:
    """Refresh inside the block."""
    refresher = Refresher(take, age_seconds, interval_seconds, failed)
    try:
        yield refresher
    finally:
        refresher.stop()
        refresher.join()


def test_a_refresh_takes_a_snapshot_where_nobody_does() -> None:
    """The first is taken at once; the next only when the newest is old enough."""
    ages: list[float | None] = [None, 0.0, 0.0]
    taken, asked = [], Event()

    def age() -> float | None:
        value = ages.pop(0) if ages else 0.0
        if not ages:
            asked.set()
        return value

    with refreshing(lambda: taken.append(1), age):
        assert asked.wait(20)
    assert taken == [1]


def test_a_refresh_survives_an_aggregator_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A snapshot that raises is reported each time and logged once, and the next is tried."""
    target, reasons = DeadAggregator(), list[str]()
    with refreshing(target.get_snapshot, failed=reasons.append):
        eventually(lambda: len(reasons) >= 3)
    assert set(reasons) == {"no snapshot can be taken: RuntimeError: fatal telemetry error"}
    assert len(caplog.records) == 1
    assert caplog.text.endswith("RuntimeError: fatal telemetry error\n")


def test_the_error_that_an_aggregator_keeps_stays_as_long_as_it_was() -> None:
    """However often an aggregator raises the same error, its traceback does not grow."""
    target, lengths = DeadAggregator(), list[int]()

    def take() -> object:
        lengths.append(len(traceback.extract_tb(target.error.__traceback__)))
        return target.get_snapshot()

    with refreshing(take):
        eventually(lambda: len(lengths) >= 50)
    assert lengths[0] == 0
    assert set(lengths[1:]) == {2}, "that of this function and that of get_snapshot"


def test_an_error_that_refuses_attributes_ends_no_refresh() -> None:
    """Errors may be frozen; the next snapshot is tried all the same."""

    class FrozenError(Exception):
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    tries = []

    def fail() -> None:
        tries.append(1)
        raise FrozenError

    with refreshing(fail):
        eventually(lambda: len(tries) >= 3)


@pytest.mark.parametrize("interval_seconds", [TIMEOUT_MAX * 2, float("inf")])
def test_an_interval_that_never_ends_is_waited_for(interval_seconds: float) -> None:
    """An interval longer than a thread can wait takes the first snapshot and no other."""
    taken = []
    with refreshing(lambda: taken.append(1), interval_seconds=interval_seconds) as refresher:
        eventually(lambda: taken == [1])
        refresher.join()
        assert refresher._thread.is_alive()  # noqa: SLF001 - nothing else shows that it waits
    assert taken == [1]
