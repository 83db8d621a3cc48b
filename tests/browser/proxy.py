"""A reverse proxy that serves an exporter under a prefix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.asking import ask

_PREFIX = "/team/sanctum/"


@contextmanager
def proxied(url: str) -> Iterator[str]:
    """Serve what is at an address under a prefix elsewhere, inside the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(_PREFIX):
                self.send_error(404)
                return
            answer = ask(f"{url}/{self.path.removeprefix(_PREFIX)}")
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Security-Policy", "ETag"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{_PREFIX}"
        finally:
            server.shutdown()
            thread.join()
