"""Alerts on real servers in real time, at Prometheus's default intervals: a minute and a minute.

``make proofs`` runs it; it takes 20 minutes, most of them waiting.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests import recordings
from tests.stack.composed import PROGRAM
from tests.stack.conftest import stack_tool  # noqa: F401 - a fixture
from tests.stack.receiver import Receiver
from tests.stack.servers import Prometheus, Server, free_port
from tests.stack.storage import Stack

RULES = recordings.ROOT / "rules"
RACK = 50
HEALTHY = 10
# Root may read any file, unless it gives that up.
_LIKE_ANYBODY = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
)


@dataclass
class Site:
    """What runs, where it is scraped, and when what happened."""

    home: Path
    receiver: Receiver
    prometheus: Prometheus
    storage: Prometheus
    instances: dict[str, str]
    rack: list[str]
    healthy: list[str]
    times: dict[str, float] = field(default_factory=dict)

    def fired(self, server: Prometheus, instance: str) -> dict[tuple[str, str], float]:
        """Return the alerts of an instance that have fired, each with the first time."""
        query = f'ALERTS{{instance="{instance}",alertstate="firing"}}'
        start = min(self.times.values()) - 60
        data = server.ask("query_range", query=query, start=start, end=time.time(), step=15)
        return {
            (row["metric"]["alertname"], row["metric"]["severity"]): float(row["values"][0][0])
            for row in data["result"]
        }

    def report(self, what: str, seconds: dict[str, float]) -> None:
        """Say how long something took."""
        took = ", ".join(f"{name} after {value:.0f} s" for name, value in seconds.items())
        sys.__stdout__.write(f"\n{what}: {took}\n")  # type: ignore[union-attr]


def address() -> str:
    """Return an address that nobody listens on."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def site(
    stack_tool: Callable[[str], Path],  # noqa: F811 - the fixture
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """Play everything at once, and give it when the last of it is over."""
    home = tmp_path_factory.mktemp("proofs")
    home.chmod(0o755)
    with ExitStack() as running:
        receiver = Receiver()
        running.callback(receiver.close)
        stack = Stack(stack_tool, home)
        running.callback(stack.close)

        def start(name: str, *argv: str, **options: str) -> Server:
            environ = os.environ | {"PYTHONPATH": str(recordings.ROOT), **options}
            server = Server(argv, home / f"{name}.log", environ, recordings.ROOT)
            running.callback(server.close)
            return server

        instances = {
            name: address()
            for name in ("finishes by run", "sidecar", "killed under watch", "unreadable")
        }
        ports = _free_ports(RACK + HEALTHY)
        rack, healthy = ports[:RACK], ports[RACK:]
        alertmanager = address()
        prometheus = stack.prometheus(
            _configuration(home, [*instances.values(), *rack, *healthy], alertmanager)
        )
        _start_alertmanager(home, stack_tool, start, receiver, alertmanager)
        storage = stack.victoria_metrics()
        stack.vmalert(RULES, storage, {})
        site = Site(home, receiver, prometheus, storage, instances, rack, healthy)

        trainer = (sys.executable, "-m", "tests.proofs.trainer")
        host = start("rack", *trainer, "host", rack[0].rpartition(":")[2], str(RACK))
        start("healthy", *trainer, "host", healthy[0].rpartition(":")[2], str(HEALTHY))
        training = {}
        for name, seconds in (("sidecar", 240), ("killed under watch", 3600), ("pushed", 3600)):
            file = home / f"{name}.jsonl"
            training[name] = start(f"{name} training", *trainer, "write", str(file), str(seconds))
        sidecar = start("sidecar", *_watch(home / "sidecar.jsonl", instances["sidecar"]))
        start(
            "killed under watch",
            *_watch(home / "killed under watch.jsonl", instances["killed under watch"]),
        )
        pushing = start(
            "pushed",
            *(str(PROGRAM), "watch", str(home / "pushed.jsonl"), "--no-web"),
            f"--otlp.endpoint={storage.url}/opentelemetry",
            OTEL_RESOURCE_ATTRIBUTES="service.instance.id=pushed",
        )
        start("unreadable", *_LIKE_ANYBODY, *_watch(_unreadable(home), instances["unreadable"]))
        site.times["begin"] = time.time()

        script = home / "run.py"
        script.write_text(_RUN.format(root=recordings.ROOT))
        run = start(
            "run",
            *(str(PROGRAM), "run", f"--web.listen-address={instances['finishes by run']}"),
            str(script),
        )
        assert training["sidecar"].wait(400) == 0
        site.times["sidecar ends"] = time.time()
        sidecar.close()
        assert run.wait(400) == 0, run.said()
        site.times["run ends"] = time.time()

        for name, server in (
            ("killed under watch", training["killed under watch"]),
            ("pushed", pushing),
            ("rack", host),
        ):
            server.kill()
            site.times[name] = time.time()
        # A run that is silent for 12 minutes pages within 15.
        time.sleep(15 * 60)
        yield site


_RUN = """
import sys, time
sys.path[:0] = ["{root}", "{root}/tests/standin"]
from esper.nissa.output import NissaHub
from sanctum_exporter.simulation import Simulation
from tests.live import live_event
hub = NissaHub()
simulation = Simulation(batches=8, epochs_per_episode=10)
for _, lines in zip(range(80), simulation.epochs()):
    for line in lines:
        hub.emit(live_event(line))
    time.sleep(3)
hub.close()
"""


