"""What a fleet costs one Prometheus: a thousand simulated trainers, each its own target.

Usage: ``python benchmarks/fleet.py [--trainers 10,100,1000] [--seconds 120] [--interval 15]``;
it needs ``python tools/stack.py prometheus``.

Every trainer is a simulated run behind the exporter's own collector, with ``process_*`` and
``python_*``. Prometheus scrapes them with the rules of rules/, and is asked what the fleet
dashboard asks. All that is reported is Prometheus's own account of itself.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import click
from prometheus_client import CollectorRegistry, generate_latest

from sanctum_exporter.groups import Groups
from sanctum_exporter.intake import Intake
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.sources.simulation import Simulation
from sanctum_exporter.web.exporter import own_registry

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.stack import locate  # noqa: E402 - not a part of the package

QUERY_ROUNDS = 3


class Trainer:
    """A run that is an epoch further at every scrape."""

    def __init__(self, number: int) -> None:
        self._intake = Intake(Groups(), source=f"trainer {number}")
        self._epochs = Simulation(envs=4, slots=3, groups=("default",), seed=number).epochs()
        self.registry: CollectorRegistry = own_registry()
        self.registry.register(SanctumCollector(self._intake))

    def advance(self) -> None:
        for line in next(self._epochs):
            self._intake.line(line, 0)


def serve_trainers(count: int, parent: Connection) -> None:
    """Serve every trainer at ``/N`` of one loopback port, and tell the parent the port."""
    trainers = [Trainer(number) for number in range(count)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            trainer = trainers[int(self.path.strip("/"))]
            trainer.advance()
            body = generate_latest(trainer.registry)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 1024

    server = Server(("127.0.0.1", 0), Handler)
    parent.send(server.server_address[1])
    server.serve_forever()


@contextmanager
def fleet(count: int) -> Iterator[int]:
    """Give the port of a process that serves so many trainers."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve_trainers, args=(count, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


