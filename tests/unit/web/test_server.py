"""The HTTP server's answers."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from sanctum_exporter.readings import GroupReading
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.web import server as server_module
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.exporter import serve
from sanctum_exporter.web.scrapers import Scrapers
from sanctum_exporter.web.server import WebServer
from tests import events
from tests.asking import ask
from tests.clocks import Clock
from tests.sites import site
from tests.waiting import eventually

LOOPBACK = ListenAddress("127.0.0.1", 0)


class Exporter:
    """An exporter whose readiness a test sets."""

    def __init__(self) -> None:
        self.intake = Intake(Groups())
        self.reason: str | None = None
        self.server = serve(self.intake, LOOPBACK, origin="<test>", not_ready=lambda: self.reason)


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    """Serve one group of four slots."""
    exporter = Exporter()
    exporter.intake.line(events.started(), 1)
    yield exporter
    exporter.server.close()


def test_metrics_are_prometheus_text_unless_another_format_is_asked_for(
    exporter: Exporter,
) -> None:
    """OpenMetrics names counters without their suffix, and ends with EOF."""
    url = f"{exporter.server.url}/metrics"
    _, headers, text = ask(url)
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b'sanctum_total_slots{group_id="default"} 4.0\n' in text
    assert b"# TYPE sanctum_seeds_pruned_total counter\n" in text
    _, headers, open_metrics = ask(url, Accept="application/openmetrics-text; version=1.0.0")
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert b"# TYPE sanctum_seeds_pruned counter\n" in open_metrics
    assert b'sanctum_seeds_pruned_total{group_id="default"} 0.0\n' in open_metrics
    assert open_metrics.endswith(b"# EOF\n")


def test_metrics_are_packed_where_gzip_is_accepted(exporter: Exporter) -> None:
    """The answer is gzip for whoever accepts it, and plain for all others."""
    url = f"{exporter.server.url}/metrics"
    _, headers, packed = ask(url, Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert b"sanctum_total_slots" in gzip.decompress(packed)
    for other in ("identity", "gzip;q=0"):
        assert ask(url, Accept_Encoding=other)[1]["Content-Encoding"] is None


def test_one_metric_can_be_asked_for_by_name(exporter: Exporter) -> None:
    """name[] selects metrics, as in every Prometheus client in Python."""
    _, _, text = ask(f"{exporter.server.url}/metrics?name[]=sanctum_envs")
    samples = [line for line in text.splitlines() if not line.startswith(b"#")]
    assert samples == [b'sanctum_envs{group_id="default"} 2.0']


def test_ready_says_why_not(exporter: Exporter) -> None:
    """Readiness fails with its reason, while the process is healthy all the same."""
    url = exporter.server.url
    assert ask(f"{url}/-/ready")[::2] == (200, b"ready\n")
    exporter.reason = "waiting for x"
    assert ask(f"{url}/-/ready")[::2] == (503, b"not ready: waiting for x\n")
    assert ask(f"{url}/-/healthy")[::2] == (200, b"healthy\n")


def test_page_links_what_is_there_and_shows_the_panel(exporter: Exporter) -> None:
    """Whatever a file is called, it is text and no markup."""
    status, headers, page = ask(f"{exporter.server.url}/")
    text = page.decode()
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    for link in ("metrics", "-/healthy", "-/ready"):
        assert f'href="{link}"' in text
    assert "CURRENT SLOTS ─ 4 across 2 envs" in text
    assert "&lt;test&gt;" in text
    assert "<test>" not in text


def test_other_paths_are_not_found_and_say_where_the_metrics_are(exporter: Exporter) -> None:
    """A mistyped path should cost nobody an hour."""
    assert ask(f"{exporter.server.url}/metric")[::2] == (
        404,
        b"not found; metrics are at /metrics\n",
    )


def test_head_has_no_body(exporter: Exporter) -> None:
    """Probes of load balancers ask so."""
    answer = ask(f"{exporter.server.url}/metrics", method="HEAD")
    assert int(answer.headers["Content-Length"]) > 1000
    assert answer.body == b""


def test_failing_collection_is_an_error_and_the_server_lives(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the traceback, the answer has not."""

    def fail() -> list[GroupReading]:
        raise ZeroDivisionError

    monkeypatch.setattr(exporter.intake, "readings", fail)
    assert ask(f"{exporter.server.url}/metrics")[::2] == (500, b"failed; the log says why\n")
    assert "ZeroDivisionError" in caplog.text
    assert ask(f"{exporter.server.url}/-/healthy")[0] == 200


def test_silent_connections_do_not_keep_others_from_an_answer(exporter: Exporter) -> None:
    """Connections that say nothing delay neither other answers nor the closing of the server."""
    address = exporter.server.address
    silent = [socket.create_connection(address) for _ in range(10)]
    try:
        assert ask(f"{exporter.server.url}/-/healthy")[0] == 200
        exporter.server.close()
    finally:
        for connection in silent:
            connection.close()


def test_closed_server_gives_its_port_back() -> None:
    """A closed server frees its port at once, and may be closed again."""
    first = WebServer(LOOPBACK, site())
    with pytest.raises(OSError, match=f"cannot listen on {first.address}: Address already in use"):
        WebServer(first.address, site())
    first.close()
    first.close()
    WebServer(first.address, site()).close()


def test_who_scrapes_regularly_has_the_last_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wait for the last scrape ends with a scrape of the metrics, and with nothing else."""
    clock = Clock()
    monkeypatch.setattr(server_module, "Scrapers", partial(Scrapers, clock))
    server = WebServer(LOOPBACK, site())
    url = f"{server.url}/metrics"
    said: list[str] = []
    server.wait_for_last_scrape(20, said.append)
    for _ in range(2):
        clock.now += 5
        ask(url)
        # Before it answers the next, the server has noted whose the last answer was.
        ask(f"{server.url}/-/healthy")
    # None of these is a scrape, or the one that comes regularly.
    for _ in range(2):
        clock.now += 1
        ask(url, method="HEAD")
    ask(server.url)
    ask(f"{server.url}/metric")
    ask(url, User_Agent="somebody who looks")
    waiting = threading.Thread(target=server.wait_for_last_scrape, args=(20, said.append))
    waiting.start()
    eventually(lambda: bool(said))
    clock.now += 1
    ask(url, User_Agent="somebody who looks")
    ask(url, method="HEAD")
    assert waiting.is_alive()
    ask(url)
    waiting.join(10)
    assert not waiting.is_alive()
    assert said == ["waiting up to 7 s for the last scrape (Ctrl-C ends it)"]
    server.close()


def test_a_server_is_announced_until_it_is_closed(tmp_path: Path) -> None:
    """The file for Prometheus names where it listens, and is gone before the port is free."""
    path = tmp_path / "a.json"
    server = WebServer(LOOPBACK, site(telemetry_path="/m"))
    server.announce(path, "watch x")
    (group,) = json.loads(path.read_bytes())
    assert group["targets"] == [str(server.address)]
    assert (group["labels"]["program"], group["labels"]["__metrics_path__"]) == ("watch x", "/m")
    server.close()
    assert not path.exists()
    path.write_text("another's", "utf-8")
    server.close()
    assert path.exists()
