"""The HTTP server: a handle with a ``url`` and ``close()``, and the answers it gives."""

from __future__ import annotations

import gzip
import math
import os
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from selectors import EVENT_READ, PollSelector
from socketserver import TCPServer
from threading import BoundedSemaphore, Event, Thread, current_thread
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from sanctum_exporter import logs
from sanctum_exporter._version import __version__
from sanctum_exporter.web.address import DEFAULT_TELEMETRY_PATH, ListenAddress
from sanctum_exporter.web.discovery import DiscoveryEntry
from sanctum_exporter.web.encoding import accepts_gzip
from sanctum_exporter.web.scrapers import Scrapers

_PLAIN: Final = "text/plain; charset=utf-8"
# As node_exporter's --web.max-requests: a scrape storm must not become a thread storm.
_MAX_REQUESTS: Final = 40
_REQUEST_TIMEOUT_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 0.5
# Three times at most, so that closing stays within two seconds.
_GRACE_SECONDS: Final = 0.6


@dataclass(frozen=True, slots=True)
class Site:
    """What a server answers with.

    Attributes:
        registry: the metrics.
        not_ready: says why the exporter does not do its job, None while it does.
        page: the HTML of ``/``.
        telemetry_path: where the metrics are.
    """

    registry: CollectorRegistry
    not_ready: Callable[[], str | None]
    page: Callable[[], str]
    telemetry_path: str = DEFAULT_TELEMETRY_PATH


class WebServer:
    """A server that listens as soon as it is made, and answers from its own threads.

    It belongs to the process that made it: a forked child lets go of its sockets.

    Args:
        address: where to listen; port 0 takes any free one.
        site: what to answer.

    Raises:
        OSError: if the address cannot be had; the message names it.
    """

    def __init__(self, address: ListenAddress, site: Site) -> None:
        self._server = _Server(address, site)
        self._entry: DiscoveryEntry | None = None
        # Known before it is bound, so that a fork in another thread cannot miss it.
        _servers.add(self)
        try:
            self._server.server_bind()
            self._server.server_activate()
            self.address = ListenAddress(address.host, self._server.server_address[1])
            self._server.start()
        except OSError as error:
            self.close()
            reason = error.strerror or str(error)
            raise OSError(error.errno, f"cannot listen on {address}: {reason}") from error
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The URL of the page, without a slash at its end."""
        return self.address.url

    def announce(self, path: Path, program: str) -> None:
        """Name this server in a file for Prometheus's discovery, until it is closed.

        Args:
            path: the file, as ``parse_sd_file`` returns it.
            program: what runs here.

        Raises:
            OSError: if it cannot be written; the message names it.
        """
        telemetry_path = self._server.site.telemetry_path
        self._entry = DiscoveryEntry(
            path, self.address, program=program, telemetry_path=telemetry_path
        )

    def wait_for_last_scrape(self, limit_seconds: float, say: Callable[[str], object]) -> None:
        """Wait until everybody who scrapes regularly has come once more; nobody does: no wait.

        Ctrl-C ends it, as ``KeyboardInterrupt``.

        Args:
            limit_seconds: how long at most; no scraper is given more than one of its intervals.
            say: is told that and how long it waits, if it does.
        """
        last = self._server.scrapers.last_scrapes(limit_seconds)
        seconds = math.ceil(last.seconds_left())
        if seconds > 0:
            say(f"waiting up to {seconds} s for the last scrape (Ctrl-C ends it)")
            last.wait()

    def close(self) -> None:
        """Stop listening, give the port back and end every thread; safe to call again.

        Requests that are being answered have a moment to finish. Takes two seconds at most.
        """
        if self in _servers:
            _servers.discard(self)
            # Before the port is free, at which the next one may write the same entry.
            if self._entry is not None:
                self._entry.remove()
            self._server.stop()

    def abandon(self) -> None:
        """Close this process's copies of the sockets, as a forked child must."""
        self._server.abandon()


_servers: Final[set[WebServer]] = set()


def _abandon_all() -> None:
    for server in tuple(_servers):
        server.abandon()
    _servers.clear()


os.register_at_fork(after_in_child=_abandon_all)


