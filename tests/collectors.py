"""OTLP collectors that keep what they get, and ones that behave as badly as collectors can."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint

Series = tuple[str, frozenset[tuple[str, str]]]
"""Instrument name and attributes."""
Values = dict[Series, float]
Answer = Callable[[BaseHTTPRequestHandler], None]

DEADLINE_SECONDS = 20.0


class Inbox:
    """The requests that a collector got, each with its headers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._received: list[tuple[ExportMetricsServiceRequest, dict[str, str]]] = []

    def put(self, request: ExportMetricsServiceRequest, headers: dict[str, str]) -> None:
        """Keep a request."""
        with self._changed:
            self._received.append((request, headers))
            self._changed.notify_all()

    def wait(self, count: int) -> list[tuple[ExportMetricsServiceRequest, dict[str, str]]]:
        """Return all requests as soon as there are so many of them."""
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: len(self._received) >= count, timeout=DEADLINE_SECONDS
            )
            assert arrived, f"{len(self._received)} of {count} requests came"
            return list(self._received)

    @property
    def last(self) -> ExportMetricsServiceRequest:
        """The newest request."""
        return self.wait(1)[-1][0]


def values(request: ExportMetricsServiceRequest) -> Values:
    """Return the values that a request carries."""
    found: Values = {}
    for series, point in _points(request):
        field = point.WhichOneof("value")
        assert field is not None, f"a point of {series} has no value"
        found[series] = getattr(point, field)
    return found


def start_times(request: ExportMetricsServiceRequest) -> dict[Series, int]:
    """Return when each series began that has a beginning, in nanoseconds since the epoch."""
    return {
        series: point.start_time_unix_nano
        for series, point in _points(request)
        if point.start_time_unix_nano
    }


def _points(request: ExportMetricsServiceRequest) -> Iterator[tuple[Series, NumberDataPoint]]:
    for metric in (
        metric
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ):
        data = metric.sum if metric.HasField("sum") else metric.gauge
        for point in data.data_points:
            attributes = frozenset((a.key, a.value.string_value) for a in point.attributes)
            yield (metric.name, attributes), point


def resource(request: ExportMetricsServiceRequest) -> dict[str, Any]:
    """Return the attributes of a request's resource."""
    return {
        attribute.key: getattr(attribute.value, attribute.value.WhichOneof("value") or "")
        for attribute in request.resource_metrics[0].resource.attributes
    }


def accept(handler: BaseHTTPRequestHandler) -> None:
    """Answer as a collector does."""
    body = ExportMetricsServiceResponse().SerializeToString()
    handler.send_response(200)
    handler.send_header("Content-Type", "application/x-protobuf")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Return a way to answer; underscores in the names of headers stand for hyphens."""

    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return respond


def answer_without_end(handler: BaseHTTPRequestHandler) -> None:
    """Send an answer for as long as anybody reads."""
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b"\0" * 65536)


class HttpCollector:
    """A collector for OTLP over HTTP.

    Args:
        respond: how it answers; can be changed later.
        port: where it listens; 0 for any free port.
        tls: makes it speak TLS.
    """

    def __init__(
        self, respond: Answer = accept, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.inbox = Inbox()
        self.respond = respond
        self._connections: list[socket.socket] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = ExportMetricsServiceRequest.FromString(body)
                headers = {name.lower(): value for name, value in self.headers.items()}
                collector.inbox.put(request, {**headers, ":path": self.path})
                collector.respond(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
                pass

        class Server(ThreadingHTTPServer):
            def process_request(self, request: Any, client_address: Any) -> None:
                collector._connections.append(request)
                super().process_request(request, client_address)

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        if tls:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def connections(self) -> int:
        """How many connections there have been."""
        return len(self._connections)

    def close(self) -> None:
        """Stop listening and break off what is under way."""
        self._server.shutdown()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> HttpCollector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class GrpcCollector:
    """A collector for OTLP over gRPC: grpcio's server with the official service.

    Args:
        port: where it listens; 0 for any free port.
        credentials: makes it speak TLS.
        fail: gRPC status to answer with.
    """

    def __init__(
        self,
        port: int = 0,
        credentials: grpc.ServerCredentials | None = None,
        fail: grpc.StatusCode | None = None,
    ) -> None:
        self.inbox = Inbox()
        inbox = self.inbox

        class Service(MetricsServiceServicer):
            def Export(self, request: Any, context: Any) -> ExportMetricsServiceResponse:  # noqa: N802
                inbox.put(request, dict(context.invocation_metadata()))
                if fail is not None:
                    context.abort(fail, "as the test wants it")
                return ExportMetricsServiceResponse()

        self._server = grpc.server(ThreadPoolExecutor(max_workers=2))
        add_MetricsServiceServicer_to_server(  # type: ignore[no-untyped-call]  # generated code
            Service(), self._server
        )
        if credentials:
            self.port = self._server.add_secure_port(f"127.0.0.1:{port}", credentials)
        else:
            self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self.url = f"{'https' if credentials else 'http'}://localhost:{self.port}"
        self._server.start()

    def close(self) -> None:
        """Stop listening and break off what is under way."""
        self._server.stop(grace=None).wait()

    def __enter__(self) -> GrpcCollector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def raw_endpoint(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """Give the URL of a listener whose connections are in the hands of ``talk``."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve_one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            talk(connection, over)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def say_nothing(connection: socket.socket, over: threading.Event) -> None:
    """Take whatever comes and never answer."""
    connection.recv(65536)
    over.wait()


def say_garbage(connection: socket.socket, _: threading.Event) -> None:
    """Answer with what is neither HTTP nor gRPC."""
    connection.recv(65536)
    connection.sendall(b"\x00\xff garbage \r\n\r\n")


def say_it_slowly(connection: socket.socket, over: threading.Event) -> None:
    """Answer a byte at a time, without an end: no single read ever times out."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not over.wait(0.2):
        connection.sendall(b"z")


def refusing_url() -> str:
    """Return a URL where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
