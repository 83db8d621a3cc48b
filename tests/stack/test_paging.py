"""From an event in a file to a pager, on the real servers, as docker-compose.yml starts them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import recordings
from tests.events import line
from tests.stack.composed import PROGRAM, Deployment
from tests.stack.receiver import Receiver
from tests.stack.servers import Prometheus, get, post
from tests.waiting import wait_for

pytestmark = pytest.mark.stack

REPLAY_SPEED = 8


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


@dataclass(frozen=True)
class Story:
    """What happened, and when; the exporters by their instance."""

    receiver: Receiver
    prometheus: Prometheus
    alertmanager_url: str
    slotless: str
    doomed: str
    healthy: str
    times: dict[str, float] = field(default_factory=dict)

    def happened(self, event: str, at: float | None = None) -> None:
        """Note the time of an event."""
        self.times[event] = time.time() if at is None else at

    def wait_for(self, alertname: str, status: str, deadline_seconds: float) -> None:
        """Wait for a notification."""
        what = f"{alertname} {status}"
        wait_for(what, lambda: self.receiver.all(alertname, status), deadline_seconds)

    def seconds(self, event: str, alertname: str, status: str) -> float:
        """Return the seconds from an event to its notification."""
        return self.receiver.all(alertname, status)[0].at - self.times[event]


@pytest.fixture(scope="module")
def story(
    stack_tool: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """Tell the story of three exporters, and of a Prometheus that dies in the middle of it.

    One run starts without slots, and gets some when the pager knows. One is killed halfway. One
    replays the whole A/B recording and exits.
    """
    home = tmp_path_factory.mktemp("paging")
    with ExitStack() as running:
        receiver = Receiver()
        running.callback(receiver.close)
        deployment = Deployment(stack_tool, home, running)
        slotless, doomed, healthy = (
            deployment.place("exporter", name) for name in ("slotless", "doomed", "healthy")
        )
        deployment.addresses |= {
            "receiver:8080": receiver.address,
            "exporter:10500": (slotless.address, doomed.address, healthy.address),
        }
        alertmanager = deployment.place("alertmanager")
        deployment.addresses["alertmanager:9093"] = alertmanager.address
        prometheus = deployment.place("prometheus")
        api = Prometheus(prometheus.url)
        story = Story(
            receiver, api, alertmanager.url, slotless.address, doomed.address, healthy.address
        )

        slotless_run, doomed_run = Run(home / "slotless.jsonl"), Run(home / "doomed.jsonl")
        deployment.start_exporter(slotless, slotless_run.file)
        doomed_server = deployment.start_exporter(doomed, doomed_run.file)
        deployment.start_tool(alertmanager, "alertmanager")
        prometheus_server = deployment.start_tool(prometheus, "prometheus")

        doomed_run.start(["r0c0", "r0c1", "r0c2"])
        doomed_run.write("BATCH_EPOCH_COMPLETED", {"episodes_completed": 4})
        replay = [str(PROGRAM), "replay", str(recordings.path("ab"))]
        replay += [f"--speed={REPLAY_SPEED}", "--linger=10s"]
        replay += [f"--web.listen-address={story.healthy}"]
        healthy_server = deployment.start(healthy, replay, "/metrics")
        current = f'sanctum_current_episode{{instance="{story.doomed}"}} == 4'
        wait_for("the doomed run in Prometheus", lambda: api.query(current), 30)

        story.happened("start without slots", slotless_run.start([]))
        doomed_server.kill()
        story.happened("process killed")

        story.wait_for("SanctumNoSlots", "firing", 90)
        prometheus_server.kill()
        deployment.start_tool(prometheus, "prometheus")
        wait_for("the restarted Prometheus to fire", lambda: firing(api, "SanctumNoSlots"), 60)
        story.happened("slots came", slotless_run.start(["r0c0", "r0c1", "r0c2"]))
        story.wait_for("SanctumNoSlots", "resolved", 60)
        story.wait_for("SanctumRunVanished", "firing", 150)
        assert healthy_server.wait(120) == 0, healthy_server.said()
        yield story


def firing(prometheus: Prometheus, alertname: str) -> bool:
    """Tell whether Prometheus itself, since its start, has an alert firing."""
    alerts = prometheus.ask("alerts")["alerts"]
    return (alertname, "firing") in {(a["labels"]["alertname"], a["state"]) for a in alerts}


def test_a_run_that_starts_without_slots_pages_with_its_group_and_runbook(story: Story) -> None:
    """The pager, and only the pager, gets it once; it names group, instance and links."""
    (page,) = story.receiver.all("SanctumNoSlots", "firing")
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
    (resolved,) = story.receiver.all("SanctumNoSlots", "resolved")
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


def test_without_anything_set_the_exporter_of_the_compose_file_runs_the_demo(
    stack_tool: Callable[[str], Path], tmp_path: Path
) -> None:
    """`docker compose up` alone serves a simulated A/B run, with slots."""
    with ExitStack() as running:
        deployment = Deployment(stack_tool, tmp_path, running)
        exporter = deployment.place("exporter")
        deployment.start_exporter(exporter, "")
        metrics = get(f"{exporter.url}/metrics") or ""
        for group in ("A", "B"):
            assert f'sanctum_total_slots{{group_id="{group}"}} 12.0\n' in metrics
