"""The rules files, by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rules import alerts, recording
from rules.form import render

FILES: Final[dict[str, Callable[[], str]]] = {
    "rules/alerts.yml": lambda: render(alerts.COMMENT, alerts.groups()),
    "rules/recording.yml": lambda: render(recording.COMMENT, recording.groups()),
}
"""How each file of rules is rendered, for ``tools/generate.py``."""
