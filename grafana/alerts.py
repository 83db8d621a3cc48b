"""Alerts on the dashboards: a list, a table that leads to the runbooks, and marks in the graphs."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.models import dashboard

from grafana import panels
from grafana.layout import annotation

RUNBOOK_URL: Final = panels.RUNBOOKS_URL.format("${__value.raw}")
OURS: Final = 'alertname=~"Sanctum.*", instance=~"|$instance"'
"""Matchers of our alerts on the selected exporters; some alerts have no instance."""
_STATES: Final = {"firing": ("firing", "red"), "pending": ("pending", "yellow")}


def listed() -> panels.AnyPanel:
    """Return a list of our alerts, those that Grafana evaluates included."""
    return panels.alert_list(
        "Alerts",
        "Alerts of the exporter's rules that fire or are about to.",
        '{alertname=~"Sanctum.*"}',
    )


def table() -> panels.AnyPanel:
    """Return a table of the alerts that Prometheus evaluates, linked to their runbooks."""
    runbook = {"title": "Runbook", "url": RUNBOOK_URL, "targetBlank": True}
    labels = "alertname, alertstate, severity, instance, run, group_id"
    return (
        panels.table(
            "Alerts and their runbooks",
            "Alerts that Prometheus evaluates to pending or firing; a name opens its runbook.",
            panels.rows("A", f"max by ({labels}) (ALERTS{{{OURS}}})"),
        )
        .no_value("no alerts")
        .override_by_name("alertname", [panels.property_of("links", [runbook])])
        .override_by_name(
            "alertstate",
            [
                panels.property_of("mappings", [panels.value_texts(_STATES)]),
                panels.property_of("custom.cellOptions", {"type": "color-text"}),
            ],
        )
        .with_transformation(
            dashboard.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True, "Value": True},
                    "indexByName": {"alertname": 0, "alertstate": 1, "severity": 2},
                    "renameByName": {},
                },
            )
        )
    )


def firings() -> builder.AnnotationQuery:
    """Return marks where alerts fired."""
    return annotation(
        "Firing alerts",
        "red",
        f'ALERTS{{{OURS}, alertstate="firing"}}',
        "{{alertname}}",
        "{{severity}} {{group_id}}",
    ).tag_keys("severity")
