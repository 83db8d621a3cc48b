"""What Grafana finds when it starts, as docker-compose.yml mounts it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from grafana import FOLDER
from tests.grafana import dashboards
from tests.recordings import ROOT

PROVISIONING = FOLDER.parent / "provisioning"
UIDS = ("sanctum-slots", "sanctum-fleet")


def read(path: str) -> Any:
    """Return a YAML document of the repository."""
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


def test_the_data_source_knows_the_scrape_interval() -> None:
    """Otherwise $__rate_interval is too short for rates, or longer than it needs to be."""
    (source,) = read("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert source["uid"] == "sanctum-prometheus"
    assert source["isDefault"] is True
    interval = read("prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == interval == "5s"


def test_compose_mounts_what_provisioning_names() -> None:
    """The dashboards, the provider and the home dashboard are where Grafana looks for them."""
    grafana = read("docker-compose.yml")["services"]["grafana"]
    mounts = dict(volume.split(":")[:2] for volume in grafana["volumes"])
    assert mounts["./grafana/provisioning"] == "/etc/grafana/provisioning"
    (provider,) = read("grafana/provisioning/dashboards/sanctum.yml")["providers"]
    assert mounts["./grafana/dashboards"] == provider["options"]["path"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/sanctum-slots.json"
    assert (FOLDER / "sanctum-slots.json").is_file()
    assert grafana["environment"]["GF_PLUGINS_PREINSTALL_AUTO_UPDATE"] == "false"
    assert grafana["environment"]["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


@pytest.mark.parametrize("uid", UIDS)
def test_every_linked_runbook_is_in_grafana(uid: str) -> None:
    """A link that is named after an alert opens the panel with that alert's runbook."""
    runbooks = dashboards.load("sanctum-runbooks")
    titles = {panel["id"]: panel["title"] for panel in runbooks["panels"]}
    linked = {
        (item["title"], item["url"])
        for item in every_object(dashboards.load(uid))
        if "viewPanel" in str(item.get("url"))
    }
    assert len(linked) > 3
    for title, url in linked:
        panel = url.removeprefix("/d/sanctum-runbooks?viewPanel=panel-")
        assert title == f"Runbook {titles[int(panel)]}"


def every_object(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object within a document."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from every_object(item)


def test_the_runbooks_are_those_of_the_documentation() -> None:
    """Every alert of the rules has its page as a panel, and no link in it leaves Grafana."""
    rules = read("rules/alerts.yml")["groups"]
    alerts = {rule["alert"] for group in rules for rule in group["rules"]}
    panels = {p["title"]: p for p in dashboards.load("sanctum-runbooks")["panels"]}
    assert panels.keys() == alerts
    for name, panel in panels.items():
        content = panel["options"]["content"]
        page = (ROOT / f"docs/runbooks/{name}.md").read_text("utf-8")
        headings = re.findall("^## .+$", page, re.MULTILINE)
        assert headings
        assert re.findall("^## .+$", content, re.MULTILINE) == headings
        targets = re.findall(r"\]\(([^)]*)\)", content)
        assert [target for target in targets if not target.startswith("/d/")] == []
