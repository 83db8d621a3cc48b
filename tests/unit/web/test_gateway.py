"""What a request becomes for an application, and an answer for a client."""

from __future__ import annotations

from typing import Any

import h11
import pytest

from sanctum_exporter.web.gateway import Client, Environ, Response, call, encode, environ

CLIENT = Client("10.0.0.1", "https", {"subject": ()})


def parsed(target: str = "/", *headers: tuple[str, str]) -> Environ:
    """Return what a GET becomes."""
    request = h11.Request(
        method="GET", target=target, headers=[("Host", "x"), *headers], http_version="1.1"
    )
    return environ(request, CLIENT, 10500)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/metrics", "/metrics", ""),
        ("/metrics?name[]=a&name[]=b?c", "/metrics", "name[]=a&name[]=b?c"),
        ("/%6detrics", "/metrics", ""),
        ("/a%0ab%ff", "/a\nb\xff", ""),
        ("//metrics", "//metrics", ""),
        ("http://exporter:10500/metrics?x", "/metrics", "x"),
        ("HTTPS://exporter", "/", ""),
    ],
)
def test_a_target_is_a_path_and_a_query(target: str, path: str, query: str) -> None:
    """A proxy may ask by the whole URL."""
    variables = parsed(target)
    assert (variables["PATH_INFO"], variables["QUERY_STRING"]) == (path, query)


@pytest.mark.parametrize("target", ["http://[::1/x", "*", "exporter:10500", "ftp://x/", "http:/x"])
def test_what_is_no_path_is_refused(target: str) -> None:
    """Nothing is guessed into it."""
    with pytest.raises(ValueError, match=r"."):
        parsed(target)


def test_an_application_learns_who_asks_and_how() -> None:
    """Headers, the machine, the scheme and the certificate of the client."""
    variables = parsed("/", ("Authorization", "Basic eA=="), ("Accept", "a"), ("accept", "b"))
    assert variables["HTTP_AUTHORIZATION"] == "Basic eA=="
    assert variables["HTTP_ACCEPT"] == "a,b"
    assert variables["REMOTE_ADDR"] == "10.0.0.1"
    assert variables["wsgi.url_scheme"] == "https"
    assert variables["sanctum.peer_certificate"] == {"subject": ()}


def test_a_header_cannot_pass_for_another() -> None:
    """What has an underscore would be taken for the name with a dash."""
    variables = parsed("/", ("User_Agent", "x"), ("Content-Length", "0"))
    assert "HTTP_USER_AGENT" not in variables
    assert "HTTP_CONTENT_LENGTH" not in variables


def test_an_application_may_write_before_it_returns_and_is_closed() -> None:
    """Both ways of the interface to make a body are there, in their order."""
    closed = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def app(_environ: Environ, start_response: Any) -> Body:
        start_response("200 OK", [("A", "b")])(b"first, ")
        return Body([b"then ", b"this"])

    assert call(app, {}) == Response("200 OK", [("A", "b")], b"first, then this")
    assert closed == [True]


def test_an_application_that_says_nothing_is_a_fault() -> None:
    """It must begin its answer."""
    with pytest.raises(RuntimeError, match="did not call start_response"):
        call(lambda _environ, _start: [b"x"], {})


def answer(*headers: tuple[str, str], with_body: bool = True) -> bytes:
    """Return the bytes of an answer to a request."""
    http = h11.Connection(h11.SERVER)
    method = b"GET" if with_body else b"HEAD"
    http.receive_data(method + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert isinstance(http.next_event(), h11.Request)
    response = Response("200 OK", [("Content-Length", "4"), *headers], b"text")
    return encode(http, response, 1795348800.0, with_body=with_body)


def test_an_answer_tells_no_version() -> None:
    """Who serves is said, and that the connection ends; how new it is, is nobody's business."""
    head, _, body = answer().partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"Date: Sun, 22 Nov 2026 12:00:00 GMT",
        b"Server: sanctum-exporter",
        b"Connection: close",
        b"Content-Length: 4",
    ]
    assert body == b"text"


def test_an_answer_to_head_has_no_body() -> None:
    """The length stays that of the body."""
    assert answer(with_body=False) == answer().removesuffix(b"text")


def test_a_header_cannot_begin_another() -> None:
    """What would split an answer in two is no answer."""
    with pytest.raises(h11.LocalProtocolError):
        answer(("X", "a\r\nSet-Cookie: b"))
