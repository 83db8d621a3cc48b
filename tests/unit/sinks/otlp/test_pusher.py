"""When is pushed, what the log says of it, and how it ends."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pytest
from opentelemetry.sdk.metrics.export import MetricsData

from sanctum_exporter import forks
from sanctum_exporter.sinks.otlp.pusher import Pusher
from tests import collectors

LOGGER = "sanctum_exporter.sinks.otlp.pusher"
FAILS = "OTLP push to http://c fails: {} (tried again every 60 s; totals are kept)"
LOST = FAILS.format("no answer within {} s at the end; the last values are lost")
Answer = str | Callable[[], str | None] | None


class Turnstile(threading.Event):
    """What the thread waits on from push to push: the test lets it through."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: SimpleQueue[float | None] = SimpleQueue()
        self._open = threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        self._asked.put(timeout)
        self._open.acquire()
        return self.is_set()

    def set(self) -> None:
        super().set()
        self._open.release()

    def arrival(self) -> float | None:
        """Return for how many seconds the thread wants to wait, once it has pushed."""
        return self._asked.get(timeout=collectors.DEADLINE_SECONDS)

    def let_through(self) -> None:
        """Let the time that the thread waits for be over."""
        self._open.release()


class Endpoint:
    """A collector, and every way to it: ``connect`` and ``send`` keep what they are given."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        """What it answers, in turn; None is a success, and so is everything after the last."""
        self.sent: list[MetricsData] = []
        self.timeouts: list[float] = []
        self.aborted = threading.Event()
        self.aborts = 0
        self.retry_after_seconds = 0.0
        self.broken: Exception | None = None
        """What connecting and aborting raise."""

    def connect(self, timeout: float) -> Endpoint:
        if self.broken:
            raise self.broken
        self.timeouts.append(timeout)
        return self

    def send(self, data: MetricsData) -> str | None:
        self.sent.append(data)
        answer = self.answers.pop(0) if self.answers else None
        return answer() if callable(answer) else answer

    def abort(self) -> None:
        if self.broken:
            raise self.broken
        self.aborts += 1
        self.aborted.set()


class Push:
    """A pusher whose clock, waits, values and endpoint are in the hands of the test."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turnstile = Turnstile()
        self.endpoint = Endpoint()
        self.collected: list[MetricsData] = []
        self.pusher: Pusher | None = None
        self.fault: Exception | None = None
        """What collecting raises."""

    def start(self) -> Pusher:
        """Start to push, every minute for ten seconds at most."""
        self.pusher = Pusher(
            self._collect,
            self.endpoint.connect,
            endpoint="http://c",
            interval_seconds=60,
            timeout_seconds=10,
            clock=lambda: self.now,
            closing=self.turnstile,
        )
        return self.pusher

    def let_go(self) -> Pusher:
        """Return the pusher, which the test closes itself."""
        pusher, self.pusher = self.pusher, None
        assert pusher
        return pusher

    def take(self, seconds: float, then: str | None = None) -> Callable[[], str | None]:
        """Return an answer that comes after a time."""

        def answer() -> str | None:
            self.now += seconds
            return then

        return answer

    def _collect(self) -> MetricsData:
        if self.fault:
            raise self.fault
        self.collected.append(MetricsData([]))
        return self.collected[-1]


@pytest.fixture
def push() -> Iterator[Push]:
    """A pusher that is not started yet, and is closed in the end."""
    made = Push()
    yield made
    if made.pusher:
        made.pusher.close()


def test_a_push_comes_at_once_and_every_interval(push: Push) -> None:
    """From one push to the next is an interval, however long a push takes."""
    push.endpoint.answers = [push.take(0), push.take(5), push.take(9.5), push.take(61)]
    push.start()
    waits = []
    for _ in range(4):
        waits.append(push.turnstile.arrival())
        push.turnstile.let_through()
    push.turnstile.arrival()
    assert waits == [60, 55, 50.5, 0]
    assert push.endpoint.timeouts == [10]


