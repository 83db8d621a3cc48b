"""The Grafana dashboards, as code."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent / "dashboards"
"""Where the dashboards' JSON is."""
