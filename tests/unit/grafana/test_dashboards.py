"""What can be told of the dashboards from their JSON alone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import promql_parser
import pytest
import yaml

from grafana.promql import known_labels
from sanctum_exporter.catalogue import labels_by_name
from tests import promql
from tests.grafana import dashboards
from tests.recordings import ROOT

UIDS = ("sanctum-slots", "sanctum-fleet", "sanctum-compare")
TEXT_UIDS = (*UIDS, "sanctum-runbooks")
CORE_PANELS = {
    *("row", "stat", "bargauge", "timeseries", "table", "text", "alertlist"),
    *("heatmap", "xychart"),
}
RATE_INTERVAL = timedelta(seconds=31)
OVER_A_RATE_INTERVAL = {"rate", "increase", "irate", "delta", "deriv"}


def every_panel() -> list[Any]:
    """Return each panel of each dashboard, as a test parameter."""
    return [
        pytest.param(dashboard, panel, id=f"{uid}-{panel['title']}")
        for uid in UIDS
        for dashboard in [dashboards.load(uid)]
        for panel in dashboards.panels(dashboard)
    ]


def every_query() -> list[Any]:
    """Return each query of each panel, annotation and variable, as a test parameter."""
    return [
        pytest.param(expr, legend, id=f"{uid}-{place}")
        for uid in UIDS
        for place, expr, legend in queries(dashboards.load(uid))
    ]


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield where a query is, its expression and its legend."""
    for panel in dashboards.panels(dashboard):
        for target in panel.get("targets", []):
            place = f"{panel['title']}-{target['refId']}"
            yield place, target["expr"], target.get("legendFormat", "")
    for annotation in marks(dashboard):
        yield annotation["name"], annotation["expr"], annotation["textFormat"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield f"${variable['name']}", *of_variable(variable)


def marks(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the marks that a dashboard draws in its graphs."""
    found: list[dict[str, Any]] = dashboard.get("annotations", {}).get("list", [])
    return found


def of_variable(variable: dict[str, Any]) -> tuple[str, str]:
    """Return the expression of a variable, and the label whose values it offers, as a legend."""
    definition = variable["definition"]
    if found := re.fullmatch(r"label_values\((.+), (\w+)\)", definition):
        return found[1], f"{{{{{found[2]}}}}}"
    ranked = re.fullmatch(r"query_result\((.+)\)", definition)
    label = re.match(r"/\^\\\{(\w+)=", variable["regex"])
    assert ranked is not None
    assert label is not None
    return ranked[1], f"{{{{{label[1]}}}}}"


def filled(expr: str) -> str:
    """Return an expression with some text for each variable."""
    expr = expr.replace("$__rate_interval", f"{RATE_INTERVAL.total_seconds():.0f}s")
    return re.sub(r"\$\w+", "x", expr.replace("$__range", "1h").replace("$align", "0"))


def faults(expr: str, legend: str = "") -> list[str]:
    """Return what an expression uses that the catalogue or Prometheus does not have."""
    found, known = promql.names(filled(expr)), known_labels()
    unknown = found.labels_by_metric.keys() - known
    usable = {label for name in found.labels_by_metric for label in known.get(name, ())}
    complaints = [f"no metric {name}" for name in sorted(unknown)]
    for name, labels in found.labels_by_metric.items():
        complaints += [f"{name} has no label {x}" for x in labels - known.get(name, labels)]
    for node in promql.nodes(promql_parser.parse(filled(expr))):
        if isinstance(node, promql_parser.AggregateExpr) and str(node.op) == "count_values":
            usable.add(getattr(node.param, "val", ""))
        if isinstance(node, promql_parser.Call):
            if node.func.name == "label_replace":
                usable.add(getattr(node.args[1], "val", ""))
            window = getattr(node.args[0], "range", None) if node.args else None
            if node.func.name in OVER_A_RATE_INTERVAL and window != RATE_INTERVAL:
                complaints.append(f"{node.func.name} without $__rate_interval")
    if not unknown:
        unmatched = promql.unmatched_labels(filled(expr), known)
        complaints += [f"only one side has {label}" for label in sorted(unmatched)]
    shown = set(re.findall(r"\{\{(\w+)\}\}", legend))
    named = found.other_labels | found.ignored_labels
    complaints += [f"no label {label}" for label in sorted(named - usable)]
    return complaints + [f"no label {label} for the legend" for label in sorted(shown - usable)]


@pytest.mark.parametrize(
    ("expr", "fault"),
    [
        ("sanctum_slot", "no metric sanctum_slot"),
        ('sanctum_envs{stage="x"}', "sanctum_envs has no label stage"),
        ("sum by (stage) (sanctum_envs)", "no label stage"),
        ("sanctum_envs * on (stage) sanctum_envs", "no label stage"),
        ("sanctum_envs * ignoring (stage) sanctum_envs", "no label stage"),
        ("sanctum_envs * on (job) group_left (x) sanctum_envs", "no label x"),
        ("sanctum_slots and sanctum_envs", "only one side has stage"),
        ("sum by (job) (sanctum_envs) / sum(sanctum_envs)", "only one side has job"),
        ("rate(sanctum_seeds_pruned_total[5m])", "rate without $__rate_interval"),
        ("1 + increase(sanctum_seeds_pruned_total[5m])", "increase without $__rate_interval"),
    ],
)
def test_a_wrong_query_is_found(expr: str, fault: str) -> None:
    """Each kind of mistake that the next test is for is seen by it."""
    assert faults(expr) == [fault]
    assert faults("sanctum_envs", "{{stage}}") == ["no label stage for the legend"]


@pytest.mark.parametrize(("expr", "legend"), every_query())
def test_queries_parse_and_use_what_exists(expr: str, legend: str) -> None:
    """Names and labels are the catalogue's, rates are over $__rate_interval."""
    assert faults(expr, legend) == []


def test_every_metric_of_the_catalogue_is_asked_for() -> None:
    """A dashboard or a rule uses it: what nobody looks at is not worth publishing."""
    exprs = [filled(expr) for uid in UIDS for _, expr, _ in queries(dashboards.load(uid))]
    for name in ("alerts.yml", "recording.yml"):
        groups = yaml.safe_load((ROOT / "rules" / name).read_text("utf-8"))["groups"]
        exprs += [rule["expr"] for group in groups for rule in group["rules"]]
    used = {metric for expr in exprs for metric in promql.names(expr).labels_by_metric}
    assert labels_by_name().keys() - used == set()


@pytest.mark.parametrize("uid", UIDS)
def test_dashboards_can_be_provisioned_and_imported_by_hand(uid: str) -> None:
    """A classic dashboard with an own uid, whose only data source is the variable."""
    dashboard = dashboards.load(uid)
    assert dashboard["uid"] == uid
    assert "__inputs" not in dashboard
    assert "id" not in dashboard
    assert dashboard["graphTooltip"] == 1, "shared crosshair"
    used = [value for key, value in every_item(dashboard) if key == "datasource"]
    assert used
    assert all(value == {"type": "prometheus", "uid": "${datasource}"} for value in used)
    assert dashboard["templating"]["list"][0]["name"] == "datasource"
    shown = [*dashboard["links"], *marks(dashboard)]
    assert shown
    assert not [item for item in shown if "placement" in item], "hidden in a menu"


def every_item(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key and value within a document."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from every_item(item)
    elif isinstance(value, list):
        for item in value:
            yield from every_item(item)


@pytest.mark.parametrize("uid", TEXT_UIDS)
def test_panels_are_numbered_and_do_not_overlap(uid: str) -> None:
    """Every panel has its own id and its own place within 24 columns."""
    panels = dashboards.load(uid)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x, y in itertools.product(
            range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        )
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23


@pytest.mark.parametrize(("dashboard", "panel"), every_panel())
def test_panels_say_what_they_are(dashboard: dict[str, Any], panel: dict[str, Any]) -> None:
    """Each has a title, a description and a unit, is of Grafana's core, and leaves no default."""
    assert panel["title"].strip()
    assert len(panel["description"]) > 20
    assert panel["type"] in CORE_PANELS
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    if panel["type"] not in ("text", "alertlist"):
        assert panel["targets"]
        assert defaults["noValue"]
        assert defaults["thresholds"]["steps"][0]["value"] is None
        assert defaults["color"]["mode"] in ("fixed", "thresholds", "shades")
        ids = [target["refId"] for target in panel["targets"]]
        assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("uid", TEXT_UIDS)
def test_links_lead_to_a_dashboard_with_variables_that_it_has(uid: str) -> None:
    """Links between dashboards name a uid that exists and fill in only known variables."""
    links = [v for k, v in every_item(dashboards.load(uid)) if k == "url" and v.startswith("/d/")]
    assert links
    for link in links:
        target, _, query = link.removeprefix("/d/").partition("?")
        names = {v["name"] for v in dashboards.load(target)["templating"].get("list", [])}
        assert set(re.findall(r"var-(\w+)=", query)) <= names


def test_the_fleet_links_down_with_every_choice_filled_in() -> None:
    """A run of the fleet opens its own SlotsPanel: nothing is left to be chosen."""
    links = {v for k, v in every_item(dashboards.load("sanctum-fleet")) if k == "url"}
    (down,) = (link for link in links if link.startswith("/d/sanctum-slots?"))
    chosen = set(re.findall(r"var-(\w+)=", down))
    assert chosen == {"datasource", "job", "instance", "run", "group_id"}
