"""The application that stands before another one and says who may see it."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from threading import Lock
from typing import Any, Final

from sanctum_exporter import logs
from sanctum_exporter.web.access import tls
from sanctum_exporter.web.access.configuration import RateLimit
from sanctum_exporter.web.access.passwords import Credentials, Passwords, Verdict
from sanctum_exporter.web.access.policy import Policy
from sanctum_exporter.web.access.throttle import TokenBucket
from sanctum_exporter.web.app import PROBES
from sanctum_exporter.web.gateway import Environ, Response, StartResponse, WSGIApplication, refusal

_SOON: Final = ("Retry-After", "1")
_NO_PASSWORD: Final = refusal(
    HTTPStatus.UNAUTHORIZED,
    "give a user and the right password",
    ("WWW-Authenticate", 'Basic realm="sanctum-exporter", charset="UTF-8"'),
)
_TOO_MANY_UNKNOWN: Final = refusal(
    HTTPStatus.TOO_MANY_REQUESTS, "too many unknown passwords at once; try again in a second", _SOON
)
_TOO_MANY: Final = refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests", _SOON)
_NO_CERTIFICATE: Final = refusal(HTTPStatus.FORBIDDEN, "give a client's certificate")
_NOT_ALLOWED: Final = refusal(
    HTTPStatus.FORBIDDEN, "none of the names in your certificate is allowed"
)


class Guard:
    """A WSGI application that lets those through to another one who may see it.

    Args:
        app: what is guarded.
        policy: returns the version of the file that is in force.
        protect_health: let nobody through to the pages for probes unasked.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        app: WSGIApplication,
        policy: Callable[[], Policy],
        *,
        protect_health: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._policy = policy
        self._open_paths = () if protect_health else PROBES
        self._passwords = Passwords(clock)
        self._limit = _Limit(clock)
        self._wrong = logs.Ration(1, clock)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        policy = self._policy()
        start = _with_headers(policy, start_response)
        refused = self._refusal(policy, environ)
        if refused is None:
            return self._app(environ, start)
        start(refused.status, refused.headers)
        return [refused.body]

    def _refusal(self, policy: Policy, environ: Environ) -> Response | None:
        if environ["PATH_INFO"] in self._open_paths:
            return None
        refused = _by_certificate(policy, environ) or self._by_password(policy, environ)
        if refused is not None:
            return refused
        # Last, so that strangers cannot use it up.
        return None if self._limit.lets_through(policy.rate_limit) else _TOO_MANY

    def _by_password(self, policy: Policy, environ: Environ) -> Response | None:
        if not policy.users:
            return None
        credentials = _credentials(environ.get("HTTP_AUTHORIZATION", ""))
        if credentials is None:
            return _NO_PASSWORD
        client = environ["REMOTE_ADDR"]
        verdict = self._passwords.check(policy.users, client, credentials)
        if verdict is Verdict.RIGHT:
            return None
        self._report(client)
        return _NO_PASSWORD if verdict is Verdict.WRONG else _TOO_MANY_UNKNOWN

    def _report(self, client: str) -> None:
        left_out = self._wrong.take()
        if left_out is not None:
            # Without the user: people write passwords there by mistake.
            logs.warning(
                "a request from %s was refused: wrong user or password%s",
                client,
                f" ({left_out} more since the last such line)" if left_out else "",
            )


def _by_certificate(policy: Policy, environ: Environ) -> Response | None:
    certificate = environ["sanctum.peer_certificate"]
    if not certificate:
        # As in exporter-toolkit, one that need not be there need not have an allowed name.
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
    replaced = {name.lower() for name in policy.headers}
    own = [(name, value) for name, value in policy.headers.items() if value]

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], object]:
        kept = [each for each in headers if each[0].lower() not in replaced]
        return start_response(status, kept + own, *more)

    return start
