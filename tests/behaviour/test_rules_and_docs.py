"""Rules, runbooks and documented queries speak of what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sanctum_exporter.catalogue import labels_by_name
from tests import promql, recordings

ROOT = recordings.ROOT
RUNBOOKS = ROOT / "docs" / "runbooks"
OTHERS = {
    "up": frozenset[str](),
    "ALERTS": frozenset({"alertname", "alertstate", "severity", "group_id", "run"}),
    "process_start_time_seconds": frozenset[str](),
    "process_resident_memory_bytes": frozenset[str](),
    "process_cpu_seconds_total": frozenset[str](),
    "scrape_duration_seconds": frozenset[str](),
}
"""What Prometheus itself, and prometheus_client in every exporter, add."""


def rules() -> list[dict[str, Any]]:
    """Return every rule of ``rules/``."""
    files = sorted((ROOT / "rules").glob("*.yml"))
    groups = [g for file in files for g in yaml.safe_load(file.read_text("utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """Return the alerts by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def known_labels() -> dict[str, frozenset[str]]:
    """Return the labels of every metric that there is, recorded ones included."""
    known = labels_by_name() | OTHERS
    for rule in rules():
        if "record" in rule:
            known[rule["record"]] = promql.result_labels(rule["expr"], known)
    return known


def documented() -> list[tuple[str, str]]:
    """Return the PromQL of every page of ``docs/``, with the name of the page."""
    pages = sorted((ROOT / "docs").rglob("*.md"))
    return [
        (page.name, block)
        for page in pages
        for block in re.findall(
            r"^```promql\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
        )
    ]


EXPRESSIONS = [(r.get("alert") or r["record"], r["expr"]) for r in rules()] + documented()


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS)
def test_every_metric_and_label_that_is_named_exists(where: str, expression: str) -> None:
    """Rules and documented queries name what the catalogue, a rule or Prometheus itself has."""
    known = known_labels()
    found = promql.names(expression)
    assert set(found.labels_by_metric) <= set(known), where
    available = promql.TARGET_LABELS
    for name, labels in found.labels_by_metric.items():
        available |= known[name]
        assert labels <= known[name] | promql.TARGET_LABELS, f"{where}: {name}"
    assert found.other_labels <= available, where


@pytest.mark.parametrize("expression", ["sanctum_totl_slots", 'sanctum_slots{state="DORMANT"}'])
def test_a_wrong_name_is_noticed(expression: str) -> None:
    """The check above is able to fail: neither of these is known."""
    with pytest.raises(AssertionError):
        test_every_metric_and_label_that_is_named_exists("here", expression)


def test_alerts_and_runbooks_match_both_ways() -> None:
    """Every alert has its runbook, every runbook its alert, and the index names them all."""
    pages = {page.stem for page in RUNBOOKS.glob("Sanctum*.md")}
    assert pages == set(alerts())
    index = (RUNBOOKS / "README.md").read_text("utf-8")
    assert set(re.findall(r"\]\((Sanctum\w+)\.md\)", index)) == pages


@pytest.mark.parametrize("name", alerts())
def test_a_runbook_tells_what_it_means_how_to_check_and_what_to_do(name: str) -> None:
    """A page is headed by its alert, has PromQL to check with, and says what to do."""
    page = (RUNBOOKS / f"{name}.md").read_text("utf-8")
    assert page.startswith(f"# {name}\n")
    assert re.findall(r"(?m)^## (.*)$", page) == [
        "What it means",
        "How to check",
        "What to do",
    ]
    check = page[page.index("## How to check") : page.index("## What to do")]
    assert "```promql" in check
    assert f"**{alerts()[name]['labels']['severity']}**" in page


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_who_what_and_where_to_look(name: str) -> None:
    """Name, severity and the five texts are there; a template uses labels that the alert has."""
    alert = alerts()[name]
    assert re.fullmatch(r"Sanctum([A-Z][a-z]+)+", name)
    assert alert["labels"]["severity"] in ("critical", "warning")
    texts = alert["annotations"]
    assert set(texts) == {"summary", "description", "runbook_url", "dashboard_url"}
    labels = promql.result_labels(alert["expr"], known_labels())
    used = set(re.findall(r"\$labels\.(\w+)", " ".join(texts.values())))
    assert used <= labels
    assert {"job", "instance", *({"group_id"} & labels)} <= used
    assert "$value" in texts["description"]
    assert texts["runbook_url"].endswith(f"/docs/runbooks/{name}.md")
    assert re.search(r"/d/sanctum-(slots|fleet)\?var-job=", texts["dashboard_url"])


def test_alerts_do_not_fire_anew_for_labels_that_only_describe() -> None:
    """What an alert is about is a process or a group of it, never a stage, reason or run id."""
    allowed = {"job", "instance", "run", "group_id"}
    known = known_labels()
    for name, alert in alerts().items():
        assert promql.result_labels(alert["expr"], known) <= allowed, name


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    """The rule tests cover both for each alert, and the quiet ones every healthy situation."""
    cases: dict[str, set[bool]] = {name: set() for name in alerts()}
    for group in yaml.safe_load(_rule_test("firing"))["tests"]:
        for case in group["alert_rule_test"]:
            cases[case["alertname"]].add(bool(case["exp_alerts"]))
    assert cases == {name: {True, False} for name in cases}
    quiet = " ".join(group["name"] for group in yaml.safe_load(_rule_test("quiet"))["tests"])
    for situation in ("Start-up", "failed scrape", "finished run", "restart", "A/B run", "paused"):
        assert situation in quiet


def _rule_test(name: str) -> str:
    return Path(ROOT / "rules" / "tests" / f"{name}.test.yml").read_text("utf-8")
