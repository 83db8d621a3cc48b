"""From an event in a file to a pager, on the real servers, as docker-compose.yml starts them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import recordings
from tests.growing import Run
from tests.stack.composed import PROGRAM, Deployment
from tests.stack.receiver import Receiver
from tests.stack.servers import Prometheus, get, post
from tests.waiting import wait_for

pytestmark = pytest.mark.stack

REPLAY_SPEED = 8


@dataclass(frozen=True)
class Story:
    """What happened, and when; the exporters by their instance."""

    receiver: Receiver
    prometheus: Prometheus
    alertmanager_url: str
    slotless: str
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
    """Tell the story of two exporters, and of a Prometheus that dies in the middle of it.

    One run starts without slots, and gets some when the pager knows. One replays the whole A/B
    recording and exits at its end. What takes longer is in tests/proofs.
    """
    home = tmp_path_factory.mktemp("paging")
    with ExitStack() as running:
        receiver = Receiver()
        running.callback(receiver.close)
        deployment = Deployment(stack_tool, home, running)
        slotless, healthy = (deployment.place("exporter", name) for name in ("slotless", "healthy"))
        deployment.addresses |= {
            "receiver:8080": receiver.address,
            "exporter:10500": (slotless.address, healthy.address),
        }
        alertmanager = deployment.place("alertmanager")
        deployment.addresses["alertmanager:9093"] = alertmanager.address
        prometheus = deployment.place("prometheus")
        api = Prometheus(prometheus.url)
        story = Story(receiver, api, alertmanager.url, slotless.address, healthy.address)

        slotless_run = Run(home / "slotless.jsonl")
        deployment.start_exporter(slotless, slotless_run.file)
        deployment.start_tool(alertmanager, "alertmanager")
        prometheus_server = deployment.start_tool(prometheus, "prometheus")

        replay = [str(PROGRAM), "replay", str(recordings.path("ab"))]
        replay += [f"--speed={REPLAY_SPEED}", "--linger=0s"]
        replay += [f"--web.listen-address={story.healthy}"]
        healthy_server = deployment.start(healthy, replay, "/metrics")
        assert healthy_server.wait(120) == 0, healthy_server.said()

        story.happened("start without slots", slotless_run.start([]))
        wait_for("Prometheus to fire", lambda: firing(api, "SanctumNoSlots"), 90)
        prometheus_server.kill()
        deployment.start_tool(prometheus, "prometheus")
        story.wait_for("SanctumNoSlots", "firing", 150)
        wait_for("the restarted Prometheus to fire", lambda: firing(api, "SanctumNoSlots"), 60)
        story.happened("slots came", slotless_run.start(["r0c0", "r0c1", "r0c2"]))
        story.wait_for("SanctumNoSlots", "resolved", 120)
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


def test_a_run_that_finishes_and_exits_at_once_has_said_its_last_word(story: Story) -> None:
    """Prometheus has the values of the end, so nothing seems to be under way any more."""
    of_the_healthy = f'{{instance="{story.healthy}"}}'
    seen = story.prometheus.query(f"last_over_time(sanctum_current_episode{of_the_healthy}[1h])")
    assert sorted(seen.values()) == [12, 12]
    under_way = f"last_over_time(sanctum_exporter_runs_under_way{of_the_healthy}[1h])"
    assert list(story.prometheus.query(under_way).values()) == [0]
    assert story.prometheus.query(f"ALERTS{of_the_healthy}") == {}
    notified = {n.labels["instance"] for n in story.receiver.notifications}
    assert story.healthy not in notified


def test_a_restart_of_prometheus_loses_and_doubles_nothing(story: Story) -> None:
    """Two notifications in all, and what was scraped before the restart is still there."""
    assert sorted(n.what for n in story.receiver.notifications) == [
        ("pager", "SanctumNoSlots", "firing"),
        ("pager", "SanctumNoSlots", "resolved"),
    ]


def test_only_what_is_implied_is_held_back(story: Story) -> None:
    """A warning is, once it has escalated; another run's, and another warning of it, are not."""
    identity = {"job": "sanctum", "instance": story.slotless, "group_id": "default"}
    stopped = {"alertname": "SanctumTelemetryStopped", **identity}
    alerts = [
        {**stopped, "severity": "critical"},
        {**stopped, "severity": "warning"},
        {**stopped, "severity": "warning", "instance": "other:10500"},
        {**stopped, "severity": "warning", "cluster": "another"},
        {**identity, "alertname": "SanctumHighPruneRate", "severity": "warning"},
    ]
    post(f"{story.alertmanager_url}/api/v2/alerts", [{"labels": labels} for labels in alerts])

    def states() -> list[str] | None:
        found = json.loads(get(f"{story.alertmanager_url}/api/v2/alerts") or "[]")
        by_labels = {frozenset(a["labels"].items()): a["status"]["state"] for a in found}
        ours = [by_labels.get(frozenset(labels.items()), "unprocessed") for labels in alerts]
        return None if "unprocessed" in ours else ours

    expected = ["active", "suppressed", "active", "active", "active"]
    assert wait_for("alerts in Alertmanager", states, 30) == expected


def test_no_alert_comes_before_its_time(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    """A page waits as long as its alert says; the seconds it took are shown."""
    to_page = story.seconds("start without slots", "SanctumNoSlots", "firing")
    to_resolved = story.seconds("slots came", "SanctumNoSlots", "resolved")
    with capsys.disabled():
        sys.stdout.write(
            f"\nseconds from event to notification: no slots {to_page:.1f}, "
            f"slots came {to_resolved:.1f}\n"
        )
    assert to_page > 30


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
