from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.training import outlet as outlet_module
from sanctum_exporter.training.outlet import Outlet
from sanctum_exporter.training.retry import Retry
from sanctum_exporter.web import server as server_module
from sanctum_exporter.web.scrapers import Scrapers
from tests.asking import ask
from tests.certificates import Certificates
from tests.clocks import Clock
from tests.collectors import HttpCollector
from tests.live import address, our_threads
from tests.programs import free_address, scrape, scrape_until, serves_nothing
from tests.waiting import DEADLINE_SECONDS, eventually


@pytest.fixture
def collector() -> Iterator[HttpCollector]:
    """Give a collector that keeps what is pushed to it."""
    with HttpCollector() as collector:
        yield collector


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """Give a socket that listens on an address, so that nobody else can."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def outlet(listen_address: str | None = None, **options: Any) -> Outlet:
    """Return an outlet of a source with nothing in it but the placeholder."""
    given = {
        "registry": None,
        "otlp_endpoint": None,
        "origin": "test",
        "telemetry_path": "/metrics",
        "strict": False,
        **options,
    }
    registry, otlp_endpoint = given.pop("registry"), given.pop("otlp_endpoint")
    source = Intake(Groups(placeholder=True))
    return Outlet(source, listen_address, registry, otlp_endpoint, **given)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the clock by which servers know their scrapers."""
    clock = Clock()
    monkeypatch.setattr(server_module, "Scrapers", partial(Scrapers, clock))
    return clock


def scraped_regularly(clock: Clock, **options: Any) -> Outlet:
    """Return an outlet that is scraped every ten seconds."""
    serving = outlet("127.0.0.1:0", **options)
    serving.open()
    for _ in range(2):
        clock.now += 10
        assert scrape(address(serving))[0] == 200
        # Before it answers the next, the server has noted whose the last answer was.
        assert scrape(address(serving), "/-/healthy")[0] == 200
    return serving


def at(server: socket.socket) -> str:
    """Return where a socket listens."""
    host, port = server.getsockname()
    return f"{host}:{port}"


def test_a_port_that_was_taken_is_tried_again_though_the_push_is_up(
    taken: socket.socket, collector: HttpCollector
) -> None:
    """Opening again opens what is not open, leaves what is, and nothing is tried any more."""
    where = at(taken)
    both = outlet(where, otlp_endpoint=collector.url)
    assert both.open()
    assert sorted(our_threads()) == ["sanctum-exporter-otlp", "sanctum-exporter-retry"]
    taken.close()
    assert both.open()
    assert address(both) == where
    assert scrape(where)[0] == 200
    eventually(lambda: "sanctum-exporter-retry" not in our_threads())
    assert our_threads().count("sanctum-exporter-otlp") == 1
    both.close()
    assert (both.url, our_threads()) == (None, [])
    # One at the beginning and one at the end.
    assert len(collector.inbox.wait(2)) == 2


def test_a_push_that_could_not_be_is_tried_again_though_the_port_is_open(
    collector: HttpCollector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake in the environment that somebody mends takes effect at the next opening."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon")
    both = outlet("127.0.0.1:0")
    assert both.open()
    url = both.url
    assert scrape(address(both))[0] == 200
    (message,) = caplog.messages
    assert message.startswith("sanctum-exporter pushes nothing by OTLP, training goes on: OTEL_")
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_PROTOCOL")
    assert both.open()
    assert both.url == url
    both.close()
    assert collector.inbox.wait(1)


def test_a_problem_is_logged_once_and_another_again(
    taken: socket.socket, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often an outlet is opened, the log says each thing once until it changes."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector")
    both = outlet(at(taken))
    for _ in range(3):
        assert not both.open()
    assert [message.split(",")[0] for message in caplog.messages] == [
        "sanctum-exporter serves nothing",
        "sanctum-exporter pushes nothing by OTLP",
    ]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector")
    both.open()
    assert len(caplog.messages) == 3
    assert "'ftp://collector' is not an OTLP endpoint" in caplog.messages[2]
    both.close()


