"""The recordings of real runs, with the values that esper-lite computed for them."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_SHARED = ROOT.parent / "shared" / "traces"
FOLDER = _SHARED if _SHARED.is_dir() else ROOT / "tests" / "data"

NAMES = ("ppo_single", "ab", "lifecycle_only", "proof", "heuristic", "edge")
"""Those with values; ``edge_raises`` has none."""


def path(name: str) -> Path:
    """Return the file of a recording."""
    return FOLDER / f"{name}.jsonl.gz"


@cache
def lines(name: str) -> tuple[bytes, ...]:
    """Return a recording's lines, without their ends."""
    return tuple(gzip.decompress(path(name).read_bytes()).splitlines())


@cache
def golden(name: str) -> tuple[dict[str, Any], ...]:
    """Return the rows of values, one after each event that changed anything."""
    text = gzip.decompress((FOLDER / f"{name}.golden.jsonl.gz").read_bytes())
    return tuple(json.loads(line) for line in text.splitlines())


@cache
def panels(name: str) -> tuple[dict[str, Any], ...]:
    """Return SlotsPanel's border title and text at some lines."""
    rows: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.panel.json").read_text("utf-8"))
    return tuple(rows)


@cache
def first_starts(name: str) -> dict[str, int]:
    """Return the line of each group's first TRAINING_STARTED, the groups that have one."""
    starts: dict[str, int] = {}
    for number, line in enumerate(lines(name), start=1):
        if b'"TRAINING_STARTED"' in line:
            event = json.loads(line)
            starts.setdefault(event["group_id"] or "default", number)
    return starts


def values(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of values without its place."""
    return {name: value for name, value in row.items() if name not in ("line", "group_id")}
