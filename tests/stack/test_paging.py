"""From an event in a file to a pager, on the real servers, as docker-compose.yml starts them."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests import recordings
from tests.events import line
from tests.stack.composed import Composed, interpolated
from tests.stack.servers import Prometheus, Server, get, post, wait_for

pytestmark = pytest.mark.stack

PROGRAM = Path(sys.executable).with_name("sanctum-exporter")
REPLAY_SPEED = 8


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
    """Takes in the webhooks of Alertmanager."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def first(self, alertname: str, status: str) -> Notification | None:
        """Return the first notification of an alert that is firing or resolved."""
        for notification in self.notifications.copy():
            if notification.what[1:] == (alertname, status):
                return notification
        return None

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        notifications = self.notifications

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                notifications.extend(
                    Notification(
                        time.time(),
                        self.path.strip("/"),
                        alert["status"],
                        alert["labels"],
                        alert["annotations"],
                    )
                    for alert in body["alerts"]
                )
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class Run:
    """A telemetry file that grows, with events of this moment."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.touch()

    def write(self, event_type: str, data: dict[str, Any]) -> float:
        """Append an event and return its time."""
        now = datetime.now(UTC)
        with self.file.open("ab") as file:
            file.write(line(event_type, data, timestamp=now.isoformat()) + b"\n")
        return now.timestamp()

    def start(self, slot_ids: list[str]) -> float:
        """Start a run of four envs and sixteen episodes."""
        return self.write(
            "TRAINING_STARTED",
            {
                "n_envs": 4,
                "slot_ids": slot_ids,
                "start_episode": 0,
                "n_episodes": 16,
                "episode_id": "ppo_7_16ep",
                "task": "cifar_baseline",
                "reward_mode": "shaped",
            },
        )


@dataclass
class Story:
    """What happened, and when; instances are the exporters' addresses."""

    receiver: Receiver
    prometheus: Prometheus
    alertmanager_url: str
    slotless: str
    doomed: str
    healthy: str
    times: dict[str, float] = field(default_factory=dict)

    def seconds(self, event: str, alertname: str, status: str) -> float:
        """Return the seconds from an event to its notification."""
        notification = self.receiver.first(alertname, status)
        assert notification is not None
        return notification.at - self.times[event]


