"""The thread that notes the last minutes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from sanctum_exporter.readings import Activity, GroupReading
from sanctum_exporter.view.history import STEP_SECONDS, History
from sanctum_exporter.web import recorder
from sanctum_exporter.web.recorder import Recorder
from tests.readings import NOW, reading
from tests.waiting import eventually


class Source:
    """A source that is asked, and may fail or be slow."""

    def __init__(self, read: Callable[[], Sequence[GroupReading]] = lambda: [reading()]) -> None:
        self._read = read
        self.asked = 0

    def readings(self) -> Sequence[GroupReading]:
        """Return its groups."""
        self.asked += 1
        return self._read()

    def activity(self) -> Activity:
        """Return nothing."""
        return Activity()


def test_moments_are_noted_while_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look finds the last minutes, and closing ends the thread."""
    monkeypatch.setattr(recorder, "STEP_SECONDS", 0.001)
    times = iter(range(1_000_000))
    history = History()
    noting = Recorder(Source(), history, lambda: NOW + next(times) * STEP_SECONDS)
    noting.start()
    eventually(lambda: len(history.series(None, "default").timestamps) >= 3)
    noting.close()
    assert "sanctum-exporter-history" not in {thread.name for thread in threading.enumerate()}


def test_a_source_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One bad moment ends nothing."""
    monkeypatch.setattr(recorder, "STEP_SECONDS", 0.001)

    def fail() -> Sequence[GroupReading]:
        raise OSError

    source = Source(fail)
    noting = Recorder(source, History())
    noting.start()
    eventually(lambda: source.asked >= 3)
    noting.close()


@pytest.mark.parametrize(("cost", "pause"), [(0.0, STEP_SECONDS), (0.25, 250.0)])
def test_a_source_that_is_dear_to_read_is_asked_seldom(cost: float, pause: float) -> None:
    """No more than a thousandth of a core goes into it, however many runs there are."""
    spent = iter([10.0, 10.0 + cost])
    assert Recorder(Source(), History(), cpu_time=lambda: next(spent)).note() == pause


def test_one_that_was_never_begun_can_be_closed() -> None:
    """A server whose address was taken has one."""
    Recorder(Source(), History()).close()


def test_a_machine_without_a_thread_to_spare_has_no_history_and_nothing_worse(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is served already goes on, the log says it, and closing is as ever."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    noting = Recorder(Source(), History())
    monkeypatch.setattr(threading.Thread, "start", refuse)
    noting.start()
    noting.close()
    assert caplog.messages == ["the last minutes are not noted: can't start new thread"]
