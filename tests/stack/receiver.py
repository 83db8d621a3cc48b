"""A receiver of Alertmanager's webhooks that remembers them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass(frozen=True)
class Notification:
    """One alert of a notification, as a receiver got it."""

    at: float
    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def what(self) -> tuple[str, str, str]:
        """The receiver, the alert and its status."""
        return self.receiver, self.labels["alertname"], self.status


class Receiver:
    """Takes in the webhooks of Alertmanager; the path tells its receivers apart."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def all(self, alertname: str, status: str) -> list[Notification]:
        """Return the notifications of an alert that is firing or resolved."""
        return [n for n in self.notifications.copy() if n.what[1:] == (alertname, status)]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        notifications = self.notifications

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                now, receiver = time.time(), self.path.strip("/")
                notifications.extend(
                    Notification(now, receiver, a["status"], a["labels"], a["annotations"])
                    for a in body["alerts"]
                )
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler
