"""The application that stands before another one and says who may see it."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from threading import Lock
from typing import Any, Final, NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from sanctum_exporter import logs
from sanctum_exporter.web.access import tls
from sanctum_exporter.web.access.configuration import RateLimit
from sanctum_exporter.web.access.passwords import Credentials, Passwords, Verdict
from sanctum_exporter.web.access.policy import Policy
from sanctum_exporter.web.access.throttle import TokenBucket

_HEALTH_PATHS: Final = frozenset({"/-/healthy", "/-/ready"})
_LOG_INTERVAL_SECONDS: Final = 60.0
_Headers = list[tuple[str, str]]


class _Refusal(NamedTuple):
    status: HTTPStatus
    text: str
    headers: tuple[tuple[str, str], ...] = ()


_NO_PASSWORD: Final = _Refusal(
    HTTPStatus.UNAUTHORIZED,
    "give a user and the right password",
    (("WWW-Authenticate", 'Basic realm="sanctum-exporter", charset="UTF-8"'),),
)
_SOON: Final = (("Retry-After", "1"),)
_TOO_MANY_WRONG: Final = _Refusal(
    HTTPStatus.TOO_MANY_REQUESTS, "too many wrong passwords; try again in a second", _SOON
)
_TOO_MANY: Final = _Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests", _SOON)
_NO_CERTIFICATE: Final = _Refusal(HTTPStatus.FORBIDDEN, "give a client's certificate")
_NOT_ALLOWED: Final = _Refusal(
    HTTPStatus.FORBIDDEN, "none of the names in your certificate is allowed"
)


class Guard:
    """A WSGI application that lets those through to another one who may see it.

    It needs two things in the environment that WSGI does not have: ``REMOTE_ADDR`` is the
    client's address, ``sanctum.peer_certificate`` what ``getpeercert()`` says of it.

    Args:
        application: what is guarded.
        policy: returns the version of the file that is in force.
        protect_health: let nobody through to the pages for probes unasked.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        application: WSGIApplication,
        policy: Callable[[], Policy],
        *,
        protect_health: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._application = application
        self._policy = policy
        self._open_paths = frozenset[str]() if protect_health else _HEALTH_PATHS
        self._clock = clock
        self._passwords = Passwords(clock)
        self._limit = _Limit(clock)
        self._wrong = _Wrong(clock)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        policy = self._policy()
        start = _with_headers(policy, start_response)
        refusal = self._refusal(policy, environ)
        if refusal is None:
            return self._application(environ, start)
        content = f"{refusal.text}\n".encode()
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(content))),
            *refusal.headers,
        ]
        start(f"{refusal.status.value} {refusal.status.phrase}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else content]

    def _refusal(self, policy: Policy, environ: WSGIEnvironment) -> _Refusal | None:
        if environ["PATH_INFO"] in self._open_paths:
            return None
        if not self._limit.lets_through(policy.rate_limit):
            return _TOO_MANY
        return _by_certificate(policy, environ) or self._by_password(policy, environ)

    def _by_password(self, policy: Policy, environ: WSGIEnvironment) -> _Refusal | None:
        if not policy.users:
            return None
        credentials = _credentials(environ.get("HTTP_AUTHORIZATION", ""))
        if credentials is None:
            return _NO_PASSWORD
        client = environ["REMOTE_ADDR"]
        verdict = self._passwords.check(policy.users, client, credentials)
        if verdict is Verdict.RIGHT:
            return None
        self._wrong.note(client)
        return _NO_PASSWORD if verdict is Verdict.WRONG else _TOO_MANY_WRONG


def _by_certificate(policy: Policy, environ: WSGIEnvironment) -> _Refusal | None:
    certificate = environ.get("sanctum.peer_certificate")
    if not certificate:
        return _NO_CERTIFICATE if policy.asks_for_certificate else None
    if policy.allowed_names and policy.allowed_names.isdisjoint(tls.names(certificate)):
        return _NOT_ALLOWED
    return None


class _Limit:
    """The bucket of the rate limit that is in force."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._limit = RateLimit()
        self._bucket: TokenBucket | None = None

    def lets_through(self, limit: RateLimit) -> bool:
        with self._lock:
            if limit != self._limit:
                self._limit = limit
                seconds = limit.interval_seconds
                self._bucket = TokenBucket(seconds, limit.burst, self._clock) if seconds else None
            bucket = self._bucket
        return bucket is None or bucket.take()


class _Wrong:
    """Says in the log, at a bounded rate, that somebody does not know a password."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._count = 0
        self._logged_at = float("-inf")

    def note(self, client: str) -> None:
        with self._lock:
            self._count += 1
            now = self._clock()
            if now - self._logged_at < _LOG_INTERVAL_SECONDS:
                return
            self._logged_at = now
            count, self._count = self._count, 0
        logs.warning(
            "%d requests with a wrong password since the last such line, the newest from %s",
            count,
            client,
        )


def _credentials(authorization: str) -> Credentials | None:
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(text.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return Credentials(user, password) if colon else None


def _with_headers(policy: Policy, start_response: StartResponse) -> StartResponse:
    """Return what starts an answer with the headers of the file in place of others."""
    if not policy.headers:
        return start_response
    taken = {name.lower() for name in policy.headers}

    def start(status: str, headers: _Headers, exc_info: Any = None) -> Any:
        kept = [each for each in headers if each[0].lower() not in taken]
        own = [(name, value) for name, value in policy.headers.items() if value]
        return start_response(status, kept + own, exc_info)

    return start
