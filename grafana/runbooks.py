"""The dashboard sanctum-runbooks: docs/runbooks as text, so that no link of a panel is dead.

A link opens the one panel of its alert, and needs no other server than Grafana.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.models import dashboard

from grafana import panels
from grafana.layout import RUNBOOKS_UID, bare, line
from rules import alerts

_FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "runbooks"
NAMES: Final = tuple(dict.fromkeys(alert.name for _, group in alerts.groups() for alert in group))
"""The alerts, in the order of the rules."""
_LINK: Final = re.compile(r"\]\((\w+)\.md\)")
_ELSEWHERE: Final = re.compile(r"\[([^\]]+)\]\((?!/d/)[^)]*\.md[^)]*\)")


def url(name: str) -> str:
    """Return what opens the runbook of an alert."""
    return f"/d/{RUNBOOKS_UID}?viewPanel=panel-{NAMES.index(name) + 1}"


def build() -> builder.Dashboard:
    """Return the dashboard."""
    frame = bare(RUNBOOKS_UID, "What each alert means, how to check it, and what to do.")
    for name in NAMES:
        line(frame, 16, (24, _runbook(name)))
    return frame


def _runbook(name: str) -> panels.AnyPanel:
    text = (_FOLDER / f"{name}.md").read_text("utf-8")
    heading, _, text = text.partition("\n")
    text = _LINK.sub(lambda found: f"]({url(found[1])})" if found[1] in NAMES else found[0], text)
    # What is not in Grafana is named only.
    return panels.markdown(heading.lstrip("# "), f"Runbook of {name}.", _ELSEWHERE.sub(r"\1", text))


def linked(panel: panels.DataPanel, name: str) -> panels.DataPanel:
    """Return a panel with a link to the runbook of the alert on what it shows."""
    link = builder.DashboardLink(f"Runbook {name}").type(dashboard.DashboardLinkType.LINK)
    return panel.links([link.url(url(name))])
