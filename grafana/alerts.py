"""Alerts on the dashboards: those that fire, by name, a list, and marks in the graphs."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models import common

from grafana import panels, runbooks
from grafana.layout import annotation
from grafana.palette import BACKGROUNDS
from grafana.promql import THE_RUN

_OURS: Final = 'alertname=~"Sanctum.*", alertstate="firing"'
# Some alerts have no instance, and those on a process no group.
OF_FLEET: Final = f'{_OURS}, instance=~"|$instance"'
"""Matchers of the alerts on the selected exporters."""
OF_RUN: Final = f'{OF_FLEET}, {THE_RUN}, group_id=~"|$group_id"'
"""Matchers of the alerts on the selected run, and on its process."""


def firing(matchers: str, *, counted: bool = False) -> stat.Panel:
    """Return the alerts that fire by name, each a link to its runbook.

    Args:
        matchers: which alerts.
        counted: whether of how many runs or processes each fires is told.
    """
    legend = "{{alertname}} ({{alerts}})" if counted else "{{alertname}}"

    def of(severity: str) -> str:
        firing = f"count by (alertname) (ALERTS{{{matchers}, {severity}}})"
        return f'count_values by (alertname) ("alerts", {firing})'

    critical, others = of('severity="critical"'), of('severity!="critical"')
    panel = panels.on_colour(
        panels.stat(
            "Firing alerts",
            "Alerts that Prometheus evaluates to firing; a name opens its runbook. None can fire "
            "where rules/alerts.yml is not loaded.",
            "none",
            panels.now("CRITICAL", critical, legend),
            panels.now("OTHER", f"{others} unless on (alertname) {critical}", legend),
            panels.now("NONE", f"absent(ALERTS{{{matchers}}})", "none"),
        )
        .text_mode(common.BigValueTextMode.NAME)
        .orientation(common.VizOrientation.AUTO)
    )
    for ref_id, style in (("CRITICAL", "red"), ("OTHER", "yellow"), ("NONE", "dim")):
        panel.override_by_query(ref_id, [panels.fixed_property(BACKGROUNDS[style])])
    for name in runbooks.NAMES:
        link = {"title": f"Runbook {name}", "url": runbooks.url(name)}
        panel.override_by_regexp(f"/^{name}( |$)/", [panels.property_of("links", [link])])
    return panel


def listed() -> panels.AnyPanel:
    """Return a list of our alerts, those that Grafana evaluates included."""
    return panels.alert_list(
        "Alerts",
        "Alerts of the exporter's rules that fire or are about to.",
        '{alertname=~"Sanctum.*"}',
    )


def firings(matchers: str) -> builder.AnnotationQuery:
    """Return marks where alerts fired."""
    return annotation(
        "Firing alerts",
        "red",
        f"ALERTS{{{matchers}}}",
        "{{alertname}}",
        "{{severity}} {{group_id}}",
    ).tag_keys("severity")