# ThreadingHTTPServer would look up the name of the address in the DNS, which can hang for seconds,
# and serve_forever() wakes up ten times a second and can only be stopped by waiting for it.
class _Server(TCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: ListenAddress, site: Site) -> None:
        self.address_family = address.family
        self.site = site
        self.scrapers = Scrapers()
        self._slots = BoundedSemaphore(_MAX_REQUESTS)
        self._requests: dict[Thread, Any] = {}
        self._stopping = Event()
        self._bell, self._ear = socket.socketpair()
        self._thread = Thread(target=self._serve, name="sanctum-exporter-web", daemon=True)
        super().__init__((address.host, address.port), _Handler, bind_and_activate=False)
        # A client can be gone between select and accept, which must not block then.
        self.socket.settimeout(0)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._bell.send(b"\0")
        if self._thread.ident is not None:
            self._thread.join(_GRACE_SECONDS)
        _join(self._requests, _GRACE_SECONDS)
        for request in tuple(self._requests.values()):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
        _join(self._requests, _GRACE_SECONDS)
        _release(self.socket, self._bell, self._ear)

    def abandon(self) -> None:
        _release(self.socket, self._bell, self._ear, *self._requests.values())

    def _serve(self) -> None:
        try:
            with PollSelector() as selector:
                selector.register(self.socket, EVENT_READ)
                ear = selector.register(self._ear, EVENT_READ)
                while ear not in (key for key, _ in selector.select()):
                    self.handle_request()
        except Exception:  # noqa: BLE001 - the thread's end is told in the log, not on stderr
            if not self._stopping.is_set():
                logs.error("no longer serving on %s", self.server_address, exc_info=True)

    def get_request(self) -> tuple[Any, Any]:
        try:
            return super().get_request()
        except BlockingIOError:
            raise
        except OSError:
            # Out of file descriptors, most likely: the client still waits, and select would spin.
            self._stopping.wait(_RETRY_SECONDS)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._slots.acquire(blocking=False):
            request.sendall(b"HTTP/1.0 503 Service Unavailable\r\n\r\ntoo many requests at once\n")
            self.shutdown_request(request)
            return
        thread = Thread(
            target=self._process_request,
            args=(request, client_address),
            name="sanctum-exporter-request",
            daemon=True,
        )
        self._requests[thread] = request
        try:
            thread.start()
        except RuntimeError:
            del self._requests[thread]
            self._slots.release()
            raise

    def _process_request(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:  # noqa: BLE001 - whatever a client does must not end in somebody's log
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
            del self._requests[current_thread()]
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        logs.debug("request from %s failed", client_address, exc_info=True)


def _join(threads: Iterable[Thread], timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    for thread in tuple(threads):
        if thread is not current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))


def _release(*sockets: socket.socket) -> None:
    # A file made of a socket keeps it open past its close(), so each gives up its descriptor.
    for owned in sockets:
        with suppress(OSError):
            os.close(owned.detach())


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = f"sanctum-exporter/{__version__}"
    sys_version = ""
    timeout = _REQUEST_TIMEOUT_SECONDS

    def do_GET(self) -> None:
        try:
            self._answer()
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - a scrape that fails must not end the server
            logs.error("%s could not be answered", self.path, exc_info=True)
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, "failed; the log says why\n")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self) -> None:
        site = self.server.site
        path, query = urlsplit(self.path)[2:4]
        if path == site.telemetry_path:
            came_at = self.server.scrapers.clock()
            self._send_metrics(parse_qs(query).get("name[]", []))
            if self.command == "GET":
                # One machine may have several programs that scrape, and people who look.
                who = (self.client_address[0], self.headers.get("User-Agent"))
                self.server.scrapers.note(who, came_at)
        elif path == "/-/healthy":
            self._send(HTTPStatus.OK, "healthy\n")
        elif path == "/-/ready":
            reason = site.not_ready()
            if reason is None:
                self._send(HTTPStatus.OK, "ready\n")
            else:
                self._send(HTTPStatus.SERVICE_UNAVAILABLE, f"not ready: {reason}\n")
        elif path == "/":
            self._send(HTTPStatus.OK, site.page(), "text/html; charset=utf-8")
        else:
            self._send(HTTPStatus.NOT_FOUND, f"not found; metrics are at {site.telemetry_path}\n")

    def _send_metrics(self, names: list[str]) -> None:
        registry = self.server.site.registry
        chosen = registry.restricted_registry(names) if names else registry
        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        self._send(HTTPStatus.OK, encode(chosen), content_type)

    def _send(self, status: HTTPStatus, body: str | bytes, content_type: str = _PLAIN) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Vary", "Accept, Accept-Encoding")
        if accepts_gzip(self.headers.get("Accept-Encoding", "")):
            content = gzip.compress(content, compresslevel=1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        logs.debug("%s %s", self.address_string(), format % args)
