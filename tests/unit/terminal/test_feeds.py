"""Sources that ``top`` shows, as documents: files, exporters over real HTTP, wrong addresses."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sanctum_exporter.readings import GroupReading
from sanctum_exporter.terminal.addresses import AddressFeed
from sanctum_exporter.terminal.exporter import ExporterFeed, Site
from sanctum_exporter.terminal.feed import SourceLostError
from sanctum_exporter.terminal.files import follow, read_once
from sanctum_exporter.terminal.poller import Poller, Report
from sanctum_exporter.view.document import Overview
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.exporter import serve
from tests import events, recordings
from tests.clocks import Clock
from tests.feeding import fed
from tests.programs import free_address
from tests.readings import NOW, reading
from tests.unit.terminal.screen import StillFeed
from tests.waiting import eventually, wait_for

STREAM = [events.started(4, ("r0c0", "r0c1", "r0c2")), events.germinated(3, "r0c2")]


@contextmanager
def answering(answers: dict[str, tuple[int, bytes]]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Give the URL of a server with fixed answers by path, and the headers that it was sent."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append({"path": self.path, **self.headers})
            status, body = answers.get(self.path.partition("?")[0], (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("ending", ["", "/", "/metrics"])
def test_an_exporter_is_known_by_any_of_its_addresses(ending: str) -> None:
    """That of its page does, and that which Prometheus scrapes."""
    server = serve(fed(STREAM), ListenAddress("127.0.0.1", 0), origin="test")
    feed = AddressFeed(f"{server.url}{ending}")
    try:
        (run,) = feed.overview().runs
        assert (run.total_slots, run.active_slots) == (12, 1)
        view = feed.run(None)
        assert view is not None
        assert view.groups[0].border_title == "CURRENT SLOTS ─ 12 across 4 envs"
        assert feed.run("nonesuch") is None
        assert feed.name == server.url
    finally:
        feed.close()
        server.close()


def test_what_has_not_changed_is_not_sent_again() -> None:
    """The exporter says so, the documents are the same, and only time has passed."""
    server = serve(fed(STREAM), ListenAddress("127.0.0.1", 0), origin="test")
    site = Site(server.url)
    statuses = []

    class Noting(Site):
        def get(self, *arguments: Any, **named: Any) -> Any:
            response = site.get(*arguments, **named)
            statuses.append(response.status_code)
            return response

    feed = ExporterFeed(Noting(server.url))
    try:
        first, second = feed.overview(), feed.overview()
        assert statuses == [HTTPStatus.OK, HTTPStatus.NOT_MODIFIED]
        assert first.runs == second.runs
        assert second.now >= first.now
    finally:
        site.close()
        server.close()


def test_a_password_in_a_url_is_sent_and_never_shown() -> None:
    """Who asks is known by it; neither the name nor an error has it."""
    with answering({"/api/v1/runs": (401, b"")}) as (address, asked):
        feed = AddressFeed(f"http://me:s3cret@{address}")
        with pytest.raises(SourceLostError) as lost:
            feed.overview()
        # It is base64 of user, colon and password.
        assert asked[-1]["Authorization"] == "Basic bWU6czNjcmV0"
    assert feed.name == f"http://{address}"
    assert "s3cret" not in str(lost.value)
    assert "another user or password" in str(lost.value)
    with pytest.raises(SourceLostError, match="no connection") as lost:
        feed.overview()
    assert "s3cret" not in str(lost.value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((404, b""), "is no sanctum-exporter"),
        ((200, b"<html>"), "answers something else than /api/v1/runs"),
        ((200, b"{}"), "answers something else than /api/v1/runs"),
        ((500, b""), "answers with status 500"),
    ],
)
def test_another_server_is_said_to_be_one(answer: tuple[int, bytes], message: str) -> None:
    """The message names it, and what it lacks."""
    with answering({"/api/v1/runs": answer}) as (address, _):
        with pytest.raises(SourceLostError, match=message) as lost:
            AddressFeed(f"http://{address}").overview()
        assert f"http://{address}" in str(lost.value)


def test_the_past_is_asked_of_a_prometheus_only() -> None:
    """An exporter has none."""
    server = serve(fed(STREAM), ListenAddress("127.0.0.1", 0), origin="test")
    try:
        with pytest.raises(SourceLostError, match="is no Prometheus"):
            AddressFeed(server.url, at=NOW).overview()
    finally:
        server.close()


def test_a_server_that_is_not_there_is_found_when_it_is() -> None:
    """What is at an address is found out as soon as it answers."""
    address = free_address()
    feed = AddressFeed(f"http://{address}")
    with pytest.raises(SourceLostError, match="does not answer: no connection"):
        feed.overview()
    host, port = address.split(":")
    server = serve(fed(STREAM), ListenAddress(host, int(port)), origin="test")
    try:
        assert len(feed.overview().runs) == 1
    finally:
        feed.close()
        server.close()


def test_a_file_is_followed_as_it_grows(tmp_path: Path) -> None:
    """It need not exist yet; what is written later is shown, and what is wrong is said."""
    path = tmp_path / "run.jsonl"
    feed = follow(path)
    try:
        not_ready = feed.overview().exporter.not_ready
        assert not_ready == f"waiting for {path}, which does not exist yet"
        path.write_bytes(STREAM[0] + b"\n")
        wait_for("its run", lambda: feed.overview().runs)
        with path.open("ab") as file:
            file.write(STREAM[1] + b"\n")
        eventually(lambda: feed.overview().runs[0].active_slots == 1)
        path.unlink()
        eventually(lambda: "is gone" in (feed.overview().exporter.not_ready or ""))
        assert feed.overview().runs[0].active_slots == 1
    finally:
        feed.close()


def test_a_directory_is_all_of_its_runs(tmp_path: Path) -> None:
    """Each by the name of its own directory, read whole when it is printed once."""
    for name, lines in (("telemetry_1", STREAM[:1]), ("telemetry_2", STREAM)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "events.jsonl").write_bytes(b"\n".join(lines))
    feed = read_once(tmp_path)
    assert {run.run: run.active_slots for run in feed.overview().runs} == {
        "telemetry_1": 0,
        "telemetry_2": 1,
    }


def test_a_large_file_is_read_to_its_end_once(tmp_path: Path) -> None:
    """Also one of more than a chunk, whose last line lacks its end."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(gzip.decompress(recordings.path("ab").read_bytes()).rstrip(b"\n"))
    view = read_once(path).run(None)
    assert view is not None
    last = {row["group_id"]: row for row in recordings.golden("ab")}
    for group in view.groups:
        wanted = last[group.group_id]
        assert group.slots.to_dict() == recordings.values(wanted)


