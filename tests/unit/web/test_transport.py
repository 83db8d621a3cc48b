"""The server's connections: slow clients, too many of them, TLS, and what the log hears of it."""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import trustme

from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.gateway import Environ, WSGIApplication
from sanctum_exporter.web.server import Access, WebServer
from sanctum_exporter.web.transport import Limits
from tests.asking import ask
from tests.sites import site
from tests.waiting import eventually

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@contextmanager
def serving(
    limits: Limits | None = None,
    page: Callable[[], str] = lambda: "page",
    access: Access | None = None,
    host: str = "127.0.0.1",
) -> Iterator[WebServer]:
    """Serve a page inside the block."""
    server = WebServer(ListenAddress(host, 0), site(page), access, limits=limits or Limits())
    try:
        yield server
    finally:
        server.close()


class Client:
    """A client that speaks in bytes."""

    def __init__(self, server: WebServer, *, buffer_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        if buffer_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.settimeout(20)
        self.socket.connect(server.address)

    def __enter__(self) -> Client:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Go."""
        self.socket.close()

    def say(self, text: bytes) -> Client:
        """Send bytes."""
        self.socket.sendall(text)
        return self

    def hear(self) -> bytes:
        """Return all that comes until the server ends the connection."""
        heard = b""
        try:
            while data := self.socket.recv(65536):
                heard += data
        except ConnectionResetError:
            pass
        return heard

    def is_heard(self, text: bytes) -> bool:
        """Send bytes; returns whether the server still listens."""
        try:
            self.socket.send(text)
            self.socket.setblocking(False)
            return self.socket.recv(1) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False


@pytest.mark.parametrize("said", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_who_does_not_ask_in_time_is_gone(said: bytes) -> None:
    """Whoever connects and does not ask loses the connection, and hears nothing."""
    with serving(Limits(head_seconds=0.1)) as server, Client(server) as client:
        assert client.say(said).hear() == b""


def test_no_byte_prolongs_the_time_for_a_request() -> None:
    """The deadline is one for the whole request, however steadily it comes."""
    with serving(Limits(head_seconds=0.3)) as server, Client(server) as client:
        client.say(b"GET / HTTP/1.1\r\nX: ")
        eventually(lambda: not client.is_heard(b"x"))


def test_who_does_not_take_the_answer_in_time_is_gone() -> None:
    """An answer has a deadline of its own, and its memory is free after it."""
    pages = Pages(20_000_000, 4)
    with serving(Limits(answer_seconds=0.1), pages) as server:
        with Client(server, buffer_bytes=1) as client:
            client.say(REQUEST)
            eventually(lambda: pages.made == 1 and not open_connections(server))
        assert ask(server.url).status == 200


def open_connections(server: WebServer) -> int:
    """Return how many connections a server holds."""
    return len(server._transport._open)  # noqa: SLF001 - nobody else has to know


def waiting_for_a_turn(server: WebServer) -> int:
    """Return how many whole requests are not being answered yet."""
    return len(server._transport._others._waiting)  # noqa: SLF001 - as above


def test_slow_clients_never_keep_a_scraper_out() -> None:
    """Where there is no more room, who has waited longest without a request makes it."""
    with serving(Limits(connections=5, head_seconds=60)) as server, ExitStack() as clients:
        slow = [clients.enter_context(Client(server).say(b"GET ")) for _ in range(5)]
        eventually(lambda: open_connections(server) == 5)
        assert ask(server.url).status == 200
        eventually(lambda: not slow[0].is_heard(b""))
        assert all(client.is_heard(b"/") for client in slow[1:])


class Pages:
    """Pages of given sizes, one after the other; the last again and again."""

    def __init__(self, *sizes: int) -> None:
        self.made = 0
        self._sizes = sizes
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """Return the next one."""
        with self._lock:
            self.made += 1
            return "x" * self._sizes[min(self.made, len(self._sizes)) - 1]


def test_slow_readers_never_keep_a_scraper_out() -> None:
    """They hold no thread, and make room as those do who have not asked."""
    pages = Pages(*[10_000_000] * 5, 4)
    limits = Limits(connections=5, answers=1, answer_seconds=60)
    with serving(limits, pages) as server, ExitStack() as clients:
        for _ in range(5):
            clients.enter_context(Client(server, buffer_bytes=1).say(REQUEST))
        eventually(lambda: pages.made == 5 and open_connections(server) == 5)
        assert ask(server.url).body == b"xxxx"


def test_answers_on_their_way_take_bounded_memory() -> None:
    """Of more, the one goes that has been on its way for longest; the last is never cut off."""
    pages = Pages(*[5_000_000] * 3, 20_000_000)
    limits = Limits(answer_bytes=9_000_000, answer_seconds=60)
    with serving(limits, pages) as server, ExitStack() as clients:
        for _ in range(3):
            clients.enter_context(Client(server, buffer_bytes=1).say(REQUEST))
        eventually(lambda: pages.made == 3 and open_connections(server) <= 2)
        assert len(ask(server.url).body) == 20_000_000


class Blocked:
    """A page that is not made until a test lets it."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.go_on = threading.Event()

    def __call__(self) -> str:
        """Wait, and return it."""
        self.asked.release()
        assert self.go_on.wait(20)
        return "page"


def test_probes_are_answered_whatever_else_goes_on() -> None:
    """Health and readiness have threads of their own."""
    page = Blocked()
    with serving(Limits(answers=2), page) as server, ExitStack() as clients:
        waiting = [clients.enter_context(Client(server).say(REQUEST)) for _ in range(10)]
        for _ in range(2):
            assert page.asked.acquire(timeout=20)
        assert ask(f"{server.url}/-/healthy").body == b"healthy\n"
        assert ask(f"{server.url}/-/ready").body == b"ready\n"
        assert not page.asked.acquire(blocking=False)
        page.go_on.set()
        assert all(client.hear().endswith(b"page") for client in waiting)


def test_who_waits_too_long_for_a_turn_is_told_to_come_again() -> None:
    """Nobody makes a page for a client that has given up, so none piles up."""
    page = Blocked()
    limits = Limits(answers=1, turn_seconds=0)
    with serving(limits, page) as server, Client(server) as first, Client(server) as second:
        # Its turn comes in no time at all only if that is allowed to pass.
        heard = [client.say(REQUEST).hear() for client in (first, second)]
        page.go_on.set()
    for answer in heard:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"Retry-After: 5" in head.split(b"\r\n")
        assert body == b"too many requests at once\n"


def test_where_everybody_waits_for_a_turn_the_last_is_turned_away() -> None:
    """A new connection gets in all the same: it may be a probe."""
    page = Blocked()
    limits = Limits(connections=4, answers=1)
    with serving(limits, page) as server, ExitStack() as clients:
        first = [clients.enter_context(Client(server).say(REQUEST)) for _ in range(3)]
        # One is being answered. Who is connected and has not been heard yet would go unanswered.
        eventually(lambda: waiting_for_a_turn(server) == 2)
        last = clients.enter_context(Client(server).say(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"))
        eventually(lambda: waiting_for_a_turn(server) == 3)
        assert open_connections(server) == 4
        assert ask(f"{server.url}/-/healthy").status == 200
        assert last.hear().startswith(b"HTTP/1.1 503 ")
        page.go_on.set()
        assert all(client.hear().endswith(b"page") for client in first)


def test_closing_waits_for_what_is_being_answered_and_for_nobody_else() -> None:
    """Silent clients are gone at once; a page that is being made arrives."""
    page = Blocked()
    with serving(page=page) as server, Client(server) as silent, Client(server) as asking:
        asking.say(REQUEST)
        assert page.asked.acquire(timeout=20)
        closing = threading.Thread(target=server.close)
        closing.start()
        assert silent.hear() == b""
        page.go_on.set()
        assert asking.hear().endswith(b"page")
        closing.join()


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET http://[::1/x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET /\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: \x1b[2J\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, 431),
        (b"GET /" + b"x" * 20_000, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000, 405),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n", 200),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: text/plain;version=x\r\n\r\n", 200),
    ],
)
def test_every_request_has_an_answer_of_a_line_and_none_is_in_the_log(
    said: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What is not a request is told so, even before all of it is there."""
    caplog.set_level(logging.INFO)
    with serving() as server, Client(server) as client:
        client.say(said)
        client.socket.shutdown(socket.SHUT_WR)
        head, _, body = client.hear().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    if status >= 400:
        assert body.count(b"\n") == 1
    assert caplog.records == []


def test_what_clients_do_cannot_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever looks for a fault sees what is asked for, without its escapes and without end."""
    caplog.set_level(logging.DEBUG)
    with serving() as server:
        for _ in range(70):
            with Client(server) as client:
                assert client.say(b"G\x1b[2J /\x07 HTTP/1.1\r\n\r\n").hear()
    assert 10 <= len(caplog.records) <= 60
    text = "".join(record.getMessage() for record in caplog.records)
    assert "sent no request" in text
    assert text.isprintable()
    assert all(record.exc_info is None for record in caplog.records)


@pytest.mark.parametrize("host", ["", "::"])
def test_without_a_host_both_families_are_listened_on(host: str) -> None:
    """Clients are known by the same address however they come, and the log says how wide it is."""
    seen: list[str] = []

    class Watch:
        def context(self) -> None:
            return None

        def guard(self, app: WSGIApplication) -> WSGIApplication:
            def watched(environ: Environ, start_response: Any) -> Any:
                seen.append(environ["REMOTE_ADDR"])
                return app(environ, start_response)

            return watched

    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6: enable it in the kernel")
    with serving(access=Watch(), host=host) as server:
        port = server.address.port
        for url in (f"http://127.0.0.1:{port}", f"http://[::1]:{port}", server.url):
            assert ask(f"{url}/-/healthy").status == 200
        assert server.place == f"{server.url}/metrics on every interface"
    assert seen[:2] == ["127.0.0.1", "::1"]


def test_one_host_is_not_every_interface() -> None:
    """An address of one family is that of no other, and the log says no more than it is."""
    with serving(host="127.0.0.1") as server:
        assert server.place == f"http://127.0.0.1:{server.address.port}/metrics"
        assert ask(f"http://[::1]:{server.address.port}/-/healthy").status == 0


class Tls:
    """TLS with a certificate that a test changes."""

    def __init__(self, authority: trustme.CA) -> None:
        self.seen: list[dict[str, Any] | None] = []
        self._authority = authority
        self.change()

    def change(self) -> None:
        """Take a new certificate."""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.verify_mode = ssl.CERT_OPTIONAL
        self._authority.configure_trust(self._context)
        self._authority.issue_cert("127.0.0.1").configure_cert(self._context)

    def context(self) -> ssl.SSLContext:
        """Return the settings."""
        return self._context

    def guard(self, app: WSGIApplication) -> WSGIApplication:
        """Note who asks."""

        def guarded(environ: Environ, start_response: Any) -> Any:
            assert environ["wsgi.url_scheme"] == "https"
            self.seen.append(environ["sanctum.peer_certificate"])
            return app(environ, start_response)

        return guarded


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return who signs certificates."""
    return trustme.CA()


def ask_by_tls(server: WebServer, context: ssl.SSLContext) -> tuple[int, bytes, object]:
    """Return status, body and the number of the server's certificate."""
    host, port = server.address
    connection = http.client.HTTPSConnection(host, port, context=context, timeout=20)
    connection.connect()
    connection.request("GET", "/")
    assert isinstance(connection.sock, ssl.SSLSocket)
    certificate = connection.sock.getpeercert()
    assert certificate is not None
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body, certificate["serialNumber"]


def test_tls_tells_who_asks_and_a_new_certificate_works_at_once(authority: trustme.CA) -> None:
    """Large answers arrive whole; a client's own certificate reaches the application."""
    tls = Tls(authority)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with serving(page=lambda: "x" * 5_000_000, access=tls) as server:
        assert server.url.startswith("https://127.0.0.1:")
        status, body, before = ask_by_tls(server, context)
        assert (status, len(body)) == (200, 5_000_000)
        tls.change()
        authority.issue_cert("scraper@example.org").configure_cert(context)
        assert ask_by_tls(server, context)[2] != before
    assert tls.seen[0] is None
    assert tls.seen[1] is not None
    assert tls.seen[1]["subjectAltName"] == (("email", "scraper@example.org"),)


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01", REQUEST])
def test_half_a_handshake_costs_a_scraper_nothing(said: bytes, authority: trustme.CA) -> None:
    """It counts against the time for the request, and nobody waits for it."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    limits = Limits(connections=5, answers=1, head_seconds=60)
    with serving(limits, access=Tls(authority)) as server, ExitStack() as clients:
        for _ in range(8):
            clients.enter_context(Client(server).say(said))
        assert ask_by_tls(server, context)[:2] == (200, b"page")
    with serving(Limits(head_seconds=0.1), access=Tls(authority)) as server, ExitStack() as clients:
        assert b"HTTP" not in clients.enter_context(Client(server)).say(said).hear()
