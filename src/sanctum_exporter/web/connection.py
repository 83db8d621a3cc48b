"""One client's connection: its bytes are read and written as far as they go, never waited for."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any, Final, TypeVar

import h11

from sanctum_exporter import forks
from sanctum_exporter.web.gateway import Client, Response, encode

_CHUNK_BYTES: Final = 16 * 1024

T = TypeVar("T")


class Connection:
    """A connection that a client has opened; for one thread at a time.

    Args:
        accepted: its socket.
        address: of the client's machine.
        head_bytes: how long a request line and its headers may be.
    """

    def __init__(self, accepted: socket.socket, address: str, head_bytes: int) -> None:
        accepted.setblocking(False)
        self.socket: socket.socket = accepted
        self.waits_for = EVENT_READ
        """What it needs before it goes on: ``EVENT_READ`` or ``EVENT_WRITE``."""
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=head_bytes)
        self.when_sent: list[Callable[[], object]] = []
        """What is called once the whole answer is sent."""
        self.is_read = False
        """Whether the client has sent its request and nothing else.

        Where it has not, closing at once may cost it the answer:
        https://www.rfc-editor.org/rfc/rfc9112#section-9.6
        """
        self.address = _unmapped(address)
        """The machine of the client."""
        self.is_welcome = False
        """Whether it is known if TLS is spoken."""
        self._handshake: ssl.SSLSocket | None = None
        self._answer = memoryview(b"")
        self._wants_body = True

    def welcome(self, context: ssl.SSLContext | None) -> None:
        """Speak TLS, or plain HTTP where there are no settings for it.

        Raises:
            OSError: if the client is gone.
        """
        self.is_welcome = True
        if context is not None:
            self.socket = self._handshake = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    @property
    def client(self) -> Client:
        """Who asks."""
        if not isinstance(self.socket, ssl.SSLSocket):
            return Client(self.address, "http", None)
        certificate: dict[str, Any] | None = self.socket.getpeercert()
        return Client(self.address, "https", certificate or None)

    def read(self) -> h11.Request | None:
        """Return the request as soon as its head is there, None before.

        Raises:
            h11.RemoteProtocolError: if it is none; its hint is the status to answer with.
            OSError: if the client is gone.
        """
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._wants_body = event.method != b"HEAD"
                body = self._http.next_event()
                self.is_read = body == h11.EndOfMessage() and not self._http.trailing_data[0]
                return event
            if event is not h11.NEED_DATA:
                raise ConnectionError("the client has gone without a request")
            data = self._receive()
            if data is None:
                return None
            self._http.receive_data(data)

    def encode(self, response: Response, now: float) -> bytes:
        """Return what is to be written for a response; ``now`` is Unix time.

        Raises:
            ValueError: if status or headers are not to be written as HTTP.
            h11.LocalProtocolError: as well.
        """
        return encode(self._http, response, now, with_body=self._wants_body)

    def begin_answer(self, answer: bytes) -> None:
        """Take what is to be written."""
        self._answer = memoryview(answer)

    @property
    def unsent_bytes(self) -> int:
        """How much of the answer is still to be written."""
        return len(self._answer)

    def write(self) -> bool:
        """Write what can be written; returns whether that is all.

        Raises:
            OSError: if the client is gone.
        """
        while self._answer:
            sent = self._attempt(EVENT_WRITE, self.socket.send, self._answer)
            if sent is None:
                return False
            self._answer = self._answer[sent:]
        return True

    def end_answer(self) -> None:
        """Say that nothing follows."""
        if isinstance(self.socket, ssl.SSLSocket):
            # Says goodbye, and would wait for the client's.
            with suppress(OSError, ValueError):
                self.socket.unwrap()
        else:
            self.socket.shutdown(socket.SHUT_WR)

    def drain(self) -> bool:
        """Forget a piece of what the client still sends; returns whether that was all.

        Raises:
            OSError: if the client is gone.
        """
        # More of it would keep the others waiting for as long as a client likes.
        return self._receive() == b""

    def release(self) -> None:
        """Give up the descriptor, without a word to the client."""
        with forks.prevented, suppress(OSError):
            os.close(self.socket.detach())

    def _receive(self) -> bytes | None:
        if self._handshake is not None:
            if not self._attempt(EVENT_READ, _shake_hands, self._handshake):
                return None
            self._handshake = None
        return self._attempt(EVENT_READ, self.socket.recv, _CHUNK_BYTES)

    def _attempt(self, waits_for: int, step: Callable[..., T], *arguments: object) -> T | None:
        """Return what a step returns, None if it has to wait."""
        try:
            return step(*arguments)
        except ssl.SSLWantReadError:
            self.waits_for = EVENT_READ
        except ssl.SSLWantWriteError:
            self.waits_for = EVENT_WRITE
        except BlockingIOError:
            self.waits_for = waits_for
        return None


def _shake_hands(secured: ssl.SSLSocket) -> bool:
    secured.do_handshake()
    return True


def _unmapped(address: str) -> str:
    """Return the IPv4 address of a client that a socket for both families writes as IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        # With a zone, as that of a link.
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)
