"""Real servers on free ports of the loopback, and what tests ask of them."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Any

from tests.asking import ask
from tests.waiting import wait_for

_PORTS = iter(SystemRandom().sample(range(10_000, 32_000), 20_000))
_END_SECONDS = 60
"""An exporter that is told to end may wait 20 s for the last scrape."""


def free_port() -> int:
    """Return a port that nobody listens on.

    No port is given twice, and none that the kernel would give to a connection, which might have it
    when a server is restarted.
    """
    for port in _PORTS:
        with socket.socket() as probe:
            # A listener's port is taken even so.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")


def get(url: str) -> str | None:
    """Return what an address answers, None if it does not or with an error."""
    answer = ask(url, timeout_seconds=5)
    return (answer.text or "(empty)") if answer.ok else None


def post(url: str, body: object) -> None:
    """Post JSON to an address."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=5):
        pass


class Server:
    """A process, its standard output and error in a file of its own."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                argv, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=env, cwd=cwd
            )

    def wait_until_it_answers(self, url: str, deadline_seconds: float = 30) -> None:
        """Return when the address answers; say what the server said if it does not."""

        def answers() -> bool:
            if self._process.poll() is not None:
                raise ChildProcessError(f"ended with {self._process.returncode}: {self.said()}")
            return get(url) is not None

        wait_for(f"{url}; it said {self.said()}", answers, deadline_seconds)

    def said(self) -> str:
        """Return all that it has written."""
        return self.log.read_text("utf-8", "replace")

    def wait(self, deadline_seconds: float) -> int:
        """Wait for its end and return its status."""
        return self._process.wait(deadline_seconds)

    def kill(self) -> None:
        """End it as a crash or the kernel would."""
        self.end(signal.SIGKILL)

    def end(self, *signals: signal.Signals) -> None:
        """Send it signals, one right after the other, and wait for its end."""
        for number in signals:
            self._process.send_signal(number)
        self._process.wait(_END_SECONDS)

    def close(self) -> None:
        """Stop it, if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


class Prometheus:
    """The HTTP API of a Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **parameters: str | float) -> Any:
        """Return the data of an answer of its API; an error is an AssertionError with its text."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def query(self, query: str, at: float | None = None) -> dict[frozenset[tuple[str, str]], float]:
        """Return the samples of an instant query: labels (without the name) and value."""
        when = {} if at is None else {"time": at}
        data = self.ask("query", query=query, **when)
        if data["resultType"] == "scalar":
            return {frozenset(): float(data["result"][1])}
        return {
            frozenset((k, v) for k, v in row["metric"].items() if k != "__name__"): float(
                row["value"][1]
            )
            for row in data["result"]
        }
