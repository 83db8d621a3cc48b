"""What is answered: a small WSGI application, which needs no socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, TypeAlias
from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry, make_wsgi_app

from sanctum_exporter import logs
from sanctum_exporter.web.address import DEFAULT_TELEMETRY_PATH
from sanctum_exporter.web.content import Content, Page, compress
from sanctum_exporter.web.gateway import Environ, Response, StartResponse, call
from sanctum_exporter.web.negotiation import accepts_gzip, known_formats
from sanctum_exporter.web.scrapers import Scrapers

HEALTHY: Final = "/-/healthy"
READY: Final = "/-/ready"
PROBES: Final = (HEALTHY, READY)

_FAULTS_A_MINUTE: Final = 5
_METHODS: Final = ("GET", "HEAD")
_NOT_MODIFIED: Final = "304 Not Modified"
_PLAIN: Final = "text/plain; charset=utf-8"
# The page has one stylesheet, one script and an icon, which asks for documents; all are ours.
_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Vary": "Accept, Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}

Headers: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Site:
    """What a server answers with.

    Attributes:
        registry: the metrics.
        not_ready: says why the exporter does not do its job, None while it does.
        pages: what else there is, by path.
        telemetry_path: where the metrics are.
    """

    registry: CollectorRegistry
    not_ready: Callable[[], str | None]
    pages: Mapping[str, Page] = field(default_factory=dict)
    telemetry_path: str = DEFAULT_TELEMETRY_PATH


class Application:
    """Answers GET and HEAD for the paths of a site; for any thread.

    Args:
        site: what to answer with.
        scrapers: is told of every scrape whose answer has been sent.
    """

    def __init__(self, site: Site, scrapers: Scrapers) -> None:
        self._site = site
        self._scrapers = scrapers
        # It knows nothing of weights, and packs as small as it can: three times as slow.
        self._metrics = make_wsgi_app(site.registry, disable_compression=True)
        self._faults = logs.Ration(_FAULTS_A_MINUTE)

    def __call__(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        """Answer a request; the server's ``sanctum.when_sent`` takes what to do once it is sent."""
        response = self._respond(environ)
        headers = _HEADERS | dict(response.headers)
        body = response.body
        if body and "Content-Encoding" not in headers and _accepts_gzip(environ):
            body = compress(body)
            headers["Content-Encoding"] = "gzip"
        if response.status != _NOT_MODIFIED:
            headers["Content-Length"] = str(len(body))
        start_response(response.status, list(headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _respond(self, environ: Environ) -> Response:
        if environ["REQUEST_METHOD"] not in _METHODS:
            allowed = ("Allow", ", ".join(_METHODS))
            return _text(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n", allowed)
        path = environ["PATH_INFO"]
        try:
            return self._page(path, environ)
        except Exception:  # noqa: BLE001 - a scrape that fails must not end the server
            logs.error("%s could not be answered", path, exc_info=True, ration=self._faults)
            return _text(HTTPStatus.INTERNAL_SERVER_ERROR, "failed; the log says why\n")

    def _page(self, path: str, environ: Environ) -> Response:
        site = self._site
        if path == site.telemetry_path:
            return self._scrape(environ)
        if path == HEALTHY:
            return _text(HTTPStatus.OK, "healthy\n")
        if path == READY:
            return self._readiness()
        page = site.pages.get(path)
        if page is not None:
            return _kept(page(parse_qs(environ["QUERY_STRING"])), environ)
        return _text(HTTPStatus.NOT_FOUND, f"not found; metrics are at {site.telemetry_path}\n")

    def _readiness(self) -> Response:
        reason = self._site.not_ready()
        if reason is None:
            return _text(HTTPStatus.OK, "ready\n")
        return _text(HTTPStatus.SERVICE_UNAVAILABLE, f"not ready: {reason}\n")

    def _scrape(self, environ: Environ) -> Response:
        came_at = self._scrapers.clock()
        formats = known_formats(environ.get("HTTP_ACCEPT", ""))
        asked = {**environ, "REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_ACCEPT": formats}
        response = call(self._metrics, asked)
        if environ["REQUEST_METHOD"] == "GET":
            # One machine may have several programs that scrape, and people who look.
            who = (environ["REMOTE_ADDR"], environ.get("HTTP_USER_AGENT"))
            environ["sanctum.when_sent"](lambda: self._scrapers.note(who, came_at))
        return response


def _text(status: HTTPStatus, text: str, *headers: tuple[str, str]) -> Response:
    return Response(
        f"{status.value} {status.phrase}", [("Content-Type", _PLAIN), *headers], text.encode()
    )


def _kept(content: Content, environ: Environ) -> Response:
    """Return a page, or that the client has it already."""
    headers = []
    if content.max_age:
        headers.append(("Cache-Control", f"max-age={content.max_age}"))
    if content.etag is not None:
        headers.append(("ETag", content.etag))
        if content.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            return Response(_NOT_MODIFIED, headers, b"")
    headers.append(("Content-Type", content.content_type))
    body = content.body
    if content.gzipped is not None and _accepts_gzip(environ):
        headers.append(("Content-Encoding", "gzip"))
        body = content.gzipped
    return Response(f"{content.status.value} {content.status.phrase}", headers, body)


def _accepts_gzip(environ: Environ) -> bool:
    return accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
