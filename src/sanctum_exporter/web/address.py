"""Where the metrics are served: the address to listen on, and the path.

Addresses are written as those of Prometheus exporters: ``host:port``, ``:port``, ``[::1]:port``.
"""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address
from typing import Final, NamedTuple

DEFAULT_ADDRESS: Final = "127.0.0.1:10500"
_HIGHEST_PORT: Final = 65535

DEFAULT_TELEMETRY_PATH: Final = "/metrics"
# Requests arrive with everything else percent-encoded, and without "." and "..", which clients
# resolve: they would not be recognised.
_TELEMETRY_PATH: Final = re.compile(r"(/(?!\.\.?(/|$))[\w.~-]+)+", re.ASCII)


class ListenAddress(NamedTuple):
    """A host (empty for every interface) and a port (0 for any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_every_interface(self) -> bool:
        """Whether it names no interface."""
        return self.host in {"", "0.0.0.0", "::"}  # noqa: S104 - compared

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it; a name is what the machine says it is."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def local(self) -> ListenAddress:
        """Where it is reached from this machine."""
        return self.reached_as("::1" if ":" in self.host else "127.0.0.1")

    def reached_as(self, machine: str) -> ListenAddress:
        """Return where it is reached by whoever knows this machine by a name."""
        return ListenAddress(machine, self.port) if self.is_every_interface else self

    @property
    def family(self) -> socket.AddressFamily:
        """The address family to listen with; IPv6 takes IPv4 as well where no host is named."""
        if self.host in {"", "::"}:
            return socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def bind(self, listener: socket.socket) -> None:
        """Bind a socket of the family.

        Raises:
            OSError: if the address cannot be had.
        """
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listener.family == socket.AF_INET6:
            is_one_host = self.host not in {"", "::"}
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, is_one_host)
        listener.bind(("" if self.host == "::" else self.host, self.port))


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


def parse_telemetry_path(text: str) -> str:
    """Return a path that the metrics can be served at.

    Raises:
        ValueError: if they cannot; the message says what such a path looks like.
    """
    if text in {"/", "/api"} or text.startswith(("/-/", "/api/")):
        raise ValueError(f"{text!r} is not a telemetry path, other pages are there: write /metrics")
    if not _TELEMETRY_PATH.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a telemetry path: write /metrics, or other letters after a slash"
        )
    return text