def test_a_push_carries_the_values_of_its_moment(push: Push) -> None:
    """Values are collected once a push, and what a failed push had is not sent again."""
    push.endpoint.answers = ["down"]
    push.start()
    push.turnstile.arrival()
    push.turnstile.let_through()
    push.turnstile.arrival()
    assert list(map(id, push.endpoint.sent)) == list(map(id, push.collected))
    assert len(push.endpoint.sent) == 2


def test_the_log_tells_of_a_failure_once_and_of_its_end(
    push: Push, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it fails, there is one line when it begins and one when it ends."""
    push.endpoint.answers = [None, "no route", "no route", "other reason", None, None, "no route"]
    push.start()
    for _ in range(6):
        push.turnstile.arrival()
        push.turnstile.let_through()
    push.turnstile.arrival()
    assert caplog.messages == [
        FAILS.format("no route"),
        "OTLP push to http://c works again after 3 failures",
        FAILS.format("no route"),
    ]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_what_an_endpoint_says_is_one_line_of_the_log(
    push: Push, caplog: pytest.LogCaptureFixture
) -> None:
    """It can neither forge lines, nor colour the terminal, nor fill the disk."""
    push.endpoint.answers = ["500\r\nERROR all is lost\x1b[31m" + "x" * 10_000]
    push.start()
    push.turnstile.arrival()
    assert caplog.messages == [FAILS.format("500 ERROR all is lost?[31m" + "x" * 474)]


@pytest.mark.parametrize(("retry_after", "wait"), [(300.0, 300), (20.0, 60)])
def test_an_endpoint_that_asks_for_time_gets_it(
    push: Push, retry_after: float, wait: float
) -> None:
    """The next push comes no sooner than the endpoint asks, and no sooner than an interval."""

    def throttle() -> str:
        push.endpoint.retry_after_seconds = retry_after
        return "429 Too Many Requests"

    push.endpoint.answers = [throttle]
    push.start()
    assert push.turnstile.arrival() == wait


def test_values_that_cannot_be_collected_do_not_end_the_push(
    push: Push, caplog: pytest.LogCaptureFixture
) -> None:
    """A source that raises is a failed push; the next one may do better."""
    push.fault = LookupError("no such group")
    push.start()
    push.turnstile.arrival()
    push.fault = None
    push.turnstile.let_through()
    push.turnstile.arrival()
    assert caplog.messages == [
        FAILS.format("LookupError: no such group"),
        "OTLP push to http://c works again after 1 failures",
    ]


def test_the_last_values_are_pushed_at_the_end(
    push: Push, caplog: pytest.LogCaptureFixture
) -> None:
    """A new connection takes them, within what is left of the time to close."""
    pusher = push.start()
    push.turnstile.arrival()
    pusher.close()
    assert push.endpoint.timeouts == [10, 3]
    assert list(map(id, push.endpoint.sent)) == list(map(id, push.collected))
    assert len(push.endpoint.sent) == 2
    assert caplog.messages == []


def test_closing_again_does_nothing(push: Push) -> None:
    """The last values are pushed once."""
    pusher = push.start()
    push.turnstile.arrival()
    pusher.close()
    pusher.close()
    assert (len(push.endpoint.sent), push.endpoint.aborts) == (2, 1)


def test_a_closed_push_is_forgotten(push: Push) -> None:
    """A training that attaches and detaches all day keeps nothing of it until it ends."""
    push.start()
    push.turnstile.arrival()
    pusher = push.let_go()
    pusher.close()
    kept = weakref.ref(pusher)
    del pusher
    gc.collect()
    assert kept() is None


def test_a_push_under_way_is_broken_off_at_the_end(
    push: Push, caplog: pytest.LogCaptureFixture
) -> None:
    """The exporter's waiting between attempts ends; that it was broken off is no failure."""
    under_way = threading.Event()

    def try_again_and_again() -> str:
        under_way.set()
        assert push.endpoint.aborted.wait(collectors.DEADLINE_SECONDS)
        push.now += 2
        return "shut down"

    push.endpoint.answers = [try_again_and_again]
    pusher = push.start()
    assert under_way.wait(collectors.DEADLINE_SECONDS)
    pusher.close()
    assert push.endpoint.timeouts == [10, 1]
    assert len(push.endpoint.sent) == 2
    assert caplog.messages == []


def test_no_last_push_begins_after_the_time_to_close(
    push: Push, caplog: pytest.LogCaptureFixture
) -> None:
    """What is under way at the end may take all of it, and what came after it is lost."""
    under_way = threading.Event()

    def answer_late() -> None:
        under_way.set()
        assert push.endpoint.aborted.wait(collectors.DEADLINE_SECONDS)
        push.now += 3

    push.endpoint.answers = [answer_late]
    pusher = push.start()
    assert under_way.wait(collectors.DEADLINE_SECONDS)
    pusher.close()
    assert len(push.endpoint.sent) == 1
    assert caplog.messages == [LOST.format(3)]


def test_a_last_push_that_takes_all_the_time_is_lost(
    push: Push, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says the same whether the exporter or the pusher gives up first."""
    push.endpoint.answers = [None, push.take(3, then="deadline exceeded")]
    pusher = push.start()
    push.turnstile.arrival()
    pusher.close()
    assert caplog.messages == [LOST.format(3)]


def test_last_values_that_arrive_late_are_not_lost(
    push: Push, caplog: pytest.LogCaptureFixture
) -> None:
    """What the endpoint took counts, however long it took."""
    push.endpoint.answers = [None, push.take(3)]
    pusher = push.start()
    push.turnstile.arrival()
    pusher.close()
    assert caplog.messages == []


def test_closing_waits_no_longer_than_it_may(push: Push, caplog: pytest.LogCaptureFixture) -> None:
    """An endpoint that never answers is left behind, and the log says what is lost."""
    released = threading.Event()
    push.endpoint.answers = [None, lambda: str(released.wait(collectors.DEADLINE_SECONDS))]
    pusher = push.start()
    push.turnstile.arrival()
    pusher.close(timeout=0.01)
    assert not released.is_set()
    released.set()
    assert caplog.messages == [LOST.format(0.01)]


def test_an_endpoint_that_was_failing_gets_a_second_at_the_end(
    push: Push, caplog: pytest.LogCaptureFixture
) -> None:
    """A last chance for the last values, without another line in the log."""
    push.endpoint.answers = ["down", "still down"]
    pusher = push.start()
    push.turnstile.arrival()
    pusher.close()
    assert push.endpoint.timeouts == [10, 1]
    assert caplog.messages == [FAILS.format("down")]


def test_closing_does_not_wait_for_an_endpoint_that_was_failing(
    push: Push, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even an exporter that overruns its time is left behind then."""
    monkeypatch.setattr(f"{LOGGER}._CLOSE_FAILING_TIMEOUT_SECONDS", 0.01)
    released = threading.Event()
    push.endpoint.answers = ["down", lambda: str(released.wait(collectors.DEADLINE_SECONDS))]
    pusher = push.start()
    push.turnstile.arrival()
    pusher.close(timeout=3600)
    assert not released.is_set()
    released.set()
    assert caplog.messages == [FAILS.format("down")]


def test_an_exporter_that_cannot_be_made_at_the_end_is_a_failure(
    push: Push, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither that nor an exporter that cannot be aborted reaches whoever closes."""
    pusher = push.start()
    push.turnstile.arrival()
    push.endpoint.broken = RuntimeError("broken exporter")
    pusher.close()
    assert caplog.messages == [FAILS.format("RuntimeError: broken exporter")]


def test_a_forked_child_closes_nothing(push: Push, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has none of the thread, and the last values are its parent's to push."""
    pusher = push.start()
    push.turnstile.arrival()
    with monkeypatch.context() as child:
        child.setattr(forks, "count", forks.count + 1)
        pusher.close()
        assert not push.turnstile.is_set()
        assert not push.endpoint.aborted.is_set()
    pusher.close()
    assert len(push.endpoint.sent) == 2


def test_what_cannot_be_connected_is_told_at_the_start(push: Push) -> None:
    """Settings that the exporter does not take are the caller's to know, and start no thread."""
    threads = threading.active_count()
    push.endpoint.broken = ValueError("no OTLP exporter with these settings")
    with pytest.raises(ValueError, match="no OTLP exporter"):
        push.start()
    assert threading.active_count() == threads
