"""A connection by itself."""

from __future__ import annotations

import socket

import pytest

from sanctum_exporter.web.connection import Connection


def test_a_flood_is_drained_a_piece_at_a_time() -> None:
    """However fast a client sends what nobody wants, the others have their turn."""
    near, far = socket.socketpair()
    with near, far:
        connection = Connection(near, "10.0.0.1", 1000)
        far.sendall(b"x" * 100_000)
        assert not connection.drain()
        assert near.recv(10, socket.MSG_PEEK) == b"x" * 10
        far.shutdown(socket.SHUT_WR)
        pieces = 1
        while not connection.drain():
            pieces += 1
        assert pieces > 3


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_a_client_is_known_by_one_address(written: str, known: str) -> None:
    """However the kernel writes it, it is the same machine."""
    near, far = socket.socketpair()
    with near, far:
        assert Connection(near, written, 1000).address == known