def _free_ports(count: int) -> list[str]:
    """Return addresses with ports one after the other."""
    for first in range(20_000, 60_000, count):
        if _are_free(range(first, first + count)):
            return [f"127.0.0.1:{first + number}" for number in range(count)]
    raise OSError("no ports are free")


def _are_free(ports: range) -> bool:
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return False
    return True


def _configuration(home: Path, targets: list[str], alertmanager: str) -> Path:
    """Return Prometheus's default intervals, the shipped rules, and a job of no certain name."""
    path = home / "prometheus.yml"
    config = {
        "rule_files": [str(RULES / "*.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "scrape_configs": [
            {"job_name": "gpu-trainers", "static_configs": [{"targets": targets}]},
            {"job_name": "alertmanager", "static_configs": [{"targets": [alertmanager]}]},
        ],
    }
    path.write_text(yaml.safe_dump(config))
    return path


def _start_alertmanager(
    home: Path,
    tool: Callable[[str], Path],
    start: Callable[..., Server],
    receiver: Receiver,
    at: str,
) -> None:
    """Start it with the shipped file; its pager's URL can be read, that of warnings cannot."""
    config = (recordings.ROOT / "alertmanager.yml").read_text("utf-8")
    (home / "pager_url").write_text(f"http://{receiver.address}/pager")
    config = config.replace("/run/secrets/pager_url", str(home / "pager_url"))
    config = config.replace("/run/secrets/warnings_url", str(home / "missing"))
    # As its comment says for intervals of a minute.
    (home / "alertmanager.yml").write_text(config.replace("group_wait: 30s", "group_wait: 70s"))
    server = start(
        "alertmanager",
        str(tool("alertmanager")),
        f"--config.file={home / 'alertmanager.yml'}",
        f"--storage.path={home / 'alertmanager'}",
        f"--web.listen-address={at}",
        "--cluster.listen-address=",
    )
    server.wait_until_it_answers(f"http://{at}/-/ready")


def _watch(file: Path, at: str) -> tuple[str, ...]:
    return str(PROGRAM), "watch", str(file), f"--web.listen-address={at}"


def _unreadable(home: Path) -> Path:
    """Return a directory with a run that nobody may read."""
    file = home / "unreadable" / "telemetry_2026-01-01_000000" / "events.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"{}\n")
    file.chmod(0)
    return home / "unreadable"


def test_a_healthy_fleet_fires_nothing(site: Site) -> None:
    """Ten trainings, scraped and judged once a minute, for 20 minutes.

    The simulated policy begins badly, and a warning may say so.
    """
    fired = [site.fired(site.prometheus, instance) for instance in site.healthy]
    assert set().union(*fired) <= {("SanctumLowBlendSuccess", "warning")}
    up = site.prometheus.query('min_over_time(up{job="gpu-trainers"}[15m])')
    assert {dict(labels)["instance"] for labels, least in up.items() if least} >= set(site.healthy)


@pytest.mark.parametrize("name", ["finishes by run", "sidecar"])
def test_a_run_that_ends_between_two_scrapes_tells_nobody(site: Site, name: str) -> None:
    """Its last word may not have been heard; what was heard before is enough."""
    fired = site.fired(site.prometheus, site.instances[name])
    assert {alert for alert in fired if alert[1] != "info"} == set()


def test_a_trainer_killed_under_watch_pages_within_a_quarter_of_an_hour(site: Site) -> None:
    """It is a warning first."""
    fired = site.fired(site.prometheus, site.instances["killed under watch"])
    since = {severity: at - site.times["killed under watch"] for (_, severity), at in fired.items()}
    site.report("killed under watch", since)
    assert {alert for alert, _ in fired} == {"SanctumTelemetryStopped"}
    assert 600 - 60 < since["warning"] < since["critical"] < 900


def test_a_rack_that_dies_is_one_notification(site: Site) -> None:
    """Fifty exporters go at one moment: fifty alerts, and one page that holds them all."""
    pages = site.receiver.all("SanctumRunVanished", "firing")
    lost = [page for page in pages if page.labels["instance"] in site.rack]
    first = min(page.at for page in lost)
    site.report("rack", {"page": first - site.times["rack"]})
    assert {page.labels["instance"] for page in lost} == set(site.rack)
    assert max(page.at for page in lost) - first < 1


def test_what_is_pushed_pages_through_vmalert(site: Site) -> None:
    """There is no target and no ``up``; the exporter that pushes is killed."""
    fired = site.fired(site.storage, "pushed")
    at = fired["SanctumRunVanished", "critical"]
    site.report("pushed", {"critical": at - site.times["pushed"]})
    assert fired.keys() == {
        ("SanctumRunVanished", "critical"),
        ("SanctumExporterDown", "warning"),
    }


def test_an_unreadable_source_is_told(site: Site) -> None:
    """The exporter answers every scrape, and has nothing to say."""
    fired = site.fired(site.prometheus, site.instances["unreadable"])
    site.report("unreadable", {"warning": min(fired.values()) - site.times["begin"]})
    assert fired.keys() == {("SanctumSourceDown", "warning")}


def test_a_receiver_that_cannot_be_reached_is_told_by_the_other(site: Site) -> None:
    """The file with the URL for warnings is missing, so the pager hears of that."""
    assert site.receiver.all("AlertmanagerFailedToSendAlerts", "firing")
