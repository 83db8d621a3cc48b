"""Other engines, with the files of deploy/: the same values and the same alerts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.exporter import serve
from tests import recordings
from tests.events import line
from tests.stack.servers import Prometheus
from tests.stack.storage import DEPLOY, Stack, StackTool, values
from tests.waiting import wait_for

pytestmark = pytest.mark.stack

LINKS = {"grafana_url": "http://grafana:3000", "docs_url": "http://grafana:3000/public"}
RULES = recordings.ROOT / "rules"


class Site(NamedTuple):
    """One exporter and everything that deploy/ can put behind it."""

    prometheus: Prometheus
    written_by_prometheus: Prometheus
    written_by_vmagent: Prometheus
    vmalert: Prometheus


@pytest.fixture(scope="module")
def site(stack_tool: StackTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A run without a slot, scraped by Prometheus and by vmagent, judged by both kinds of rules."""
    folder = tmp_path_factory.mktemp("site")
    intake = Intake(Groups())
    started = {"n_envs": 4, "slot_ids": [], "start_episode": 0, "n_episodes": 16}
    intake.line(line("TRAINING_STARTED", started, timestamp=None), 1)
    server = serve(intake, ListenAddress("127.0.0.1", 0), origin="test")
    stack = Stack(stack_tool, folder)
    try:
        by_prometheus, by_vmagent = stack.victoria_metrics(), stack.victoria_metrics()
        example = DEPLOY / "scrape" / "targets" / "example.yml"
        (folder / "targets").mkdir()
        stack.configured(example, {"node017:10500": str(server.address)}).rename(
            folder / "targets" / "example.yml"
        )
        fast = {"scrape_interval: 15s": "scrape_interval: 1s"}
        scrape = stack.configured(DEPLOY / "scrape" / "file.yml", fast)
        config = stack.configured(
            DEPLOY / "prometheus" / "victoria-metrics.yml",
            {
                **fast,
                "evaluation_interval: 15s": "evaluation_interval: 1s",
                "../../rules": str(RULES),
                "../scrape/file.yml": str(scrape),
                "http://victoria-metrics:8428": by_prometheus.url,
            },
        )
        stack.vmagent(scrape, by_vmagent)
        yield Site(
            stack.prometheus(config),
            by_prometheus,
            by_vmagent,
            stack.vmalert(RULES, by_vmagent, LINKS),
        )
    finally:
        stack.close()
        server.close()


def test_what_is_written_on_is_what_was_scraped(site: Site) -> None:
    """Remote write and vmagent store every series that Prometheus has, with the target's labels."""
    ours = 'job="sanctum", training_job="48211", rank="0"'

    def everywhere() -> bool:
        expected = values(site.prometheus, ours).keys()
        stored = [
            values(s, ours).keys() for s in (site.written_by_prometheus, site.written_by_vmagent)
        ]
        with_external = {(n, labels | {("prometheus", "site-a")}) for n, labels in expected}
        return bool(expected) and stored == [with_external, expected]

    wait_for("the same series everywhere", everywhere, 30)


def firing(server: Prometheus) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Return labels and annotations of what fires, by the name of the alert."""
    alerts: list[dict[str, Any]] = server.ask("alerts")["alerts"]
    return {
        alert["labels"]["alertname"]: (
            {
                k: v
                for k, v in alert["labels"].items()
                if k not in ("alertgroup", *LINKS, "prometheus")
            },
            alert["annotations"],
        )
        for alert in alerts
        if alert["state"] == "firing"
    }


def test_alerts_fire_in_vmalert_as_in_prometheus(site: Site) -> None:
    """A run without slots pages through either, with the same labels, texts and links."""
    wait_for("the alert, in Prometheus", lambda: "SanctumNoSlots" in firing(site.prometheus), 90)
    wait_for("the alert, in vmalert", lambda: "SanctumNoSlots" in firing(site.vmalert), 90)
    expected, found = firing(site.prometheus), firing(site.vmalert)
    assert found["SanctumNoSlots"] == expected["SanctumNoSlots"]
    assert found.keys() == expected.keys()


def test_rules_of_the_fleet_give_the_same_values(site: Site) -> None:
    """A recording rule that vmalert evaluated is worth what it is worth in Prometheus."""
    query = 'job_group:sanctum_total_slots:sum{job="sanctum"}'
    wait_for("the rule in vmalert", lambda: site.written_by_vmagent.query(query), 90)
    assert site.written_by_vmagent.query(query) == site.prometheus.query(query)