@pytest.fixture(scope="module")
def story(
    stack_tool: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """Tell the story of three exporters, and of a Prometheus that dies in the middle of it.

    One run starts without slots, and gets some when the pager knows. One is killed halfway. One
    replays the whole A/B recording and exits.
    """
    tools = {name: stack_tool(name) for name in ("docker-compose", "prometheus", "alertmanager")}
    home = tmp_path_factory.mktemp("paging")
    config = interpolated(tools["docker-compose"])
    with ExitStack() as running:
        receiver = Receiver()
        running.callback(receiver.close)
        addresses: dict[str, Any] = {"receiver:8080": receiver.address}

        def start(argv: list[str], name: str, **env: str) -> Server:
            path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
            server = Server(argv, home / f"{name}.log", os.environ | {"PATH": path} | env, home)
            running.callback(server.close)
            return server

        def exporter(name: str) -> tuple[Composed, Server, Run]:
            composed = Composed(config, "exporter", home / name, {})
            run = Run(home / f"{name}.jsonl")
            server = start(composed.script(), name, FOLLOW=str(run.file))
            server.wait_until_it_answers(f"{composed.url}/metrics")
            return composed, server, run

        slotless, _, slotless_run = exporter("slotless")
        doomed, doomed_server, doomed_run = exporter("doomed")
        healthy = Composed(config, "exporter", home / "healthy", {})
        addresses["exporter:10500"] = tuple(
            f"127.0.0.1:{composed.port}" for composed in (slotless, doomed, healthy)
        )

        alertmanager = Composed(config, "alertmanager", home / "alertmanager", addresses)
        addresses["alertmanager:9093"] = f"127.0.0.1:{alertmanager.port}"
        start(alertmanager.command(tools["alertmanager"]), "am").wait_until_it_answers(
            f"{alertmanager.url}/-/ready"
        )
        prometheus = Composed(config, "prometheus", home / "prometheus", addresses)
        api = Prometheus(prometheus.url)

        def start_prometheus() -> Server:
            server = start(prometheus.command(tools["prometheus"]), "prometheus")
            server.wait_until_it_answers(f"{prometheus.url}/-/ready")
            return server

        prometheus_server = start_prometheus()
        story = Story(
            receiver, api, alertmanager.url, *(str(a) for a in addresses["exporter:10500"])
        )

        doomed_run.start(["r0c0", "r0c1", "r0c2"])
        doomed_run.write("BATCH_EPOCH_COMPLETED", {"episodes_completed": 4})
        replay = [str(PROGRAM), "replay", str(recordings.path("ab"))]
        replay += [
            f"--speed={REPLAY_SPEED}",
            "--linger=10s",
            f"--web.listen-address={story.healthy}",
        ]
        healthy_server = start(replay, "replay")
        current = f'sanctum_current_episode{{instance="{story.doomed}"}} == 4'
        wait_for("the doomed run in Prometheus", lambda: api.query(current), 30)

        story.times["start without slots"] = slotless_run.start([])
        doomed_server.kill()
        story.times["process killed"] = time.time()

        wait_for("page about no slots", lambda: receiver.first("SanctumNoSlots", "firing"), 90)
        story.times["Prometheus killed"] = time.time()
        prometheus_server.kill()
        start_prometheus()
        wait_for("the restarted Prometheus to fire", lambda: firing(api, "SanctumNoSlots"), 60)
        story.times["slots came"] = slotless_run.start(["r0c0", "r0c1", "r0c2"])
        wait_for("resolved", lambda: receiver.first("SanctumNoSlots", "resolved"), 60)
        wait_for("vanished", lambda: receiver.first("SanctumRunVanished", "firing"), 150)
        assert healthy_server.wait(120) == 0, healthy_server.said()
        yield story


def firing(prometheus: Prometheus, alertname: str) -> bool:
    """Tell whether Prometheus itself, since its start, has an alert firing."""
    alerts = prometheus.ask("alerts")["alerts"]
    return (alertname, "firing") in {(a["labels"]["alertname"], a["state"]) for a in alerts}


def test_a_run_that_starts_without_slots_pages_with_its_group_and_runbook(story: Story) -> None:
    """The pager, and only the pager, gets it once; it names group, instance and links."""
    (page,) = [
        n for n in story.receiver.notifications if n.what[1:] == ("SanctumNoSlots", "firing")
    ]
    assert page.receiver == "pager"
    assert page.labels == {
        "alertname": "SanctumNoSlots",
        "severity": "critical",
        "job": "sanctum",
        "instance": story.slotless,
        "group_id": "default",
    }
    assert page.annotations["runbook_url"] == (
        "http://localhost:3000/public/docs/runbooks/SanctumNoSlots.md"
    )
    assert page.annotations["dashboard_url"].startswith(
        "http://localhost:3000/d/sanctum-slots?var-job=sanctum&var-instance=127.0.0.1%3A"
    )
    assert f"group default of sanctum at {story.slotless}" in page.annotations["description"]


def test_slots_resolve_the_page(story: Story) -> None:
    """The resolved notification goes to the pager once, and after the slots came."""
    (resolved,) = [
        n for n in story.receiver.notifications if n.what[1:] == ("SanctumNoSlots", "resolved")
    ]
    assert resolved.receiver == "pager"
    assert resolved.at > story.times["slots came"]


def test_a_killed_process_causes_one_page(story: Story) -> None:
    """SIGKILL in the middle of a run: the page about that, with the episodes left, and no other."""
    of_the_doomed = [
        n for n in story.receiver.notifications if n.labels["instance"] == story.doomed
    ]
    assert [n.what for n in of_the_doomed] == [("pager", "SanctumRunVanished", "firing")]
    assert "12 episodes left" in of_the_doomed[0].annotations["description"]


def test_a_healthy_run_that_finishes_and_exits_causes_nothing(story: Story) -> None:
    """A whole A/B recording: no notification, and no alert about its end so much as pending."""
    notified = {n.labels["instance"] for n in story.receiver.notifications}
    assert story.healthy not in notified
    of_the_healthy = f'{{instance="{story.healthy}"}}'
    seen = story.prometheus.query(f"max_over_time(sanctum_current_episode{of_the_healthy}[1h])")
    assert sorted(seen.values()) == [12, 12]
    alerts = story.prometheus.query(f"last_over_time(ALERTS{of_the_healthy}[1h])")
    pending = {(dict(labels)["alertname"], dict(labels)["alertstate"]) for labels in alerts}
    assert pending <= {("SanctumNoActiveSlots", "pending"), ("SanctumMostlyDormant", "pending")}


def test_a_restart_of_prometheus_loses_and_doubles_nothing(story: Story) -> None:
    """Three notifications in all, and what was scraped before the restart is still there."""
    assert sorted(n.what for n in story.receiver.notifications) == [
        ("pager", "SanctumNoSlots", "firing"),
        ("pager", "SanctumNoSlots", "resolved"),
        ("pager", "SanctumRunVanished", "firing"),
    ]
    doomed = f'sanctum_current_episode{{instance="{story.doomed}"}}'
    before = story.prometheus.query(doomed, at=story.times["process killed"])
    assert list(before.values()) == [4]


def test_a_dead_process_silences_its_own_warnings(story: Story) -> None:
    """Alertmanager holds back a warning of the killed process, and passes on another's."""
    down = {"alertname": "SanctumExporterDown", "severity": "warning", "job": "sanctum"}
    alerts = [
        {"labels": down | {"instance": instance}} for instance in (story.doomed, "other:10500")
    ]
    post(f"{story.alertmanager_url}/api/v2/alerts", alerts)

    def states() -> dict[str, str] | None:
        text = get(f"{story.alertmanager_url}/api/v2/alerts?filter=alertname=SanctumExporterDown")
        found = {a["labels"]["instance"]: a["status"]["state"] for a in json.loads(text or "[]")}
        return found if "unprocessed" not in found.values() and len(found) == 2 else None

    assert wait_for("alerts in Alertmanager", states, 30) == {
        story.doomed: "suppressed",
        "other:10500": "active",
    }


def test_no_alert_comes_before_its_time(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    """A page waits as long as its alert says; the seconds it took are shown."""
    to_page = story.seconds("start without slots", "SanctumNoSlots", "firing")
    to_resolved = story.seconds("slots came", "SanctumNoSlots", "resolved")
    to_vanished = story.seconds("process killed", "SanctumRunVanished", "firing")
    with capsys.disabled():
        sys.stdout.write(
            f"\nseconds from event to notification: no slots {to_page:.1f}, "
            f"slots came {to_resolved:.1f}, process killed {to_vanished:.1f}\n"
        )
    assert to_page > 30
    assert to_vanished > 60
