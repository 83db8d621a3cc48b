"""What a source says at one moment, printed: coloured on a terminal, plain elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.console import Group as Rows
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sanctum_exporter.terminal.panels import PANEL_WIDTH, concerns, panel_text, sparklines
from sanctum_exporter.terminal.runs import (
    COLUMNS,
    NEWEST_FIRST,
    Row,
    fitting,
    head,
    order,
    shortened,
)
from sanctum_exporter.view.document import GroupView, RunView

_BORDER: Final = 4


def print_run(console: Console, view: RunView) -> None:
    """Print one run: its head, and the panel of each group, side by side where they fit."""
    row = Row(0, view.run, view.now)
    width = console.width if console.is_terminal else 0
    console.print(head(row, width, view.run.detail))
    if console.is_terminal:
        console.print(Columns([_framed(group, width) for group in view.groups]))
        return
    for group in view.groups:
        console.print(f"\ngroup {group.group_id}\n{group.border_title}", markup=False)
        console.print(panel_text(group.lines), soft_wrap=True)
        _print_if_any(console, concerns(group))


def print_runs(console: Console, rows: Sequence[Row]) -> None:
    """Print many runs as a table, the one that began last first."""
    cells = [[column.cell(row) for column in COLUMNS] for row in order(rows, NEWEST_FIRST)]
    widths = fitting(cells, console.width if console.is_terminal else 10_000)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column, width in zip(COLUMNS, widths, strict=False):
        table.add_column(column.title, width=width, no_wrap=True)
    for row in cells:
        table.add_row(*map(shortened, row, widths))
    console.print(table)


def _framed(group: GroupView, width: int) -> RenderableType:
    longest = max(PANEL_WIDTH, *map(_width, group.lines))
    inner = min(longest, width - _BORDER)
    rows: list[RenderableType] = [
        Panel(
            panel_text(group.lines, inner),
            title=Text(group.border_title),
            subtitle=Text(group.group_id),
            title_align="left",
            width=inner + _BORDER,
        ),
        *([text] if (text := concerns(group)).plain else []),
        *([sparklines(group)] if len(group.history.timestamps) > 1 else []),
    ]
    return Rows(*rows)


def _width(line: Sequence[tuple[str, str]]) -> int:
    return sum(len(text) for text, _ in line)


def _print_if_any(console: Console, text: Text) -> None:
    if text.plain:
        console.print(text)
