"""What is answered, asked without a socket."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from sanctum_exporter.web.app import Application, Site
from sanctum_exporter.web.content import HTML, PLAIN, Content, fixed
from sanctum_exporter.web.gateway import Response, call
from sanctum_exporter.web.scrapers import Scrapers
from tests.clocks import Clock


class Asked:
    """An application for a registry with one gauge, and the means to ask it."""

    def __init__(self, collector: Collector | None = None) -> None:
        self.clock = Clock()
        self.scrapers = Scrapers(self.clock)
        registry = CollectorRegistry()
        if collector is None:
            Gauge("slots", "Slots.", registry=registry).set(3)
        else:
            registry.register(collector)
        pages = {
            "/": lambda query: Content(HTML, f"<p>{query.get('run')}</p>".encode()),
            "/-/style.css": fixed("text/css; charset=utf-8", "p {}", 300),
            "/lost": lambda query: Content(PLAIN, b"no", status=HTTPStatus.NOT_FOUND),
        }
        site = Site(registry, lambda: None, pages)
        self._app: Any = validator(Application(site, self.scrapers))
        self.sent: list[Callable[[], object]] = []

    def ask(
        self, path: str = "/metrics", method: str = "GET", query: str = "", **headers: str
    ) -> Response:
        """Return the answer, which the WSGI reference's validator has found no fault with."""
        environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path}
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        environ |= {"REMOTE_ADDR": "10.0.0.1", "sanctum.when_sent": self.sent.append}
        environ |= {"SCRIPT_NAME": "", "QUERY_STRING": query}
        setup_testing_defaults(environ)
        return call(self._app, environ)


@pytest.mark.parametrize("path", ["/metrics", "/", "/-/healthy", "/-/style.css", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_no_answer_is_to_be_run_guessed_framed_or_kept(path: str, method: str) -> None:
    """Whatever is asked for, a browser takes it for what it says, and lets no script run."""
    headers = dict(Asked().ask(path, method).headers)
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"].split("; ")
    assert policy[0] == "default-src 'none'"
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in headers["Content-Security-Policy"]
    is_style = path == "/-/style.css" and method != "DELETE"
    assert headers["Cache-Control"] == ("max-age=300" if is_style else "no-store")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_methods_other_than_get_and_head_are_refused(method: str) -> None:
    """The answer says which ones there are, on every path."""
    for path in ("/metrics", "/-/healthy", "/nowhere"):
        status, headers, body = Asked().ask(path, method)
        assert status == "405 Method Not Allowed"
        assert dict(headers)["Allow"] == "GET, HEAD"
        assert body == b"only GET and HEAD are answered\n"


def test_head_is_get_without_a_body() -> None:
    """All headers are those of GET, the length as well."""
    asked = Asked()
    for path in ("/metrics", "/", "/-/ready"):
        get, head = asked.ask(path), asked.ask(path, "HEAD")
        assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")
        assert dict(head.headers)["Content-Length"] == str(len(get.body)) != "0"


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text;version=x",
        "application/openmetrics-text;version=1.x.0",
        "application/openmetrics-text;version=" + "9" * 5000,
        'application/openmetrics-text;version="1.0.0"',
        "application/openmetrics-text;version=2.0.0",
        "application/openmetrics-text;version=1.0.0<script>",
        "text/plain;version=x",
        "text/plain;version",
        "image/png",
        ";;;,=,",
        "",
    ],
)
def test_who_asks_for_a_format_that_we_do_not_write_gets_the_text(accept: str) -> None:
    """Nothing that a client writes into Accept is an error, or comes back to it."""
    status, headers, body = Asked().ask(accept=accept)
    assert status == "200 OK"
    assert dict(headers)["Content-Type"].startswith("text/plain; version=0.0.4")
    assert body.endswith(b"slots 3.0\n")


def test_a_format_that_we_write_is_found_behind_one_that_we_do_not() -> None:
    """The first range that can be had is the one that is answered with."""
    accept = "application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0"
    headers = dict(Asked().ask(accept=accept).headers)
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")


class Failing(Collector):
    """A collector that fails once it is asked for values."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> list[Metric]:
        raise ZeroDivisionError


def test_a_collection_that_goes_on_failing_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Every scrape is told that it failed, and five a minute are in the log with a traceback."""
    asked = Asked(Failing())
    for _ in range(50):
        assert asked.ask()[::2] == ("500 Internal Server Error", b"failed; the log says why\n")
    assert [record.getMessage() for record in caplog.records] == [
        "/metrics could not be answered"
    ] * 5
    assert caplog.text.count("\nZeroDivisionError") == 5


def test_pages_are_told_what_was_asked_for() -> None:
    """What stands in the query is decoded, and an answer has the status of its page."""
    assert Asked().ask("/", query="run=a%20b%2Fc").body == b"<p>['a b/c']</p>"
    assert Asked().ask("/lost")[::2] == ("404 Not Found", b"no")


def test_who_has_a_page_is_not_sent_it_again() -> None:
    """A page that names its content costs a client that has it no byte of it."""
    asked = Asked()
    status, headers, body = asked.ask("/-/style.css")
    assert (status, body, dict(headers)["Content-Type"]) == (
        "200 OK",
        b"p {}",
        "text/css; charset=utf-8",
    )
    etag = dict(headers)["ETag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}"):
        status, headers, body = asked.ask("/-/style.css", if_none_match=known)
        assert (status, body, dict(headers)["ETag"]) == ("304 Not Modified", b"", etag)
    assert asked.ask("/-/style.css", if_none_match='"other"').status == "200 OK"


def test_a_scrape_is_noted_once_it_is_sent() -> None:
    """Half an answer is no scrape, and neither is a HEAD."""
    asked = Asked()
    asked.ask(method="HEAD")
    assert not asked.sent
    for _ in range(2):
        asked.clock.now += 5
        asked.ask()
    last = asked.scrapers.last_scrapes(20)
    assert last.seconds_left() == 0
    for note in asked.sent:
        note()
    assert asked.scrapers.last_scrapes(20).seconds_left() == 7
