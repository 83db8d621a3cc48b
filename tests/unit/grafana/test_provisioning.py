"""What Grafana finds when it starts, as docker-compose.yml mounts it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from grafana import FOLDER
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
def test_every_linked_runbook_exists(uid: str) -> None:
    """A link from a panel leads to a page that somebody wrote."""
    text = (FOLDER / f"{uid}.json").read_text("utf-8")
    linked = set(re.findall(r"\$\{docs_url\}/runbooks/(\w+)\.md", text))
    assert len(linked) > 3
    assert [name for name in linked if not (ROOT / f"docs/runbooks/{name}.md").is_file()] == []