class Prometheus:
    """A real Prometheus, and questions to it."""

    def __init__(self, program: Path, folder: Path, config: dict[str, Any], port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.data = folder / "data"
        file = folder / "prometheus.yml"
        file.write_text(json.dumps(config))
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program,
                    f"--config.file={file}",
                    f"--storage.tsdb.path={self.data}",
                    f"--web.listen-address=127.0.0.1:{port}",
                    "--web.enable-admin-api",
                ],
                stderr=log,
            )

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    def metrics(self) -> dict[str, float]:
        """Return the sums over labels of its own metrics."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as answer:  # noqa: S310
            text = answer.read().decode()
        found: dict[str, float] = {}
        for name, value in re.findall(r"^(\w+)(?:\{.*\})? (\S+)$", text, re.MULTILINE):
            found[name] = found.get(name, 0.0) + float(value)
        return found

    def ask(self, path: str, method: str = "GET", **parameters: object) -> Any:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        request = urllib.request.Request(url, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.load(answer)["data"]


def configuration(count: int, trainers_port: int, interval: float) -> dict[str, Any]:
    """Return the configuration: JSON is YAML, so no library is needed."""
    return {
        "global": {"scrape_interval": f"{interval:g}s", "evaluation_interval": f"{interval:g}s"},
        "rule_files": [str(ROOT / "rules" / "*.yml")],
        "scrape_configs": [
            {
                "job_name": "sanctum",
                "static_configs": [
                    {
                        "targets": [f"127.0.0.1:{trainers_port}"],
                        "labels": {
                            "__metrics_path__": f"/{number}",
                            "instance": f"node{number // 8:04}:{10500 + number % 8}",
                            "training_job": str(48000 + number // 64),
                            "node": f"node{number // 8:04}",
                            "rank": str(number % 64),
                        },
                    }
                    for number in range(count)
                ],
            }
        ],
    }


def dashboard_queries(range_seconds: float) -> Iterator[tuple[bool, str]]:
    """Yield whether it is instant, and the text, of every query of the fleet dashboard."""
    dashboard = json.loads((ROOT / "grafana/dashboards/sanctum-fleet.json").read_text("utf-8"))
    panels = list(dashboard["panels"])
    for panel in panels:
        panels.extend(panel.get("panels", []))
        for target in panel.get("targets", []):
            query = target["expr"]
            for name in ("job", "instance"):
                query = query.replace(f"|${name}", ".*").replace(f"${name}", ".+")
            query = query.replace("$__range", f"{range_seconds:.0f}s")
            yield bool(target.get("instant")), query.replace("$__rate_interval", "1m")


class Figures(NamedTuple):
    """What a fleet of one size cost."""

    trainers: int
    series: float
    samples_per_second: float
    cpu_percent: float
    memory_mib: float
    rules_ms: float
    dashboard_ms: float
    slowest_query_ms: float
    bytes_per_sample: float


def measure(program: Path, count: int, seconds: float, interval: float, folder: Path) -> Figures:
    """Run one fleet, and return what it cost."""
    with fleet(count) as trainers_port:
        port = free_port()
        began = time.time()
        config = configuration(count, trainers_port, interval)
        prometheus = Prometheus(program, folder, config, port)
        try:
            # Targets are spread over an interval, and the second one finds all series in place.
            time.sleep(2 * interval + 5)
            first, started = prometheus.metrics(), time.monotonic()
            time.sleep(seconds)
            last, elapsed = prometheus.metrics(), time.monotonic() - started
            up = prometheus.ask("query", query='count(up{job="sanctum"} == 1)')["result"]
            assert int(up[0]["value"][1]) == count, f"{up} of {count} trainers are up"
            times = query_times(prometheus, time.time() - began, interval)
            after_queries = prometheus.metrics()
            snapshot = prometheus.ask("admin/tsdb/snapshot", method="POST")["name"]
        finally:
            prometheus.close()
        size, samples = stored(prometheus.data / "snapshots" / snapshot)
    appended = "prometheus_tsdb_head_samples_appended_total"
    return Figures(
        count,
        last["prometheus_tsdb_head_series"],
        (last[appended] - first[appended]) / elapsed,
        100 * (last["process_cpu_seconds_total"] - first["process_cpu_seconds_total"]) / elapsed,
        after_queries["process_resident_memory_bytes"] / 2**20,
        1000 * last["prometheus_rule_group_last_duration_seconds"],
        1000 * sum(times),
        1000 * max(times),
        size / samples,
    )


def query_times(prometheus: Prometheus, age: float, interval: float) -> list[float]:
    """Return the best time of each query of the fleet dashboard."""
    times = []
    for instant, query in dashboard_queries(age):
        best = float("inf")
        for _ in range(QUERY_ROUNDS):
            now, began = time.time(), time.perf_counter()
            if instant:
                prometheus.ask("query", query=query, time=now)
            else:
                window = {"start": now - age, "end": now, "step": interval}
                prometheus.ask("query_range", query=query, **window)
            best = min(best, time.perf_counter() - began)
        times.append(best)
    return times


def stored(snapshot: Path) -> tuple[int, int]:
    """Return the bytes of samples on disk, without the index, and how many samples they are."""
    size = samples = 0
    for block in snapshot.iterdir():
        size += sum(file.stat().st_size for file in (block / "chunks").iterdir())
        samples += json.loads((block / "meta.json").read_text())["stats"]["numSamples"]
    return size, samples


def free_port() -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    return int(server.server_address[1])


@click.command(context_settings={"show_default": True})
@click.option("--trainers", default="10,100,1000", help="Sizes of the fleet.")
@click.option("--seconds", default=120.0, help="How long to measure each.")
@click.option("--interval", default=15.0, help="Seconds between scrapes, and rule evaluations.")
def main(trainers: str, seconds: float, interval: float) -> None:
    """Print a table: a row for each size of the fleet."""
    program = locate("prometheus")
    if program is None:
        raise click.ClickException("python tools/stack.py prometheus gets what is missing")
    print(
        "trainers    series  samples/s  CPU %  memory MiB  rules ms  dashboard ms  slowest ms"
        "  B/sample"
    )
    for count in map(int, trainers.split(",")):
        folder = Path(tempfile.mkdtemp())
        try:
            f = measure(program, count, seconds, interval, folder)
        finally:
            shutil.rmtree(folder)
        print(
            f"{f.trainers:8}{f.series:10.0f}{f.samples_per_second:11.1f}{f.cpu_percent:7.1f}"
            f"{f.memory_mib:12.0f}{f.rules_ms:10.1f}{f.dashboard_ms:14.1f}"
            f"{f.slowest_query_ms:12.1f}{f.bytes_per_sample:10.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
