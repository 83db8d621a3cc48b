"""SlotsPanel's text and colours, as they are drawn, at every recorded moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from io import StringIO

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from sanctum_exporter.readings import GroupReading
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.terminal.app import TopApp
from sanctum_exporter.terminal.panels import panel_text
from sanctum_exporter.terminal.printing import print_run
from tests import recordings
from tests.feeding import steps
from tests.slots_panel import Cell, recorded
from tests.unit.terminal.screen import StillFeed, cells, rows, tell, view


def moments(name: str) -> Iterator[tuple[GroupReading, str, list[list[Cell]]]]:
    """Yield a group at every recorded moment, its border title and its cells."""
    wanted = {(line, group): (row, cells) for line, group, row, cells in recorded(name)}
    intake = Intake(Groups())
    seen = 0
    for number, _ in steps(intake, recordings.lines(name)):
        for group_id in recordings.first_starts(name):
            if (number, group_id) in wanted:
                reading = intake.read(group_id)
                assert reading is not None
                row, expected = wanted[number, group_id]
                yield reading, row["border_title"], expected
                seen += 1
    assert seen == len(wanted) > 0


def assert_drawn(drawn: list[list[tuple[str, str]]], wanted: list[list[Cell]]) -> None:
    """Check text and styles, row by row; blanks have no colour to be seen."""
    assert len(drawn) == len(wanted)
    for row, expected in zip(drawn, wanted, strict=True):
        text = "".join(character for character, _ in row).rstrip()
        assert text == "".join(character for character, _ in expected).rstrip()
        for (character, style), (_, name) in zip(row, expected, strict=False):
            assert name is None or character == " " or style == name, (text, character, style, name)


@pytest.mark.parametrize("name", recordings.NAMES)
def test_a_print_has_the_text_and_the_colours_of_slotspanel(name: str) -> None:
    """They are those of the contract, at every recorded moment, as inspect prints them."""
    console = Console(force_terminal=True, color_system="standard", width=200)
    for reading, _, wanted in moments(name):
        lines = panel_text(view([reading]).groups[0].lines)
        drawn = console.render_lines(lines, pad=False)
        assert_drawn([cells(row) for row in drawn], wanted)


@pytest.mark.parametrize("name", recordings.NAMES)
def test_the_live_panel_has_the_text_and_the_colours_of_slotspanel(name: str) -> None:
    """The border's title, the characters and their styles, as they are on the screen."""

    async def run() -> None:
        points = list(moments(name))
        app = TopApp([StillFeed(points[0][0])], tick_seconds=None)
        async with app.run_test(size=(100, 40)) as pilot:
            await pilot.pause()
            for reading, title, wanted in points:
                tell(app, reading)
                await pilot.pause()
                await pilot.pause()
                drawn_title, drawn = framed(rows(app))
                assert drawn_title == title
                assert_drawn(drawn, wanted)

    asyncio.run(run())


@pytest.mark.parametrize("name", ["ab", "edge"])
def test_a_framed_print_has_them_too(name: str) -> None:
    """As ``top --once`` prints it on a terminal."""
    for reading, title, wanted in moments(name):
        console = Console(force_terminal=True, color_system="standard", width=100, file=StringIO())
        with console.capture() as printed:
            print_run(console, view([reading]))
        drawn_title, drawn = framed(console.render_lines(Text.from_ansi(printed.get())))
        assert drawn_title == title
        assert_drawn(drawn, wanted)


def framed(screen: list[list[Segment]]) -> tuple[str, list[list[tuple[str, str]]]]:
    """Return the title of the first frame on a screen, and the cells in it without its padding."""
    all_cells = [cells(row) for row in screen]
    texts = ["".join(character for character, _ in row) for row in all_cells]
    top = next(index for index, text in enumerate(texts) if text.lstrip().startswith("╭"))
    bottom = next(index for index, text in enumerate(texts) if text.lstrip().startswith("╰"))
    title = texts[top].partition("╮")[0].strip().strip("╭─ ")
    inside = []
    for index in range(top + 1, bottom):
        left = texts[index].index("│")
        right = texts[index].index("│", left + 1)
        inside.append(all_cells[index][left + 2 : right - 1])
    return title, inside
