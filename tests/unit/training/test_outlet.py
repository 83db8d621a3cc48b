from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.training import outlet as outlet_module
from sanctum_exporter.training.outlet import Outlet
from tests.collectors import HttpCollector
from tests.live import address, our_threads
from tests.programs import free_address, scrape


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


def at(server: socket.socket) -> str:
    """Return where a socket listens."""
    host, port = server.getsockname()
    return f"{host}:{port}"


def test_a_port_that_was_taken_is_tried_again_though_the_push_is_up(
    taken: socket.socket, collector: HttpCollector
) -> None:
    """Opening again opens what is not open, and leaves what is."""
    where = at(taken)
    both = outlet(where, otlp_endpoint=collector.url)
    assert both.open()
    assert our_threads() == ["sanctum-exporter-otlp"]
    taken.close()
    assert both.open()
    assert address(both) == where
    assert scrape(where)[0] == 200
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
