"""The mixin, rendered by Jsonnet, is what is shipped as files."""

from __future__ import annotations

import json
from typing import Any

import _jsonnet
import pytest
import yaml

from grafana import FOLDER
from tests.recordings import ROOT

MIXIN = ROOT / "deploy" / "mixin" / "mixin.libsonnet"


def rendered(field: str, config: str = "{}") -> dict[str, Any]:
    """Return a hidden field of the mixin, with some of its configuration changed."""
    text = f"((import 'mixin.libsonnet') + {{ _config+:: {config} }}).{field}"
    found: dict[str, Any] = json.loads(_jsonnet.evaluate_snippet(str(MIXIN), text))
    return found


def shipped(name: str) -> list[dict[str, Any]]:
    """Return the groups of a file of rules."""
    groups: list[dict[str, Any]] = yaml.safe_load((ROOT / "rules" / name).read_text("utf-8"))[
        "groups"
    ]
    return groups


def test_dashboards_are_those_of_the_folder() -> None:
    """Each is there by its file's name, and none is left out."""
    files = {path.name: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
    assert len(files) == 4
    assert rendered("grafanaDashboards") == files


def test_rules_are_those_of_the_files() -> None:
    """Alerts and records are the same to the last expression and annotation."""
    assert rendered("prometheusAlerts") == {"groups": shipped("alerts.yml")}
    assert rendered("prometheusRules") == {"groups": shipped("recording.yml")}
    with_meta = rendered("prometheusAlerts", "{ metaAlerts: true }")["groups"]
    assert with_meta == shipped("alerts.yml") + shipped("meta.yml")


def test_a_mixin_beside_others_adds_to_them() -> None:
    """As every mixin does: what another one has stays."""
    text = (
        "{ grafanaDashboards+:: { 'other.json': {} },"
        " prometheusAlerts+:: { groups+: [{ name: 'other', rules: [] }] } }"
        " + (import 'mixin.libsonnet')"
    )
    for field, expected in (("grafanaDashboards", "other.json"), ("prometheusAlerts", "other")):
        answer = _jsonnet.evaluate_snippet(str(MIXIN), f"({text}).{field}")
        assert f'"{expected}"' in answer
        assert "sanctum" in answer


@pytest.mark.parametrize("removed", ["SanctumMostlyDormant", "SanctumTelemetryStopped"])
def test_the_configuration_changes_what_it_names(removed: str) -> None:
    """Tags and refresh of dashboards, labels of alerts, and alerts that are not wanted."""
    config = f"""{{
        dashboardTags: ['ml'], dashboardRefresh: '1m',
        alertLabels: {{ team: 'growth' }}, withoutAlerts: ['{removed}'],
    }}"""
    dashboards = rendered("grafanaDashboards", config)
    assert {tuple(dashboard["tags"]) for dashboard in dashboards.values()} == {("ml",)}
    refresh = {name: dashboard.get("refresh") for name, dashboard in dashboards.items()}
    assert refresh["sanctum-fleet.json"] == refresh["sanctum-compare.json"] == "1m"
    assert refresh["sanctum-slots.json"] == "5s"
    alerts = [r for g in rendered("prometheusAlerts", config)["groups"] for r in g["rules"]]
    assert {alert["labels"]["team"] for alert in alerts} == {"growth"}
    left = {rule["alert"] for group in shipped("alerts.yml") for rule in group["rules"]}
    assert {alert["alert"] for alert in alerts} == left - {removed}
