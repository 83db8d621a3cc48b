"""What a fleet costs one Prometheus: a thousand simulated trainers, each its own target.

Usage: ``python benchmarks/fleet.py [--trainers 10,100,1000] [--seconds 120] [--interval 15]``;
it needs ``python tools/stack.py prometheus``. ``--engine victoria-metrics`` is the other one.

Every trainer is a simulated run behind the exporter's own collector, with ``process_*`` and
``python_*``. Prometheus scrapes them with the rules of rules/ (VictoriaMetrics without), and is
asked what the dashboards ask. What is reported is the server's own account of itself.
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
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import click
from prometheus_client import CollectorRegistry, generate_latest

from sanctum_exporter.simulation import Simulation
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.web.exporter import own_registry

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.stack import locate  # noqa: E402 - not a part of the package

QUERY_ROUNDS = 3
SLOWEST = 10
GRAPH_PIXELS = 800
"""Grafana asks for a value a pixel, if there are as many scrapes."""


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

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing when a server ends in the middle of a scrape."""

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


class Engine(ABC):
    """A real server that scrapes the fleet, and questions to it."""

    program = ""
    series = ""
    samples = ""

    def __init__(self, program: Path, folder: Path, config: dict[str, Any]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.data = folder / "data"
        file = folder / "scrape.yml"
        # JSON is YAML, so no library is needed.
        file.write_text(json.dumps(self.configured(config)))
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, *self.flags(file, port)], stdout=log, stderr=log
            )

    @abstractmethod
    def flags(self, config: Path, port: int) -> list[str]:
        """Return what it is started with."""

    def configured(self, config: dict[str, Any]) -> dict[str, Any]:
        return config

    @abstractmethod
    def bytes_per_sample(self) -> float:
        """Return the bytes of samples on disk, without indexes, by their number."""

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    def metrics(self) -> dict[str, float]:
        """Return its own metrics: each series, and under the bare name their sum."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as answer:  # noqa: S310
            text = answer.read().decode()
        found: dict[str, float] = {}
        for name, labels, value in re.findall(r"^(\w+)(\{.*\})? (\S+)$", text, re.MULTILINE):
            found[name] = found.get(name, 0.0) + float(value)
            found[name + labels] = float(value)
        return found

    def ask(self, path: str, method: str = "GET", **parameters: object) -> Any:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        request = urllib.request.Request(url, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.load(answer)["data"]


class Prometheus(Engine):
    program = "prometheus"
    series = "prometheus_tsdb_head_series"
    samples = "prometheus_tsdb_head_samples_appended_total"

    def flags(self, config: Path, port: int) -> list[str]:
        return [
            f"--config.file={config}",
            f"--storage.tsdb.path={self.data}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-admin-api",
        ]

    def configured(self, config: dict[str, Any]) -> dict[str, Any]:
        interval = config["global"]["scrape_interval"]
        rules = {"rule_files": [str(ROOT / "rules" / "*.yml")]}
        return config | rules | {"global": {**config["global"], "evaluation_interval": interval}}

    def bytes_per_sample(self) -> float:
        name = self.ask("admin/tsdb/snapshot", method="POST")["name"]
        size = samples = 0
        for block in (self.data / "snapshots" / name).iterdir():
            size += sum(file.stat().st_size for file in (block / "chunks").iterdir())
            samples += json.loads((block / "meta.json").read_text())["stats"]["numSamples"]
        return size / samples


class VictoriaMetrics(Engine):
    program = "victoria-metrics"
    series = 'vm_cache_entries{type="storage/hour_metric_ids"}'
    samples = "vm_rows_inserted_total"

    def flags(self, config: Path, port: int) -> list[str]:
        return [
            f"-promscrape.config={config}",
            f"-storageDataPath={self.data}",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-search.latencyOffset=0s",
            # As much of the machine as is left beside the trainers.
            "-memory.allowedPercent=20",
        ]

    def bytes_per_sample(self) -> float:
        with urllib.request.urlopen(f"{self.url}/internal/force_flush", timeout=30):  # noqa: S310
            pass
        with urllib.request.urlopen(f"{self.url}/internal/force_merge", timeout=30):  # noqa: S310
            pass
        time.sleep(5)
        found = self.metrics()
        parts = [f'{{type="storage/{kind}"}}' for kind in ("inmemory", "small", "big")]
        size = sum(found.get(f"vm_data_size_bytes{part}", 0) for part in parts)
        return size / sum(found.get(f"vm_rows{part}", 0) for part in parts)


ENGINES: dict[str, type[Engine]] = {each.program: each for each in (Prometheus, VictoriaMetrics)}


def configuration(count: int, trainers_port: int, interval: float) -> dict[str, Any]:
    """Return what every engine is to scrape."""
    return {
        "global": {"scrape_interval": f"{interval:g}s"},
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


class Query(NamedTuple):
    """A query of a dashboard, and of how many moments it asks; 1 for now."""

    place: str
    expr: str
    points: int


CHOSEN = {
    **dict.fromkeys(("a_instance", "b_instance"), "node0000:10500"),
    **dict.fromkeys(("a_run", "b_run", "run"), ""),
    **dict.fromkeys(("a_group", "b_group", "group_id", "groups"), "default"),
    "job": "sanctum",
    "instance": "node0000:10500",
    "align": "0",
}
"""Of sanctum-slots and sanctum-compare; sanctum-fleet has all."""


def dashboard_queries(range_seconds: float, interval: float) -> Iterator[Query]:
    """Yield every query of the panels and the variables, for as many moments as Grafana asks."""
    for uid in ("sanctum-fleet", "sanctum-slots", "sanctum-compare"):
        text = (ROOT / "grafana" / "dashboards" / f"{uid}.json").read_text("utf-8")
        dashboard = json.loads(text)
        chosen = dict.fromkeys(CHOSEN, ".+") if uid == "sanctum-fleet" else CHOSEN
        values = chosen | {"__range": f"{range_seconds:.0f}s", "__rate_interval": "1m"}

        begins = re.fullmatch(r"now-(\d+)([mh])", dashboard["time"]["from"])
        assert begins is not None
        minutes = int(begins[1]) * {"m": 1, "h": 60}[begins[2]]
        most = min(GRAPH_PIXELS, int(60 * minutes / interval))

        def filled(expr: str, values: dict[str, str] = values) -> str:
            return re.sub(r"\$(\w+)", lambda found: values[found[1]], expr)

        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                place = f"{uid}: {panel['title']}, {target['refId']}"
                points = 1 if target.get("instant") else min(most, panel.get("maxDataPoints", most))
                yield Query(place, filled(target["expr"]), points)
        for variable in dashboard["templating"]["list"]:
            if found := re.fullmatch(r"query_result\((.*)\)", variable.get("definition", "")):
                yield Query(f"{uid}: ${variable['name']}", filled(found[1]), 1)


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
    slowest: Sequence[tuple[float, str]]


def measure(engine: type[Engine], count: int, seconds: float, interval: float) -> Figures:
    """Run one fleet, and return what it cost."""
    program = locate(engine.program)
    if program is None:
        raise click.ClickException(f"python tools/stack.py {engine.program} gets what is missing")
    folder = Path(tempfile.mkdtemp())
    with fleet(count) as trainers_port:
        began = time.time()
        server = engine(program, folder, configuration(count, trainers_port, interval))
        try:
            # Targets are spread over an interval, and the second one finds all series in place.
            time.sleep(2 * interval + 5)
            first, started = server.metrics(), time.monotonic()
            time.sleep(seconds)
            last, elapsed = server.metrics(), time.monotonic() - started
            up = server.ask("query", query='count(up{job="sanctum"} == 1)')["result"]
            assert int(up[0]["value"][1]) == count, f"{up} of {count} trainers are up"
            times = query_times(server, time.time() - began, interval)
            after_queries = server.metrics()
            bytes_per_sample = server.bytes_per_sample()
        finally:
            server.close()
            shutil.rmtree(folder)
    return Figures(
        count,
        last[engine.series],
        (last[engine.samples] - first[engine.samples]) / elapsed,
        100 * (last["process_cpu_seconds_total"] - first["process_cpu_seconds_total"]) / elapsed,
        after_queries["process_resident_memory_bytes"] / 2**20,
        1000 * last.get("prometheus_rule_group_last_duration_seconds", 0.0),
        1000 * sum(seconds for seconds, _ in times),
        1000 * max(seconds for seconds, _ in times),
        bytes_per_sample,
        sorted(times, reverse=True)[:SLOWEST],
    )


def query_times(server: Engine, age: float, interval: float) -> list[tuple[float, str]]:
    """Return the best time of each query of the dashboards, and where it is."""
    times = []
    for place, query, points in dashboard_queries(age, interval):
        best = float("inf")
        for _ in range(QUERY_ROUNDS):
            now, began = time.time(), time.perf_counter()
            if points == 1:
                server.ask("query", query=query, time=now)
            else:
                server.ask("query_range", query=query, start=now - age, end=now, step=age / points)
            best = min(best, time.perf_counter() - began)
        times.append((best, place))
    return times


def free_port() -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    return int(server.server_address[1])


@click.command(context_settings={"show_default": True})
@click.option("--engine", type=click.Choice(list(ENGINES)), default="prometheus")
@click.option("--trainers", default="10,100,1000", help="Sizes of the fleet.")
@click.option("--seconds", default=120.0, help="How long to measure each.")
@click.option("--interval", default=15.0, help="Seconds between scrapes, and rule evaluations.")
def main(engine: str, trainers: str, seconds: float, interval: float) -> None:
    """Print a table: a row for each size of the fleet."""
    print(
        "trainers    series  samples/s  CPU %  memory MiB  rules ms  dashboard ms  slowest ms"
        "  B/sample"
    )
    for count in map(int, trainers.split(",")):
        f = measure(ENGINES[engine], count, seconds, interval)
        print(
            f"{f.trainers:8}{f.series:10.0f}{f.samples_per_second:11.1f}{f.cpu_percent:7.1f}"
            f"{f.memory_mib:12.0f}{f.rules_ms:10.1f}{f.dashboard_ms:14.1f}"
            f"{f.slowest_query_ms:12.1f}{f.bytes_per_sample:10.2f}",
            flush=True,
        )
        for taken, place in f.slowest:
            print(f"{1000 * taken:14.1f} ms  {place}")


if __name__ == "__main__":
    main()
