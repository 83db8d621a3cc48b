"""The files of rules, for ``tools/generate.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rules import alerts, meta, recording
from rules.form import render

FOLDER: Final = Path(__file__).resolve().parent


def documents() -> dict[Path, str]:
    """Return the text of every file of rules."""
    return {
        FOLDER / "alerts.yml": render(alerts.COMMENT, alerts.groups()),
        FOLDER / "meta.yml": render(meta.COMMENT, meta.groups()),
        FOLDER / "recording.yml": render(recording.COMMENT, recording.groups()),
    }