def test_an_outlet_that_nobody_asks_anything_of_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Without address, registry and endpoint, nothing is published, and the log says what to do."""
    assert not outlet(None).open()
    assert caplog.messages == [
        "sanctum-exporter has no way out: give listen_address, registry or otlp_endpoint"
    ]


def test_a_registry_is_joined_instead_of_serving() -> None:
    """Who brings a registry serves it himself; closing takes our metrics out of it."""
    registry = CollectorRegistry()
    joined = outlet(free_address(), registry=registry)
    assert joined.open()
    assert joined.open()
    assert joined.url is None
    assert b"sanctum_total_slots" in generate_latest(registry)
    joined.close()
    assert generate_latest(registry) == b""


def test_what_a_strict_outlet_cannot_open_closes_what_it_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A strict outlet is open as a whole or not at all."""

    def fail(*_: object) -> None:
        raise RuntimeError("no push today")

    monkeypatch.setattr(outlet_module, "push", fail)
    where = free_address()
    both = outlet(where, otlp_endpoint="http://127.0.0.1:1", strict=True)
    with pytest.raises(RuntimeError, match="no push today"):
        both.open()
    assert (both.url, our_threads(), scrape(where)[0]) == (None, [], 0)


def test_what_fails_at_the_end_is_logged_and_the_rest_is_closed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push that does not stop cleanly keeps no port open, and raises nothing."""

    class Stuck:
        def close(self) -> None:
            raise RuntimeError("stuck")

    monkeypatch.setattr(outlet_module, "push", lambda *_: Stuck())
    both = outlet("127.0.0.1:0", otlp_endpoint="http://127.0.0.1:1")
    assert both.open()
    both.close()
    both.close()
    assert (both.url, our_threads()) == (None, [])
    assert [message for message in caplog.messages if "cleanly" in message] == [
        "sanctum-exporter did not stop cleanly, training is not affected: RuntimeError: stuck"
    ]


def test_where_it_serves_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """At INFO the log says where the metrics of which source are."""
    caplog.set_level("INFO")
    serving = outlet("127.0.0.1:0", telemetry_path="/sanctum/metrics")
    serving.open()
    url = f"http://{address(serving)}/sanctum/metrics"
    assert scrape(address(serving), "/sanctum/metrics")[0] == 200
    serving.close()
    assert caplog.messages == [f"test: serving {url}"]


def test_an_address_that_was_in_use_is_had_as_soon_as_it_is_free(
    taken: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody has to start it again, and the log says once that it failed and once that it works."""
    where = at(taken)
    late = outlet(where, retry_seconds=0.01)
    assert (late.open(), late.is_tried_again, late.url) == (False, True, None)
    taken.close()
    scrape_until(where, "sanctum_total_slots")
    eventually(lambda: not late.is_tried_again and "sanctum-exporter-retry" not in our_threads())
    assert (late.url, late.open()) == (f"http://{where}", True)
    late.close()
    assert (our_threads(), scrape(where)[0]) == ([], 0)
    assert [message.replace("0.01 s", "5 s") for message in caplog.messages] == [
        serves_nothing(where),
        f"test: serving http://{where}/metrics now",
    ]


def test_closing_ends_the_attempts(taken: socket.socket) -> None:
    """A closed outlet does not come to life by itself, though its address is free."""
    late = outlet(at(taken), retry_seconds=0.01)
    late.open()
    late.close()
    assert (our_threads(), late.is_tried_again) == ([], False)
    taken.close()
    assert late.open()
    assert sorted(our_threads()) == ["sanctum-exporter-history", "sanctum-exporter-web"]
    late.close()


