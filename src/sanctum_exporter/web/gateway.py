"""From HTTP to WSGI and back: what a request is to an application, and an answer to a client.

The interface: https://peps.python.org/pep-3333/
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit
from wsgiref.handlers import format_date_time

import h11

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Callable[[bytes], object]]
WSGIApplication: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

_SERVER: Final = "sanctum-exporter"


class Response(NamedTuple):
    """What an application answers: ``200 OK``, the headers, and the whole body."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


class Client(NamedTuple):
    """Who asks, and how.

    Attributes:
        address: of the client's machine.
        scheme: ``http`` or ``https``.
        certificate: of the client, as ``ssl.SSLSocket.getpeercert()`` returns it; None without.
    """

    address: str
    scheme: str
    certificate: dict[str, Any] | None


def environ(request: h11.Request, client: Client, port: int) -> Environ:
    """Return what an application is called with.

    Raises:
        ValueError: if the target of the request is none that a server can answer for.
    """
    path, query = _split(request.target.decode("ascii"))
    variables: Environ = {
        "REQUEST_METHOD": request.method.decode("ascii"),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path, "iso-8859-1"),
        "QUERY_STRING": query,
        "REMOTE_ADDR": client.address,
        "SERVER_NAME": _SERVER,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{request.http_version.decode('ascii')}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": client.scheme,
        # Nothing that we answer has a use for a body, so none is read.
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "sanctum.peer_certificate": client.certificate,
    }
    for name, value in request.headers:
        # A name with "_" would be taken for the one with "-".
        if b"_" not in name and name not in _OF_THE_BODY:
            key = f"HTTP_{name.decode('ascii').upper().replace('-', '_')}"
            text = value.decode("iso-8859-1")
            variables[key] = f"{variables[key]},{text}" if key in variables else text
    return variables


def call(app: WSGIApplication, variables: Environ) -> Response:
    """Return the whole answer of an application.

    Raises:
        RuntimeError: if it has none.
    """
    started: list[Any] = []
    body = BytesIO()

    def start_response(
        status: str, headers: list[tuple[str, str]], _exc_info: object = None
    ) -> Callable[[bytes], object]:
        started[:] = status, headers
        return body.write

    chunks = app(variables, start_response)
    try:
        body.writelines(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    if not started:
        raise RuntimeError("the application did not call start_response")
    status, headers = started
    return Response(status, headers, body.getvalue())


def refusal(status: HTTPStatus, text: str, *headers: tuple[str, str]) -> Response:
    """Return the answer of a server whose application is not asked: a line of plain text."""
    content = f"{text}\n".encode()
    return Response(
        f"{status.value} {status.phrase}",
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("X-Content-Type-Options", "nosniff"),
            ("Content-Length", str(len(content))),
            *headers,
        ],
        content,
    )


def encode(http: h11.Connection, response: Response, now: float, *, with_body: bool) -> bytes:
    """Return the bytes of the one answer on a connection; ``now`` is Unix time.

    Raises:
        ValueError: if status or headers are not to be written as HTTP.
        h11.LocalProtocolError: as well.
    """
    code, _, reason = response.status.partition(" ")
    headers = [
        ("Date", format_date_time(now)),
        ("Server", _SERVER),
        ("Connection", "close"),
        *response.headers,
    ]
    head = h11.Response(status_code=int(code), reason=reason.encode("ascii"), headers=headers)
    parts = [http.send(head)]
    if with_body:
        parts.append(http.send(h11.Data(response.body)))
        parts.append(http.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)


_OF_THE_BODY: Final = (b"content-length", b"content-type", b"transfer-encoding")


def _split(target: str) -> tuple[str, str]:
    """Return path and query of a target, which a proxy may ask for by its whole URL."""
    if target.startswith("/"):
        path, _, query = target.partition("?")
        return path, query
    url = urlsplit(target)
    if url.scheme not in {"http", "https"} or not url.netloc:
        raise ValueError(f"{target!r} is not a path")
    return url.path or "/", url.query
