"""A real Prometheus for as long as it is needed, and the questions that Grafana asks of it."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from tools.stack import locate

START_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1


class Target(NamedTuple):
    """An exporter to scrape."""

    job: str
    instance: str
    address: str


class Prometheus:
    """The HTTP API of a running server.

    Args:
        port: where it listens on this machine.
    """

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def instant(self, expr: str, at: float) -> dict[str, Any]:
        """Return the answer to an instant query."""
        return self._get("query", query=expr, time=at)

    def range(self, expr: str, start: float, end: float, step: float) -> dict[str, Any]:
        """Return the answer to a range query."""
        return self._get("query_range", query=expr, start=start, end=end, step=step)

    def wait_for(self, expr: str, seconds: float = START_SECONDS) -> float:
        """Wait until an expression has a series, and return the moment at which it had one.

        Raises:
            TimeoutError: if it has none in time.
        """
        moments: list[float] = []

        def there() -> bool:
            moments.append(time.time())
            return bool(self.instant(expr, moments[-1])["result"])

        _wait(there, f"no series of {expr}", seconds)
        return moments[-1]

    def _get(self, path: str, **parameters: str | float) -> dict[str, Any]:
        query = urllib.parse.urlencode(parameters)
        self._connection.request("GET", f"/api/v1/{path}?{query}")
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        if answer["status"] != "success":
            raise ValueError(f"{answer['error']}: {parameters['query']}")
        data: dict[str, Any] = answer["data"]
        return data


@contextmanager
def running(targets: Iterable[Target], rules: str = "") -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes targets every second.

    Args:
        targets: what to scrape.
        rules: text of a rules file to evaluate every second.

    Raises:
        FileNotFoundError: if there is no Prometheus on this machine.
        TimeoutError: if it does not become ready.
    """
    binary = locate("prometheus")
    if binary is None:
        raise FileNotFoundError("no prometheus: run python tools/stack.py prometheus")
    with tempfile.TemporaryDirectory(prefix="sanctum-prometheus-") as folder:
        home = Path(folder)
        port = _free_port()
        (home / "rules.yml").write_text(rules)
        (home / "prometheus.yml").write_text(json.dumps(_configuration(targets, home)))
        command = [
            str(binary),
            f"--config.file={home / 'prometheus.yml'}",
            f"--storage.tsdb.path={home / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - our command
        server = Prometheus(port)
        try:
            _wait(lambda: _ready(port, process, home / "log"), "Prometheus is not ready")
            yield server
        finally:
            server.close()
            process.terminate()
            process.wait()


def _configuration(targets: Iterable[Target], home: Path) -> dict[str, Any]:
    # YAML is a superset of JSON.
    jobs: dict[str, list[dict[str, Any]]] = {}
    for job, instance, address in targets:
        jobs.setdefault(job, []).append({"targets": [address], "labels": {"instance": instance}})
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(home / "rules.yml")],
        "scrape_configs": [{"job_name": job, "static_configs": own} for job, own in jobs.items()],
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _ready(port: int, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise ChildProcessError(f"Prometheus ended: {log.read_text()}")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/-/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _wait(condition: Callable[[], bool], complaint: str, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{complaint} after {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)
