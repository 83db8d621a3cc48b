"""Directories of runs, written and followed."""

from __future__ import annotations

from pathlib import Path

from sanctum_exporter.files.runs import Follower
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake


def new_intake(path: Path, run: str | None) -> Intake:
    """Return an empty state."""
    return Intake(Groups(run=run), source=str(path))


def write_run(directory: Path, name: str, *lines: bytes) -> Path:
    """Write a run as esper-lite does, and return its file."""
    path = directory / name / "events.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def settle(follower: Follower) -> None:
    """Poll until there is nothing new."""
    while follower.poll():
        pass
