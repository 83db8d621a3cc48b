"""The panel of a group in a given width, with its colours and its last minutes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from typing import Final

from rich.text import Text

from sanctum_exporter import panel
from sanctum_exporter.durations import describe_duration
from sanctum_exporter.readings import STAGES
from sanctum_exporter.view.document import GroupView
from sanctum_exporter.view.history import Series
from sanctum_exporter.view.judgement import Severity

PANEL_WIDTH: Final = 42
"""Columns that the panel's longest line has as long as its numbers are short."""

SEVERITY_STYLES: Final[dict[Severity, str]] = {
    "none": "default",
    "good": "green",
    "warning": "yellow",
    "critical": "bold red",
}

_GAP: Final = "  "
_RULE: Final = "─"
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_SPARKLINE_WIDTH: Final = 24
_NAME_WIDTH: Final = 7


def panel_text(lines: Iterable[Sequence[panel.Span]], width: int | None = None) -> Text:
    """Return the lines of a panel; one that is wider goes on in the next row, no number is cut."""
    rows = [row for line in lines for row in ([line] if width is None else _fitted(line, width))]
    return Text("\n").join(Text.assemble(*row, end="") for row in rows)


def _fitted(line: Sequence[panel.Span], width: int) -> Iterator[list[panel.Span]]:
    if sum(len(span.text) for span in line) <= width:
        yield list(line)
        return
    if len(line) == 1 and not line[0].text.strip(_RULE):
        yield [panel.Span(line[0].text[:width], line[0].style)]
        return
    row: list[panel.Span] = []
    for field in _fields(line):
        if row and sum(len(span.text) for span in [*row, *field]) > width:
            yield row
            row = []
        if not row:
            # What was the gap before it is the start of a row now.
            field[0] = panel.Span(field[0].text.removeprefix(_GAP), field[0].style)
        row += field
    yield row


def _fields(line: Sequence[panel.Span]) -> Iterator[list[panel.Span]]:
    """Part a line where it has gaps; what stands before a count aligns it, and is none."""
    field: list[panel.Span] = []
    for span in line:
        if field and span.text.startswith(_GAP) and not any(map(str.isdigit, span.text)):
            yield field
            field = []
        field.append(span)
    yield field


def sparklines(group: GroupView) -> Text:
    """Return the last minutes of a group: a line for the active slots, and one a stage."""
    history = group.history
    if len(history.timestamps) <= 1:
        return Text("the last minutes are shown as they pass", style="dim")
    total = max(1, group.slots.total_slots)
    minutes = history.timestamps[-1] - history.timestamps[0]
    text = Text.assemble((f"the last {describe_duration(minutes)}, of {total} slots", "dim"))
    counts = group.slots.slot_stage_counts
    grown = [history.stages[stage] for stage in STAGES[1:]]
    active = list(map(sum, zip(*grown, strict=True)))
    rows = [("Active", "cyan", active, group.slots.active_slots)]
    rows += [
        (row.abbreviation, row.style, history.stages[row.stage], counts[row.stage])
        for row in panel.STAGE_ROWS
        if row.stage != STAGES[0] and any(history.stages[row.stage])
    ]
    for name, style, values, now in rows:
        text.append(f"\n{name:<{_NAME_WIDTH}}", style="dim")
        text.append(f"{sparkline(history, values, total)} {now}", style=style)
    return text


def sparkline(history: Series, values: Sequence[int], top: int) -> str:
    """Return values over time in a row: none is a gap, 0 the lowest block, ``top`` the highest.

    Where several share a place, it shows the highest of them.
    """
    first, last = history.timestamps[0], history.timestamps[-1]
    step = (last - first) / (_SPARKLINE_WIDTH - 1)
    places: list[int | None] = [None] * _SPARKLINE_WIDTH
    for moment, value in zip(history.timestamps, values, strict=True):
        place = round((moment - first) / step)
        places[place] = max(value, places[place] or 0)
    if len(values) < _SPARKLINE_WIDTH:
        _carry(places)
    return "".join(" " if value is None else _block(value, top) for value in places)


def _carry(places: list[int | None]) -> None:
    """Let the few moments of a short history stand until the next one."""
    for index in range(1, len(places)):
        if places[index] is None:
            places[index] = places[index - 1]


def _block(value: int, top: int) -> str:
    return _BLOCKS[min(len(_BLOCKS) - 1, ceil(value / top * (len(_BLOCKS) - 1)))]


def concerns(group: GroupView) -> Text:
    """Return what is to be thought of the values that are not as they should be."""
    rows = [each for each in group.judgements if each.severity in ("warning", "critical")]
    return Text("\n").join(
        Text(f"{each.name} {each.value}: {each.severity}", SEVERITY_STYLES[each.severity])
        for each in rows
    )
