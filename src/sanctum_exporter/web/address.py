"""Listen addresses as Prometheus exporters write them: ``host:port``, ``:port``, ``[::1]:port``."""

from __future__ import annotations

import socket
from typing import Final, NamedTuple

DEFAULT_ADDRESS: Final = "127.0.0.1:10500"
_HIGHEST_PORT: Final = 65535


class ListenAddress(NamedTuple):
    """A host (empty for every interface) and a port (0 for any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def family(self) -> socket.AddressFamily:
        """The address family to listen with."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    @property
    def url(self) -> str:
        """A URL that reaches the address from this machine."""
        wildcards = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared
        host = wildcards.get(self.host, self.host)
        return f"http://{ListenAddress(host, self.port)}"


def parse_address(text: str) -> ListenAddress:
    """Return the address that a text names.

    Raises:
        ValueError: if the text is not an address; the message says what one looks like.
    """
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > _HIGHEST_PORT:
        raise ValueError(f"{text!r} is not a listen address: give host:port, for example :10500")
    if ":" in host and not bracketed:
        raise ValueError(f"{text!r} is not a listen address: write IPv6 as [host]:port")
    return ListenAddress(host[1:-1] if bracketed else host, int(port))
