"""A real Prometheus for as long as it is needed, and the questions that Grafana asks of it."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.stack import servers
from tests.waiting import wait_for
from tools.stack import locate

DEADLINE_SECONDS: Final = 60.0


class Target(NamedTuple):
    """An exporter to scrape."""

    job: str
    instance: str
    address: str


class Prometheus(servers.Prometheus):
    """The HTTP API of a running server, as Grafana uses it."""

    def instant(self, expr: str, at: float) -> dict[str, Any]:
        """Return the answer to an instant query."""
        answer: dict[str, Any] = self.ask("query", query=expr, time=at)
        return answer

    def range(self, expr: str, start: float, end: float, step: float) -> dict[str, Any]:
        """Return the answer to a range query."""
        answer: dict[str, Any] = self.ask(
            "query_range", query=expr, start=start, end=end, step=step
        )
        return answer

    def wait_for(self, expr: str) -> float:
        """Wait until an expression has a series, and return the moment at which it had one.

        Raises:
            TimeoutError: if it has none in time.
        """

        def moment() -> float | None:
            now = time.time()
            return now if self.instant(expr, now)["result"] else None

        return wait_for(f"a series of {expr}", moment, DEADLINE_SECONDS)


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
        (home / "rules.yml").write_text(rules)
        (home / "prometheus.yml").write_text(json.dumps(_configuration(targets, home)))
        address = f"127.0.0.1:{servers.free_port()}"
        command: list[str | Path] = [
            binary,
            f"--config.file={home / 'prometheus.yml'}",
            f"--storage.tsdb.path={home / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=error",
        ]
        process = servers.Server(command, home / "log")
        try:
            process.wait_until_it_answers(f"http://{address}/-/ready", DEADLINE_SECONDS)
            yield Prometheus(f"http://{address}")
        finally:
            process.close()


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
