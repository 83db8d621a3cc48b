"""What servers that the tests started answer over HTTP."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from email.message import Message
from typing import NamedTuple


class Answer(NamedTuple):
    """Status (0 where nobody answers), headers and body."""

    status: int
    headers: Message
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status says that all is well."""
        return self.status // 100 == 2

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def ask(
    url: str,
    method: str = "GET",
    timeout_seconds: float = 10.0,
    context: ssl.SSLContext | None = None,
    **headers: str,
) -> Answer:
    """Return the answer to a request; an underscore in a header's name stands for a dash."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, headers=named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds, context=context) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())
    except OSError:
        return Answer(0, Message(), b"")
