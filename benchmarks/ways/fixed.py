"""The floor of all servers: the standard library's sockets, and an answer that never changes."""

from __future__ import annotations

from collections.abc import Callable
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

# As long as a scrape, gzipped, of one group with process_* and python_* is.
BODY = b"#" * 2_500
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


class _Handler(StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        for line in self.rfile:
            if line == b"\r\n":
                self.wfile.write(ANSWER)


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


def serve() -> tuple[int, Callable[[Any], object]]:
    """Serve on a free port of the loopback; return it and what drops events."""
    server = _Server(("127.0.0.1", 0), _Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1], lambda _event: None