class FailingFeed(StillFeed):
    """A feed that fails when a test says so."""

    def __init__(self, *readings: GroupReading) -> None:
        super().__init__(*readings)
        self.failure: Exception | None = None

    def overview(self) -> Overview:
        if self.failure is not None:
            raise self.failure
        return super().overview()


def test_a_failure_keeps_the_last_documents_and_when_they_came() -> None:
    """Whatever it is that fails, the asking goes on."""
    clock = Clock(100.0)
    feed = FailingFeed(reading())
    told: list[Report] = []
    poller = Poller(feed, told.append, clock)
    poller.look_at(None)
    poller.start()
    wait_for("a report", lambda: told)
    poller.close()
    good = told[0]
    assert good.failure is None
    for failure, words in ((SourceLostError("gone"), "gone"), (KeyError("x"), "asking failed")):
        feed.failure = failure
        clock.now += 50
        report = poller.ask()
        assert words in str(report.failure)
        assert report._replace(failure=None) == good
    feed.failure = None
    assert poller.ask().failure is None


def test_only_what_is_new_is_told() -> None:
    """Time that passes is not."""
    told: list[Report] = []
    asked = threading.Semaphore(0)

    class Counting(StillFeed):
        is_past = False
        period_seconds = 0.001

        def overview(self) -> Overview:
            asked.release()
            return super().overview()

    feed = Counting(reading())
    poller = Poller(feed, told.append)
    poller.start()
    for _ in range(20):
        assert asked.acquire(timeout=20)
    assert len(told) == 1
    feed.readings = [reading(episode=6)]
    wait_for("the news", lambda: len(told) == 2)
    poller.close()
