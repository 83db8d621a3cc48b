"""Processes that serve, and scrapes of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
# What Prometheus sends.
HEADERS = {
    "Accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
    "Accept-Encoding": "gzip",
}


class Child(NamedTuple):
    """A process that serves."""

    pid: int
    began: float
    """When it was started, in seconds of the monotonic clock."""
    port: int
    import_seconds: float

    def status(self, name: str) -> int:
        """Return a number of its /proc/PID/status."""
        lines = Path(f"/proc/{self.pid}/status").read_text("utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@contextmanager
def serving(way: str, *load: str) -> Iterator[Child]:
    """Run a way to serve inside the block; see ``serving_child``."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.serving_child", way, *load],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{way} cannot serve: its own message says why")
        yield Child(process.pid, began, **json.loads(line))
    finally:
        process.communicate()


def scrape(connection: HTTPConnection) -> bytes:
    """Return the body of ``/metrics``."""
    connection.request("GET", "/metrics", headers=HEADERS)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise RuntimeError(f"status {response.status}: {body.decode(errors='replace')}")
    return body
