"""What must not leave this process but to its collector, taken out of texts that others write.

Exceptions of the HTTP libraries name the URL, OpenTelemetry quotes headers that it cannot read, and
a collector may send back what it was sent.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote

from sanctum_exporter.sinks.otlp.endpoint import HIDDEN

# What is shorter protects nothing, and taken out of a text it would leave no text.
_SHORTEST_SECRET: Final = 4
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy")


class Secrets:
    """Texts that are not to be shown.

    Args:
        texts: the texts; for those that are percent-encoded, what they stand for is secret, too.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        forms = {form for text in texts for form in _forms(text) if len(form) >= _SHORTEST_SECRET}
        # The longest first, so that no rest of it is left.
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def taken_out_of(self, text: str) -> str:
        """Return a text in which something else stands for each secret."""
        return self._pattern.sub(HIDDEN, text)


def secrets_of(endpoint: str, environ: Mapping[str, str]) -> Secrets:
    """Return what is secret of an endpoint, and of the environment that a push reads."""
    proxies = [value for name, value in environ.items() if name.lower() in _PROXIES]
    headers = [
        environ.get(f"OTEL_EXPORTER_OTLP_{kind}", "") for kind in ("HEADERS", "METRICS_HEADERS")
    ]
    return Secrets(
        [
            *(secret for url in (endpoint, *proxies) for secret in _of_url(url)),
            *(secret for text in headers for secret in _of_headers(text)),
        ]
    )


def _of_url(url: str) -> Iterator[str]:
    """Yield what is secret of a URL, also of one that cannot be parsed."""
    rest = url.rpartition("://")[2]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    for text in (authority, rest):
        userinfo = text.rpartition("@")[0]
        yield from (userinfo, *userinfo.partition(":"))
        yield b64encode(unquote(userinfo).encode()).decode()
    query = url.partition("?")[2].partition("#")[0]
    yield query
    yield from (pair.partition("=")[2] for pair in query.split("&"))


def _of_headers(text: str) -> Iterator[str]:
    for entry in text.split(","):
        # Where there is no name, the whole entry may be what is secret.
        _, equals, value = entry.partition("=")
        value = value.strip() if equals else entry.strip()
        # Of "Bearer S3CRET", servers name the second part alone.
        yield from (value, value.split()[-1] if value else "", unquote(value).split(" ")[-1])


def _forms(text: str) -> Iterator[str]:
    """Yield a text as itself, decoded, and as ``repr`` writes each."""
    for form in (text, unquote(text)):
        yield form
        yield repr(form)[1:-1]
