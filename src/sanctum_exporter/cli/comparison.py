"""How ``sanctum-exporter inspect`` prints groups: side by side, of one recording or of several."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from sanctum_exporter.durations import describe_duration
from sanctum_exporter.files.lines import SourceError
from sanctum_exporter.past.comparison import Outcome, outcomes
from sanctum_exporter.past.recordings import find
from sanctum_exporter.readings import GroupReading

_COLUMN_WIDTH: Final = 24

Cells = list[tuple[str, str]]
"""The column of a group: what a row is called, and what stands there."""


def compare(files: Sequence[Path], num_envs: int, group: str | None, *, as_json: bool) -> None:
    """Print what became of several recordings, side by side.

    Raises:
        SourceError: if one cannot be read, or has no group of that name.
    """
    recordings, problems = find(files)
    if problems:
        raise SourceError(problems[0])
    recordings.sort(key=lambda recording: files.index(recording.path))
    found = [each for recording in recordings for each in outcomes(recording, num_envs)]
    wanted = [each for each in found if group in (None, each.reading.group_id)]
    if group is not None and not wanted:
        there = ", ".join(sorted({each.reading.group_id for each in found})) or "none"
        raise SourceError(f"no recording has a group {group!r}; their groups: {there}")
    if as_json:
        click.echo(json.dumps([each.to_dict() for each in wanted], indent=2))
    else:
        heads = [f"{each.run}\n{each.reading.group_id}" for each in wanted]
        print_columns(heads, [[*cells(each.reading), *_over_time(each)] for each in wanted])


def print_columns(heads: Sequence[str], columns: Sequence[Cells]) -> None:
    """Print groups side by side."""
    table = Table("", *heads)
    for name, *row in zip(*columns, strict=True):
        table.add_row(name[0], *(cell[1] for cell in (name, *row)))
    console = Console()
    if not console.is_terminal:
        # Whatever reads it can scroll.
        console.width = max(console.width, _COLUMN_WIDTH * (1 + len(columns)))
    console.print(table if columns else "No group is configured.")


def cells(reading: GroupReading) -> Cells:
    """Return the rows of a group's column, each with its name."""
    slots, seeds = reading.slots, reading.slots.seed_lifecycle
    started = reading.info.start_timestamp
    return [
        ("run", reading.info.run_id or "-"),
        ("task", reading.info.task or "-"),
        (
            "started",
            f"{datetime.fromtimestamp(started, UTC):%Y-%m-%d %H:%M:%S}Z" if started else "-",
        ),
        ("state", reading.life.describe()),
        ("episode", f"{slots.current_episode} of {reading.info.planned_episodes}"),
        ("envs", str(slots.n_envs)),
        ("total slots", str(slots.total_slots)),
        ("active slots", str(slots.active_slots)),
        *((f"  {stage}", str(count)) for stage, count in slots.slot_stage_counts.items()),
        ("mean epochs in stage", f"{slots.avg_epochs_in_stage:.2f}"),
        (
            "germinated",
            _seed_cell(seeds.germination_count, seeds.germination_rate, seeds.germination_trend),
        ),
        ("pruned", _seed_cell(seeds.prune_count, seeds.prune_rate, seeds.prune_trend)),
        (
            "fossilized",
            _seed_cell(seeds.fossilize_count, seeds.fossilize_rate, seeds.fossilize_trend),
        ),
        ("blend success", f"{seeds.blend_success_rate:.0%}"),
        ("mean lifespan", f"{seeds.avg_lifespan_epochs:.1f} epochs"),
    ]


def _over_time(outcome: Outcome) -> Cells:
    """Return the rows that only a whole recording has."""
    best = outcome.best
    blend = best.blend_success_rate
    return [
        ("time", describe_duration(outcome.seconds)),
        ("most active slots", str(best.active_slots)),
        ("best blend success", "-" if blend is None else f"{blend:.0%}"),
        ("best mean lifespan", f"{best.avg_lifespan_epochs:.1f} epochs"),
    ]


def _seed_cell(count: int, rate: float, trend: str) -> str:
    return f"{count} ({rate:.2f}/ep, {trend})"
