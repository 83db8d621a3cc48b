"""A receiver of Alertmanager's webhooks that prints one line an alert.

    python webhook_receiver.py [HOST:]PORT

It stands in for a pager until there is one, and shows what a receiver of your own has to do.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(BaseHTTPRequestHandler):
    """Prints what Alertmanager sends; the path tells the receivers apart."""

    def do_POST(self) -> None:
        """Take in one notification."""
        notification = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in notification["alerts"]:
            labels, annotations = alert["labels"], alert["annotations"]
            now = datetime.now(UTC).isoformat(timespec="seconds")
            name, summary = labels["alertname"], annotations.get("summary", "")
            print(f"{now} {self.path} {alert['status']} {name}: {summary}")
            if alert["status"] == "firing":
                for text in ("description", "runbook_url", "dashboard_url"):
                    print(f"    {annotations.get(text, '')}")
        sys.stdout.flush()
        self.send_response(204)
        self.end_headers()

    def do_GET(self) -> None:
        """Say that the receiver is there."""
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print notifications only, not requests."""


if __name__ == "__main__":
    host, _, port = "".join(sys.argv[1:]).rpartition(":")
    if not port.isdecimal():
        print("usage: webhook_receiver.py [HOST:]PORT", file=sys.stderr)
        sys.exit(2)
    ThreadingHTTPServer((host, int(port)), Receiver).serve_forever()
