"""Rules, runbooks and documented queries speak of what there is."""

from __future__ import annotations

import re
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
    "alertmanager_notifications_failed_total": frozenset({"integration", "reason"}),
    "slurm_job_info": frozenset({"training", "job_id", "user", "partition"}),
}
"""What Prometheus, prometheus_client in every exporter, Alertmanager and deploy/slurm add."""
ON_ALERTING = {"Watchdog", "AlertmanagerFailedToSendAlerts"}
"""The alerts of ``meta.yml``, by the names that everybody gives them."""


def rules(name: str = "*") -> list[dict[str, Any]]:
    """Return every rule of ``rules/``, or of one of its files."""
    files = sorted((ROOT / "rules").glob(f"{name}.yml"))
    groups = [g for file in files for g in yaml.safe_load(file.read_text("utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts(file: str = "*") -> list[dict[str, Any]]:
    """Return the alerts of ``rules/``, or of one of its files."""
    return [rule for rule in rules(file) if "alert" in rule]


def severities() -> dict[str, list[str]]:
    """Return the severities of the alerts of each name, in the order of the file."""
    found: dict[str, list[str]] = {}
    for alert in alerts():
        found.setdefault(alert["alert"], []).append(alert["labels"]["severity"])
    return found


def of(alert: dict[str, Any]) -> str:
    """Return a test's id."""
    return f"{alert['alert']}-{alert['labels']['severity']}"


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
    # One that no side has does no harm, but for one that is misspelt.
    assert found.ignored_labels <= frozenset[str]().union(*known.values()), where


@pytest.mark.parametrize(
    "expression",
    [
        "sanctum_totl_slots",
        'sanctum_slots{state="DORMANT"}',
        "sum by (stage) (sanctum_envs)",
        "sanctum_slots and ignoring (stagee) sanctum_envs",
    ],
)
def test_a_wrong_name_is_noticed(expression: str) -> None:
    """The check above is able to fail: none of these is known."""
    with pytest.raises(AssertionError):
        test_every_metric_and_label_that_is_named_exists("here", expression)


def test_alerts_and_runbooks_match_both_ways() -> None:
    """Every alert has its runbook, every runbook its alert, and the index names all of them."""
    pages = {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == set(severities())
    index = (RUNBOOKS / "README.md").read_text("utf-8")
    rows = re.findall(r"(?m)^\| \[(\w+)\]\((\w+)\.md\) \| ([\w, ]+) \|", index)
    assert {name: named for name, _, named in rows} == {
        name: ", then ".join(reversed(found)) for name, found in severities().items()
    }
    assert all(name == page for name, page, _ in rows)


@pytest.mark.parametrize("name", severities())
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
    assert re.findall(r"\*\*(critical|warning|info|none)\*\*", page) == severities()[name][::-1]


@pytest.mark.parametrize("name", severities())
def test_two_alerts_of_one_name_are_one_that_escalates(name: str) -> None:
    """A name has a severity once, and what is worse stands first, as two alerts are read."""
    found = severities()[name]
    assert found in (["critical"], ["warning"], ["info"], ["none"], ["critical", "warning"])
    assert found != ["none"] or name == "Watchdog"


@pytest.mark.parametrize("alert", alerts("alerts"), ids=of)
def test_an_alert_says_who_what_and_where_to_look(alert: dict[str, Any]) -> None:
    """Name and the four texts are there; a template uses labels that the alert has."""
    assert re.fullmatch(r"Sanctum([A-Z][a-z]+)+", alert["alert"])
    texts = alert["annotations"]
    assert set(texts) == {"summary", "description", "runbook_url", "dashboard_url"}
    labels = promql.result_labels(alert["expr"], known_labels())
    used = used_labels(alert)
    assert used <= labels
    assert {"job", "instance", *({"group_id"} & labels)} <= used
    assert "$value" in texts["description"]
    assert re.search(r"/d/sanctum-(slots|fleet)\?var-job=", texts["dashboard_url"])


@pytest.mark.parametrize("alert", alerts("meta"), ids=of)
def test_an_alert_on_the_alerting_itself_is_known_by_its_usual_name(alert: dict[str, Any]) -> None:
    """It says what has happened, and leads to no dashboard of runs."""
    assert alert["alert"] in ON_ALERTING
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert "$value" in alert["annotations"]["description"]
    assert used_labels(alert) <= promql.result_labels(alert["expr"], known_labels())


def used_labels(alert: dict[str, Any]) -> set[str]:
    """Return the labels that the texts of an alert speak of."""
    return set(re.findall(r"\$labels\.(\w+)", " ".join(alert["annotations"].values())))


@pytest.mark.parametrize("alert", alerts(), ids=of)
def test_links_begin_with_an_external_label_and_are_empty_without_it(alert: dict[str, Any]) -> None:
    """A Prometheus that has none of these labels gives no link to nobody's host."""
    page = f"/docs/runbooks/{alert['alert']}.md"
    links = {"docs_url": alert["annotations"]["runbook_url"]}
    assert (
        links["docs_url"]
        == f"{{{{ with $externalLabels.docs_url }}}}{{{{ . }}}}{page}{{{{ end }}}}"
    )
    if "dashboard_url" in alert["annotations"]:
        links["grafana_url"] = alert["annotations"]["dashboard_url"].strip()
    for label, link in links.items():
        assert link.startswith(f"{{{{ with $externalLabels.{label} }}}}{{{{ . }}}}/")
        assert link.endswith("{{ end }}")
        assert link.count("{{ with ") == link.count("{{ end }}") == 1


@pytest.mark.parametrize("alert", alerts("alerts"), ids=of)
def test_an_alert_keeps_every_label_that_tells_processes_apart(alert: dict[str, Any]) -> None:
    """Nothing is aggregated or joined by a list of labels, which would lose cluster or pod."""
    assert promql.listed_labels(alert["expr"]) == set()
    assert promql.result_labels(alert["expr"], known_labels()) >= promql.TARGET_LABELS


@pytest.mark.parametrize(
    ("expression", "listed"),
    [
        ("sum by (job) (sanctum_slots)", {"job"}),
        ("sum(sanctum_slots)", {""}),
        ("topk(1, sanctum_slots)", {""}),
        ("sanctum_envs and on (job, instance) sanctum_slots", {"job", "instance"}),
        ("sum without (stage) (sanctum_slots)", set()),
        ("sanctum_envs and ignoring (stage) sanctum_slots > 0", set()),
    ],
)
def test_a_list_of_labels_to_keep_is_noticed(expression: str, listed: set[str]) -> None:
    """The check above is able to fail: what is named is kept, and the rest is lost."""
    assert promql.listed_labels(expression) == listed


def test_alerts_do_not_fire_anew_for_labels_that_only_describe() -> None:
    """What an alert is about is a process or a group of it, never a stage, reason or run id."""
    allowed = promql.TARGET_LABELS | {"run", "group_id"}
    known = known_labels()
    for alert in alerts("alerts"):
        assert promql.result_labels(alert["expr"], known) <= allowed, of(alert)


@pytest.mark.parametrize("alert", alerts("alerts"), ids=of)
def test_conditions_on_a_group_match_whatever_describes_one_of_them(alert: dict[str, Any]) -> None:
    """Labels that only one side has are ignored where two sides meet, or nothing would match."""
    assert promql.unmatched_labels(alert["expr"], known_labels()) == set()


def test_sides_that_cannot_match_are_noticed() -> None:
    """The check above is able to fail: with a stage on one side alone there is never a match."""
    expression = "sanctum_slots and sanctum_total_slots > 0"
    assert promql.unmatched_labels(expression, known_labels()) == {"stage"}
