#!/usr/bin/env python3
"""Write the dashboards' JSON: ``python -m grafana.build``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import FOLDER, fleet, slots


def documents() -> dict[Path, str]:
    """Return the text of every dashboard's file."""
    return {
        FOLDER / f"{built.uid}.json": _text(built)
        for built in (dashboard.build().build() for dashboard in (slots, fleet))
    }


def _text(dashboard: object) -> str:
    document = json.loads(json.dumps(dashboard, cls=JSONEncoder))
    # What Grafana 11 knows; later ones migrate it.
    document["schemaVersion"] = 39
    # With any placement Grafana hides links and annotations in a menu.
    for item in [*document["links"], *document["annotations"]["list"]]:
        del item["placement"]
    return json.dumps(_without_nulls(document), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _without_nulls(value: Any, key: str = "") -> Any:
    """Drop what is unset; a threshold's null is its meaning."""
    if isinstance(value, dict):
        return {
            name: _without_nulls(item, name)
            for name, item in value.items()
            if item is not None or key == "steps"
        }
    if isinstance(value, list):
        return [_without_nulls(item, key) for item in value]
    return value


def main() -> None:
    """Write the files."""
    for path, text in documents().items():
        path.write_text(text)
        print(path)


if __name__ == "__main__":
    main()
