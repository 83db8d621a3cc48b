"""The dashboards' files, for ``tools/generate.py``."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import FOLDER, compare, fleet, runbooks, slots


def documents() -> dict[Path, str]:
    """Return the text of every dashboard's file."""
    return {
        FOLDER / f"{built.uid}.json": _text(built)
        for built in (dashboard.build().build() for dashboard in (slots, fleet, compare, runbooks))
    }


def _text(dashboard: object) -> str:
    document = json.loads(json.dumps(dashboard, cls=JSONEncoder))
    # What Grafana 11 knows; later ones migrate it.
    document["schemaVersion"] = 39
    for number, panel in enumerate(document["panels"], start=1):
        panel["id"] = number
    # With any placement Grafana hides links and annotations in a menu.
    for item in [*document["links"], *document.get("annotations", {}).get("list", [])]:
        del item["placement"]
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
