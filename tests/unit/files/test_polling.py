from __future__ import annotations

import logging
from threading import Event

import pytest

from sanctum_exporter.files.polling import Following
from sanctum_exporter.readings import (
    Activity,
    GroupReading,
    RunInfo,
    RunLife,
    SeedLifecycleStats,
    SlotSnapshot,
)
from tests.waiting import eventually


class Source:
    """A follower whose polls do what a test says, and are counted."""

    def __init__(self, failure: str | None = None) -> None:
        self.failure = failure
        self.waiting: str | None = None
        self.polls = 0
        self.wakes = 0
        self.more_times = 0
        self.error: Exception | None = None
        self.hold: Event | None = None
        self.lives: list[RunLife] = []

    def readings(self) -> list[GroupReading]:
        slots = SlotSnapshot(1, 0, {}, 1, 0.0, 0, SeedLifecycleStats())
        return [GroupReading("default", slots, RunInfo(), 1.0, life) for life in self.lives]

    def activity(self) -> Activity:
        return Activity()

    def poll(self) -> bool:
        self.polls += 1
        if self.hold is not None:
            self.hold.wait()
        if self.error is not None:
            raise self.error
        self.more_times -= 1
        return self.more_times > 0

    def wake(self) -> None:
        self.wakes += 1


def test_it_polls_until_it_is_closed() -> None:
    """Closing ends the thread, and no poll comes after it."""
    source = Source()
    following = Following(source, poll_seconds=0.001)
    eventually(lambda: source.polls > 3)
    following.close()
    polls = source.polls
    following.close()
    assert source.polls == polls


def test_it_polls_again_at_once_while_there_is_more() -> None:
    """A long file is read without a pause: the pause here would be an hour."""
    source = Source()
    source.more_times = 1000
    following = Following(source, poll_seconds=3600.0)
    eventually(lambda: source.polls >= 1000)
    following.close()


def test_it_is_ready_while_the_source_is_read_without_failure() -> None:
    """What the source says is wrong, or waited for, is why it is not ready."""
    source = Source(failure="cannot read runs")
    following = Following(source, poll_seconds=0.001)
    assert following.not_ready() == "cannot read runs"
    source.failure, source.waiting = None, "waiting for a run in runs"
    assert following.not_ready() == "waiting for a run in runs"
    source.waiting = None
    assert following.not_ready() is None
    following.close()


def test_only_a_failure_takes_the_source_down() -> None:
    """A run that has not begun, or is read to its end yet, is no fault that somebody must mend."""
    source = Source(failure="cannot read runs: Permission denied")
    following = Following(source, poll_seconds=0.001)
    assert following.activity().source_failure == "cannot read runs: Permission denied"
    source.failure, source.waiting = None, "waiting for a run in runs"
    assert following.activity().source_failure is None
    source.error = RuntimeError("no luck")
    eventually(
        lambda: following.activity().source_failure == "reading failed: RuntimeError: no luck"
    )
    following.close()


@pytest.mark.parametrize(
    ("lives", "on_duty"),
    [
        ([], True),
        ([RunLife("running", under_way=True, midway=True)], True),
        ([RunLife("completed"), RunLife("running", under_way=True, midway=True)], True),
        ([RunLife("running", under_way=True)], False),
        ([RunLife("completed")], False),
    ],
    ids=["no run yet", "midway", "one of two", "near its end", "completed"],
)
def test_it_is_on_duty_while_it_would_be_missed(lives: list[RunLife], on_duty: bool) -> None:
    """A sidecar goes with its run, and nobody has to be told."""
    source = Source()
    source.lives = lives
    following = Following(source, poll_seconds=3600.0)
    assert following.activity().on_duty is on_duty
    following.close()


def test_a_thread_that_died_takes_the_source_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """The values stand still from then on, and whoever reads them is told."""
    monkeypatch.setattr(Following, "_run", lambda self: None)
    following = Following(Source())
    eventually(lambda: following.not_ready() == "the follower has stopped")
    assert following.activity().source_failure == "the follower has stopped"


def test_what_came_since_the_last_poll_is_read_at_the_end() -> None:
    """The values that are served last are those of the whole file, and duty is over."""
    source = Source()
    following = Following(source, poll_seconds=3600.0)
    eventually(lambda: source.polls == 1)
    assert following.activity().on_duty
    source.more_times = 3
    following.read_the_rest()
    assert source.polls == 4
    assert source.wakes == 1
    assert not following.activity().on_duty
    assert following.activity().source_failure is None


def test_a_poll_that_raises_is_a_failure_and_not_the_end() -> None:
    """The next poll that works makes it ready again."""
    source = Source()
    source.error = RuntimeError("no luck")
    following = Following(source, poll_seconds=0.001)
    eventually(lambda: following.not_ready() == "reading failed: RuntimeError: no luck")
    source.error = None
    eventually(lambda: following.not_ready() is None)
    following.close()


def test_each_failure_is_logged_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    """A hundred polls that fail for the same reason are one line."""
    source = Source(failure="cannot read runs: Permission denied")
    with caplog.at_level(logging.INFO, "sanctum_exporter"):
        following = Following(source, poll_seconds=0.0001)
        eventually(lambda: source.polls > 100)
        source.failure, source.waiting = None, "waiting for a run in runs"
        polls = source.polls
        eventually(lambda: source.polls > polls + 100)
        source.waiting = None
        eventually(lambda: "the source is being read" in caplog.messages)
        following.close()
    assert caplog.messages == [
        "not ready: cannot read runs: Permission denied",
        "not ready: waiting for a run in runs",
        "the source is being read",
    ]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]


def test_closing_does_not_wait_for_a_poll_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that does not answer keeps the thread, which is a daemon, and nobody else."""
    monkeypatch.setattr("sanctum_exporter.files.polling._JOIN_SECONDS", 0.01)
    source = Source()
    source.hold = Event()
    following = Following(source, poll_seconds=0.001)
    eventually(lambda: source.polls == 1)
    following.close()
    assert source.polls == 1
    source.hold.set()
