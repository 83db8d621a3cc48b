"""An exporter somewhere, asked for its documents over HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec
import requests

from sanctum_exporter.terminal.feed import SourceLostError
from sanctum_exporter.view.document import Overview, RunView
from sanctum_exporter.web.api import RUN_PATH, RUNS_PATH

_CONNECT_SECONDS: Final = 3.0
_READ_SECONDS: Final = 10.0
_METRICS: Final = "/metrics"

D = TypeVar("D", Overview, RunView)


class Site:
    """A server, by its URL; says of a failure which server and why, never with which password.

    Args:
        url: its base, or the address of its metrics.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/").removesuffix(_METRICS).rstrip("/")
        self.name = without_password(self.url)
        self._session = requests.Session()

    def get(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Return the response to a request.

        Raises:
            SourceLostError: if there is none, or it refuses who asks.
        """
        try:
            response = self._session.get(
                f"{self.url}{path}",
                params=query,
                headers=headers,
                timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            )
        except (requests.RequestException, ValueError) as error:
            raise SourceLostError(f"{self.name} does not answer: {_reason(error)}") from None
        if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise SourceLostError(
                f"{self.name} wants another user or password (status {response.status_code}): "
                "give them in the URL, as in https://user:password@host"
            )
        return response

    def close(self) -> None:
        """Close its connections."""
        self._session.close()


def without_password(url: str) -> str:
    """Return a URL without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _reason(error: Exception) -> str:
    """Return why a request failed, in few words and without its URL."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted (REQUESTS_CA_BUNDLE names a file of those that are)"
    if isinstance(error, requests.Timeout):
        return "not in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return type(error).__name__


class ExporterFeed:
    """The documents of an exporter; what has not changed is not sent again.

    Args:
        site: the exporter.
    """

    period_seconds = 1.0
    is_past = False

    def __init__(self, site: Site) -> None:
        self.name = site.name
        self._site = site
        self._known: dict[str, tuple[str, float, Overview | RunView]] = {}

    def overview(self) -> Overview:
        """Return every run in a line."""
        document = self._get(RUNS_PATH, Overview)
        if document is None:
            raise SourceLostError(f"{self.name} is no sanctum-exporter: it has no {RUNS_PATH}")
        return document

    def run(self, name: str | None) -> RunView | None:
        """Return a run by its name."""
        return self._get(RUN_PATH if name is None else f"{RUN_PATH}?run={quote(name)}", RunView)

    def close(self) -> None:
        """Close its connections."""
        self._site.close()

    def _get(self, path: str, kind: type[D]) -> D | None:
        known = self._known.get(path)
        response = self._site.get(path, headers={"If-None-Match": known[0]} if known else None)
        if known and response.status_code == HTTPStatus.NOT_MODIFIED:
            _, received_at, document = known
            assert isinstance(document, kind)  # noqa: S101 - each path has one kind
            passed = time.monotonic() - received_at
            return msgspec.structs.replace(document, now=document.now + passed)
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        if response.status_code != HTTPStatus.OK:
            raise SourceLostError(f"{self.name} answers with status {response.status_code}")
        try:
            document = msgspec.json.decode(response.content, type=kind)
        except msgspec.DecodeError:
            raise SourceLostError(f"{self.name} answers something else than {path}") from None
        # Of the overview, and of the run that is looked at.
        if len(self._known) > 1:
            self._known = {key: each for key, each in self._known.items() if key == RUNS_PATH}
        self._known[path] = response.headers.get("ETag", ""), time.monotonic(), document
        return document
