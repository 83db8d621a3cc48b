"""``sanctum-exporter inspect``: read a file once and print what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from prometheus_client import CollectorRegistry, generate_latest
from rich.console import Console
from rich.table import Table

from sanctum_exporter import panel
from sanctum_exporter.cli.environment import refuse
from sanctum_exporter.cli.parameters import num_envs_option
from sanctum_exporter.cli.sources import foreign
from sanctum_exporter.files.lines import SourceError, read_blocks, read_lines
from sanctum_exporter.readings import Activity, GroupReading
from sanctum_exporter.sinks.prometheus import SanctumCollector
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.terminal.panels import panel_text


class _Selected:
    """A publisher of what another publishes of one group, or of every group."""

    def __init__(self, intake: Intake, group: str | None) -> None:
        self._intake = intake
        self._group = group

    def readings(self) -> list[GroupReading]:
        wanted = self._group
        return [r for r in self._intake.readings() if wanted is None or r.group_id == wanted]

    def activity(self) -> Activity:
        return self._intake.activity()


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--until-line", type=click.IntRange(min=0), help="Read no line after this one.")
@num_envs_option
@click.option("--group", help="Print this group only.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json", "prometheus", "panel"]),
    default="table",
    show_default=True,
    help="How to print the values at the end.",
)
@click.option("--changes", is_flag=True, help="Print, instead, a JSON line for every change.")
def inspect(
    file: Path,
    until_line: int | None,
    num_envs: int,
    group: str | None,
    output_format: str,
    changes: bool,
) -> None:
    """Read a recording once and print its values.

    FILE is plain or gzip. --changes prints an object for every event after which a published
    group has other values.
    """
    if changes:
        refuse(click.get_current_context(), {"output_format": "has no effect with --changes"})
    intake = Intake(Groups(num_envs, as_recorded=True), source=str(file))
    if changes:
        _print_changes(intake, _steps(file, intake, until_line), group)
    elif until_line is not None:
        for _ in _steps(file, intake, until_line):
            pass
    else:
        number = 1
        for block in read_blocks(file):
            number += intake.block(block, number)
    problem = foreign(intake.activity(), file)
    if problem is not None:
        raise SourceError(problem)
    selected = _Selected(intake, group)
    if group is not None and not selected.readings():
        there = ", ".join(r.group_id for r in intake.readings()) or "none"
        raise SourceError(f"{file} has no group {group!r}; its groups: {there}")
    if not changes:
        _PRINTERS[output_format](selected)


def _steps(file: Path, intake: Intake, until_line: int | None) -> Iterator[tuple[int, str | None]]:
    """Take in line by line; yield the line's number and the group that it went to."""
    for line in read_lines(file):
        if until_line is not None and line.number > until_line:
            return
        yield line.number, intake.line(line.text, line.number)


def _print_changes(
    intake: Intake, steps: Iterator[tuple[int, str | None]], group: str | None
) -> None:
    last: dict[str, Any] = {}
    for number, group_id in steps:
        if group_id is None or group not in (None, group_id):
            continue
        reading = intake.read(group_id)
        if reading is not None and last.get(group_id) != reading.slots:
            last[group_id] = reading.slots
            change = {"line": number, "group_id": group_id, **reading.slots.to_dict()}
            click.echo(json.dumps(change))


def _print_json(selected: _Selected) -> None:
    activity = selected.activity()
    document = {
        "groups": {
            r.group_id: {"run_id": r.info.run_id, "task": r.info.task, **r.slots.to_dict()}
            for r in selected.readings()
        },
        "events": {name: count for name, count in activity.events.items() if count},
        "rejected": {reason: count for reason, count in activity.rejected.items() if count},
    }
    click.echo(json.dumps(document, indent=2))


def _print_prometheus(selected: _Selected) -> None:
    registry = CollectorRegistry()
    registry.register(SanctumCollector(selected))
    click.echo(generate_latest(registry), nl=False)


def _print_panel(selected: _Selected) -> None:
    console = Console(highlight=False)
    readings = selected.readings()
    if not readings:
        _print_lines(console, panel.lines(None))
    for index, reading in enumerate(readings):
        if len(readings) > 1:
            click.echo(f"{'' if index == 0 else chr(10)}group {reading.group_id}")
        click.echo(panel.border_title(reading.slots))
        _print_lines(console, panel.lines(reading.slots))


def _print_lines(console: Console, lines: Sequence[Sequence[panel.Span]]) -> None:
    # Soft: the terminal breaks what is too wide, and what is piped stays as it is.
    console.print(panel_text(lines), soft_wrap=True)


def _print_table(selected: _Selected) -> None:
    readings = selected.readings()
    table = Table("", *(reading.group_id for reading in readings))
    for name, *cells in zip(*(_cells(reading) for reading in readings), strict=True):
        table.add_row(name[0], *(cell[1] for cell in (name, *cells)))
    console = Console()
    console.print(table if readings else "No group is configured.")
    activity = selected.activity()
    rejected = ", ".join(f"{count} {name}" for name, count in activity.rejected.items() if count)
    console.print(f"{sum(activity.events.values())} events read, rejected: {rejected or 'none'}")


def _cells(reading: GroupReading) -> list[tuple[str, str]]:
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


def _seed_cell(count: int, rate: float, trend: str) -> str:
    return f"{count} ({rate:.2f}/ep, {trend})"


_PRINTERS: Final = {
    "table": _print_table,
    "json": _print_json,
    "prometheus": _print_prometheus,
    "panel": _print_panel,
}
