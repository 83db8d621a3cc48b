"""``sanctum-exporter inspect``: read a file once and print what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click
from prometheus_client import CollectorRegistry, generate_latest
from rich.console import Console

from sanctum_exporter import panel
from sanctum_exporter.cli.comparison import cells, compare, print_columns
from sanctum_exporter.cli.environment import refuse
from sanctum_exporter.cli.parameters import num_envs_option
from sanctum_exporter.cli.sources import foreign
from sanctum_exporter.files.lines import SourceError, read_blocks, read_lines
from sanctum_exporter.past.playing import Changes
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
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
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
    files: tuple[Path, ...],
    until_line: int | None,
    num_envs: int,
    group: str | None,
    output_format: str,
    changes: bool,
) -> None:
    """Read a recording once and print its values.

    FILE is plain or gzip. --changes prints an object for every event after which a published
    group has other values. Several recordings are printed side by side, as a table or as JSON, with
    the best values that each group ever had.
    """
    if len(files) > 1:
        _check_comparable(until_line, output_format, changes=changes)
        compare(files, num_envs, group, as_json=output_format == "json")
        return
    (file,) = files
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


def _check_comparable(until_line: int | None, output_format: str, *, changes: bool) -> None:
    """Refuse options that are about one recording."""
    problem = None
    if until_line is not None:
        problem = "--until-line is for one FILE"
    elif changes:
        problem = "--changes is for one FILE"
    elif output_format not in ("table", "json"):
        problem = f"--format {output_format} is for one FILE: several are a table or json"
    if problem is not None:
        raise click.UsageError(problem, click.get_current_context())


def _steps(file: Path, intake: Intake, until_line: int | None) -> Iterator[tuple[int, str | None]]:
    """Take in line by line; yield the line's number and the group that it went to."""
    for line in read_lines(file):
        if until_line is not None and line.number > until_line:
            return
        yield line.number, intake.line(line.text, line.number)


def _print_changes(
    intake: Intake, steps: Iterator[tuple[int, str | None]], group: str | None
) -> None:
    changes = Changes(intake)
    for number, group_id in steps:
        for reading in changes.after(group_id):
            if group in (None, reading.group_id):
                change = {"line": number, "group_id": reading.group_id, **reading.slots.to_dict()}
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
    print_columns([reading.group_id for reading in readings], [cells(each) for each in readings])
    activity = selected.activity()
    rejected = ", ".join(f"{count} {name}" for name, count in activity.rejected.items() if count)
    click.echo(f"{sum(activity.events.values())} events read, rejected: {rejected or 'none'}")


_PRINTERS: Final = {
    "table": _print_table,
    "json": _print_json,
    "prometheus": _print_prometheus,
    "panel": _print_panel,
}
