"""Whatever bytes a client sends, the server answers in HTTP or hangs up, and goes on."""

from __future__ import annotations

import logging
import re
import socket
import struct
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanctum_exporter import logs
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.server import WebServer
from tests.asking import ask
from tests.sites import site

# Whoever says goodbye with a reset leaves no port behind that waits for a minute.
_RESET = struct.pack("ii", 1, 0)

TOKENS = st.one_of(
    st.sampled_from([b"GET", b"HEAD", b"POST", b"CONNECT", b"PRI", b"get", b""]),
    st.binary(max_size=8),
)
TARGETS = st.one_of(
    st.sampled_from([b"/", b"/metrics", b"/-/healthy", b"/-/ready", b"/style.css", b"*", b"//"]),
    st.sampled_from([b"http://[::1/x", b"http://x/metrics", b"/metrics?name[]=a&%ff;", b"x:1"]),
    st.binary(max_size=30).map(lambda target: b"/" + target),
    st.integers(0, 20_000).map(lambda length: b"/" + b"a" * length),
)
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/x", b""])
ENDS = st.sampled_from([b"\r\n", b"\n", b"\r", b"\r\n\r\n", b""])
NAMES = st.sampled_from(
    [
        b"Host",
        b"Accept",
        b"Accept-Encoding",
        b"Authorization",
        b"Connection",
        b"Content-Length",
        b"Expect",
        b"Transfer-Encoding",
        b"Upgrade",
        b"User-Agent",
        b" folded",
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            b"x",
            b"gzip;q=0",
            b"gzip;q=x",
            b"chunked",
            b"100-continue",
            b"close",
            b"h2c",
            b"-1",
            b"5",
            b"Basic eA==",
            b"application/openmetrics-text;version=1.0.0;escaping=x",
            b"application/openmetrics-text;version=x",
            b"text/plain;version=9.9.9",
        ]
    ),
    st.binary(max_size=30),
)
HEADERS = st.lists(
    st.builds(lambda name, value, end: name + b": " + value + end, NAMES, VALUES, ENDS), max_size=5
)


def _whole(method: bytes, target: bytes, headers: list[bytes], body: bytes) -> bytes:
    lines = [method + b" " + target + b" HTTP/1.1\r\nHost: x\r\n", *headers, b"\r\n", body]
    return b"".join(lines)


REQUESTS = st.one_of(
    st.builds(_whole, TOKENS, TARGETS, HEADERS, st.binary(max_size=10)),
    st.builds(
        lambda method, target, version, end, headers: (
            method + b" " + target + b" " + version + end + b"".join(headers) + end
        ),
        TOKENS,
        TARGETS,
        VERSIONS,
        ENDS,
        HEADERS,
    ),
    st.binary(max_size=200),
)


class Heard(logging.Handler):
    """Everything that is logged, at every level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)


@pytest.fixture(scope="module")
def heard() -> Iterator[Heard]:
    """Listen to our log, in which nothing is left out."""
    heard = Heard()
    logger = logging.getLogger("sanctum_exporter")
    logger.addHandler(heard)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs.Ration, "take", lambda _: 0)
        yield heard
    logger.removeHandler(heard)


@pytest.fixture(scope="module")
def server() -> Iterator[WebServer]:
    """Serve a site with nothing on it."""
    server = WebServer(ListenAddress("127.0.0.1", 0), site())
    yield server
    server.close()


@given(said=REQUESTS, cuts=st.lists(st.integers(0, 300), max_size=4))
def test_any_bytes_are_answered_in_http_or_not_at_all(
    server: WebServer, heard: Heard, said: bytes, cuts: list[int]
) -> None:
    """A status line or the end of the connection, no fault, and the next one is served."""
    logging.getLogger("sanctum_exporter").setLevel(logging.DEBUG)
    places = sorted(min(cut, len(said)) for cut in cuts)
    answer = _say(server, [said[a:b] for a, b in pairwise([0, *places, len(said)])])
    if answer:
        status = re.match(rb"HTTP/1\.1 (200|400|404|405|431) [ -~]+\r\n", answer)
        assert status is not None, answer
        assert answer.count(b"\r\n\r\n") >= 1
    assert ask(f"{server.url}/-/healthy")[::2] == (200, b"healthy\n")
    for record in heard.records:
        assert record.levelno == logging.DEBUG
        assert record.exc_info is None
        assert record.getMessage().isprintable()
    heard.records.clear()


def _say(server: WebServer, parts: list[bytes]) -> bytes:
    """Send bytes in parts, and return what comes back until the end."""
    heard = b""
    with socket.create_connection(server.address, timeout=20) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        try:
            for part in parts:
                client.sendall(part)
            client.shutdown(socket.SHUT_WR)
            while data := client.recv(65536):
                heard += data
        except ConnectionError:
            # The server has had enough before the client has.
            pass
    return heard
