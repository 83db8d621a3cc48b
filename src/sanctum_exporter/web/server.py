"""The HTTP server: a handle with a ``url`` and ``close()``, and the answers it gives."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import BoundedSemaphore, Thread
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder, gzip_accepted

from sanctum_exporter._version import __version__
from sanctum_exporter.web.address import ListenAddress

_log = logging.getLogger(__name__)

_PLAIN: Final = "text/plain; charset=utf-8"
# As node_exporter's --web.max-requests: a scrape storm must not become a thread storm.
_MAX_REQUESTS: Final = 40
_REQUEST_TIMEOUT_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.1
_CLOSE_TIMEOUT_SECONDS: Final = 1.0


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
    telemetry_path: str = "/metrics"


class WebServer:
    """A server that listens as soon as it is made, and answers from its own threads.

    Args:
        address: where to listen; port 0 takes any free one.
        site: what to answer.

    Raises:
        OSError: if the address cannot be had; the message names it.
    """

    def __init__(self, address: ListenAddress, site: Site) -> None:
        try:
            self._server = _Server(address, site)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OSError(error.errno, f"cannot listen on {address}: {reason}") from error
        self.address = ListenAddress(address.host, self._server.server_address[1])
        self._thread = Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": _POLL_SECONDS},
            name="sanctum-exporter-web",
            daemon=True,
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The URL of the page, without a slash at its end."""
        return self.address.url

    def close(self) -> None:
        """Stop listening and give the port back; safe to call again."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_CLOSE_TIMEOUT_SECONDS)


# ThreadingHTTPServer would look up the name of the address in the DNS, which can hang for seconds.
class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: ListenAddress, site: Site) -> None:
        self.address_family = address.family
        self.site = site
        self._slots = BoundedSemaphore(_MAX_REQUESTS)
        super().__init__((address.host, address.port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        request.sendall(b"HTTP/1.0 503 Service Unavailable\r\n\r\ntoo many requests at once\n")
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("request from %s failed", client_address, exc_info=True)


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
            _log.exception("%s could not be answered", self.path)
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, "failed; the log says why\n")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self) -> None:
        site = self.server.site
        path, query = urlsplit(self.path)[2:4]
        if path == site.telemetry_path:
            self._send_metrics(parse_qs(query).get("name[]", []))
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
        if gzip_accepted(self.headers.get("Accept-Encoding", "")):
            content = gzip.compress(content, compresslevel=1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        _log.debug("%s %s", self.address_string(), format % args)