def test_an_attempt_that_comes_too_late_opens_nothing(
    taken: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that begins while the outlet is being closed leaves it closed."""
    attempts: list[Callable[[], bool]] = []

    class Unhurried(Retry):
        def __init__(self, attempt: Callable[[], bool], interval_seconds: float) -> None:
            attempts.append(attempt)
            super().__init__(attempt, interval_seconds)

    monkeypatch.setattr(outlet_module, "Retry", Unhurried)
    where = at(taken)
    late = outlet(where)
    late.open()
    late.close()
    taken.close()
    (attempt,) = attempts
    assert attempt() is True
    assert (late.url, our_threads(), scrape(where)[0]) == (None, [], 0)


@pytest.mark.parametrize("where", ["nowhere", "203.0.113.1:1"])
def test_an_address_that_cannot_be_had_at_all_is_not_tried_again(where: str) -> None:
    """Only waiting helps against an address that is in use, and against nothing else."""
    never = outlet(where)
    assert (never.open(), never.is_tried_again, our_threads()) == (False, False, [])
    never.close()


def test_a_strict_outlet_raises_an_address_in_use_and_tries_it_no_more(
    taken: socket.socket,
) -> None:
    """With strict, the caller knows, and nothing happens behind its back."""
    strict = outlet(at(taken), strict=True)
    with pytest.raises(OSError, match="Address already in use; give another listen_address"):
        strict.open()
    assert our_threads() == []


def test_the_last_scrape_is_waited_for_on_the_way_out(clock: Clock) -> None:
    """Closing with a wait serves on until who scrapes has come once more, and says so."""
    said: list[str] = []
    serving = scraped_regularly(clock)
    where = address(serving)
    closing = Thread(target=serving.close, args=(20.0, said.append))
    closing.start()
    eventually(lambda: bool(said))
    clock.now += 5
    assert scrape(where)[0] == 200
    closing.join(DEADLINE_SECONDS)
    assert (our_threads(), scrape(where)[0]) == ([], 0)
    assert said == ["waiting up to 12 s for the last scrape (Ctrl-C ends it)"]


def test_ctrl_c_ends_the_wait_and_closes_all_the_same(clock: Clock) -> None:
    """An interrupt while the last scrape is waited for reaches whoever called, with all closed."""
    serving = scraped_regularly(clock)

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serving.close(20.0, interrupt)
    assert our_threads() == []


def test_the_last_push_waits_for_no_scraper(clock: Clock, collector: HttpCollector) -> None:
    """What is pushed at the end has arrived before the last scrape is waited for."""
    serving = scraped_regularly(clock, otlp_endpoint=collector.url)
    pushes: list[Any] = []

    def look(_: str) -> None:
        pushes.extend(collector.inbox.wait(0))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serving.close(20.0, look)
    # One at the beginning and one at the end.
    assert len(pushes) == 2


def test_closing_waits_for_nobody_by_default(clock: Clock) -> None:
    """Without a wait, closing is as quick for those who scrape as for those who do not."""
    serving = scraped_regularly(clock)
    said: list[str] = []
    serving.close(say=said.append)
    assert (said, our_threads()) == ([], [])


def test_what_is_served_is_announced_until_it_is_closed(tmp_path: Path) -> None:
    """The file for Prometheus is there while the address is, also when the wait is over."""
    path = tmp_path / "trainer.json"
    serving = outlet("127.0.0.1:0", sd_file=str(path), telemetry_path="/m")
    assert not path.exists()
    serving.open()
    (group,) = json.loads(path.read_bytes())
    assert group["targets"] == [address(serving)]
    assert group["labels"]["program"] == "test"
    assert group["labels"]["__metrics_path__"] == "/m"
    serving.close()
    assert not path.exists()


def test_what_is_served_late_is_announced_late(taken: socket.socket, tmp_path: Path) -> None:
    """While its address is in use by somebody else, nobody is told of it."""
    path = tmp_path / "trainer.json"
    where = at(taken)
    late = outlet(where, retry_seconds=0.01, sd_file=path)
    late.open()
    assert not path.exists()
    taken.close()
    eventually(path.exists)
    assert where in path.read_text("utf-8")
    late.close()
    assert not path.exists()


def test_what_cannot_be_announced_is_served_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that cannot be written is one error in the log; a strict outlet raises it."""
    path = tmp_path / "trainer.json"
    path.mkdir()
    serving = outlet("127.0.0.1:0", sd_file=path)
    assert serving.open()
    assert scrape(address(serving))[0] == 200
    serving.close()
    (message,) = caplog.messages
    assert message == (
        "sanctum-exporter is not announced to Prometheus, training goes on: "
        f"cannot write {path}: Is a directory"
    )
    strict = outlet("127.0.0.1:0", sd_file=path, strict=True)
    with pytest.raises(OSError, match="cannot write"):
        strict.open()
    assert our_threads() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sd_file": "trainer.yml"}, "'trainer.yml' is not a file for Prometheus to discover"),
        ({"sd_file": 5}, "'5' is not a file for Prometheus to discover"),
        ({"sd_file": "/no/such/a.json"}, "there is no folder '/no/such'"),
        ({"listen_address": None, "sd_file": "a.json"}, "sd_file names a port, and none is opened"),
        (
            {"registry": CollectorRegistry(), "sd_file": "a.json"},
            "sd_file names a port, and none is opened",
        ),
    ],
)
def test_a_file_that_makes_no_sense_is_told_at_once(
    options: dict[str, Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is one error in the log, and the rest goes on; a strict outlet is not made."""
    given = {"listen_address": "127.0.0.1:0", **options}
    with pytest.raises(ValueError, match=message):
        outlet(**given, strict=True)
    serving = outlet(**given)
    (logged,) = caplog.messages
    assert logged.startswith("sanctum-exporter is not announced to Prometheus, training goes on: ")
    assert message in logged
    assert serving.open() is (given["listen_address"] is not None)
    serving.close()


def test_what_is_guarded_is_served_to_those_who_may_see_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """TLS and passwords are those of the file, as on the command line."""
    certificates = Certificates(tmp_path)
    certificates.issue("server", "127.0.0.1")
    path = tmp_path / "web.yml"
    path.write_text("tls_server_config: {cert_file: server.crt, key_file: server.key}\n")
    serving = outlet("127.0.0.1:0", web_config_file=path)
    assert serving.open()
    assert serving.url is not None
    assert serving.url.startswith("https://127.0.0.1:")
    assert ask(f"{serving.url}/metrics", context=certificates.client_context()).status == 200
    assert scrape(serving.url.removeprefix("https://"))[0] == 0
    serving.close()
    assert caplog.messages == []


def test_what_is_served_late_is_guarded_too(taken: socket.socket, tmp_path: Path) -> None:
    """Also when the training has changed into another folder by then."""
    path = tmp_path / "web.yml"
    path.write_text("rate_limit: {interval: 1h, burst: 1}\n")
    where = at(taken)
    late = outlet(where, retry_seconds=0.01, web_config_file=path)
    late.open()
    path.unlink()
    taken.close()
    eventually(lambda: late.is_open)
    assert [scrape(where)[0] for _ in range(2)] == [200, 429]
    late.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"web_config_file": "/no/web.yml"}, "/no/web.yml: cannot be read: No such file"),
        ({"web_config_file": 5}, "/5: cannot be read: No such file"),
        ({"web_config_file": "/dev/null", "listen_address": None}, "guards a port, and none is"),
        (
            {"web_config_file": "/dev/null", "registry": CollectorRegistry()},
            "guards a port, and none is opened; give listen_address",
        ),
        ({"protect_health": True}, "protect_health protects nothing without web_config_file"),
    ],
)
def test_what_cannot_be_guarded_is_not_served(
    options: dict[str, Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is one error in the log, and training goes on; a strict outlet is not made."""
    given = {"listen_address": "127.0.0.1:0", **options}
    with pytest.raises(ValueError, match=message):
        outlet(**given, strict=True)
    serving = outlet(**given)
    assert not serving.open()
    assert serving.url is None
    (logged,) = caplog.messages
    assert logged.startswith("sanctum-exporter serves nothing, training goes on: ")
    assert message in logged
    serving.close()


@pytest.mark.parametrize(("host", "warnings"), [("", 1), ("127.0.0.1", 0)])
def test_an_address_that_others_reach_is_warned_of_once(
    host: str, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says what would ask them for a password."""
    serving = outlet(f"{host}:0")
    serving.open()
    serving.close()
    said = [each for each in caplog.messages if "can read what is served there" in each]
    assert len(said) == warnings
    assert all("--web.config.file" in each for each in said)


def test_a_guarded_address_that_others_reach_is_not_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who has written a web configuration file has thought about it."""
    (tmp_path / "web.yml").write_text("rate_limit: {interval: 1s, burst: 1}\n")
    serving = outlet(":0", web_config_file=tmp_path / "web.yml")
    assert serving.open()
    serving.close()
    assert caplog.messages == []
