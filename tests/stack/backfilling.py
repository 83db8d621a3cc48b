"""Backfilled runs, and the servers that have them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stack.servers import Prometheus, Server, free_port

StackTool = Callable[[str], Path]
Labels = frozenset[tuple[str, str]]
Points = dict[float, float]
STEP_SECONDS = 1


def backfill(stack_tool: StackTool, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command with promtool on PATH."""
    folder = stack_tool("promtool").parent
    return subprocess.run(
        [sys.executable, "-m", "sanctum_exporter", "backfill", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
    )


@contextmanager
def prometheus_with(
    stack_tool: StackTool, data: Path, *flags: str, config: str = ""
) -> Iterator[Prometheus]:
    """Run a Prometheus that has a database, keeps all of it, and scrapes nothing."""
    configuration = data.with_name("prometheus.yml")
    configuration.write_text(config)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [
        stack_tool("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=10y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
        *flags,
    ]
    server = Server(command, data.with_name("prometheus.log"))
    try:
        server.wait_until_it_answers(f"{url}/-/ready")
        yield Prometheus(url)
    finally:
        server.close()


def series(
    server: Prometheus, selector: str, first: float, last: float, step: float = STEP_SECONDS
) -> dict[tuple[str, Labels], Points]:
    """Return what a range query gives, by name and labels: the value at each time."""
    answer = server.ask("query_range", query=selector, start=first, end=last, step=step)
    found: dict[tuple[str, Labels], Points] = {}
    for row in answer["result"]:
        labels = dict(row["metric"])
        name = labels.pop("__name__")
        points = {float(at): float(value) for at, value in row["values"]}
        found[name, frozenset(labels.items())] = points
    return found
