"""What a page is made of: a body with its type, and how long clients may keep it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from http import HTTPStatus
from typing import NamedTuple, TypeAlias

HTML = "text/html; charset=utf-8"
JSON = "application/json"
PLAIN = "text/plain; charset=utf-8"

Query: TypeAlias = Mapping[str, Sequence[str]]


class Content(NamedTuple):
    """What is answered.

    Attributes:
        etag: names this content, so that who has it is not sent it again; None for one that is
            sent each time.
        max_age: seconds for which clients need not ask for it again.
        gzipped: the body as most clients take it, None where that is made for each.
    """

    content_type: str
    body: bytes
    etag: str | None = None
    max_age: int = 0
    status: HTTPStatus = HTTPStatus.OK
    gzipped: bytes | None = None

    def packed(self) -> Content:
        """Return the same, compressed once for all who ask for it."""
        return self._replace(gzipped=compress(self.body))


Page: TypeAlias = Callable[[Query], Content]


def compress(body: bytes) -> bytes:
    """Return a body in gzip, as fast as it goes."""
    return gzip.compress(body, compresslevel=1)


def etag(body: bytes) -> str:
    """Return what names a body, in the form of RFC 9110."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def fixed(content_type: str, text: str, max_age: int) -> Page:
    """Return a page that is always the same."""
    body = text.encode()
    content = Content(content_type, body, etag(body), max_age).packed()
    return lambda _query: content
