"""What the live panel has drawn, character by character, and sources that a test sets."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from textual.app import App
from textual.pilot import Pilot

from sanctum_exporter.readings import GroupReading
from sanctum_exporter.terminal.app import Reported, TopApp
from sanctum_exporter.terminal.poller import Report
from sanctum_exporter.view.document import Exporter, Overview, RunView, by_run, overview, run_view
from sanctum_exporter.view.history import Series
from tests.readings import NOW

EXPORTER = Exporter("1.0", "watch runs")
# https://en.wikipedia.org/wiki/ANSI_escape_code#Colors
_ANSI = {
    1: "red",
    2: "green",
    3: "yellow",
    4: "blue",
    5: "magenta",
    6: "cyan",
    12: "bright_blue",
}
NO_HISTORY = Series([], {}, {})


class StillFeed:
    """A feed of a moment of the past, which is asked but once."""

    period_seconds = 1.0
    is_past = True

    def __init__(self, *readings: GroupReading, name: str = "watch runs") -> None:
        self.name = name
        self.readings = list(readings)

    def overview(self) -> Overview:
        return overview(EXPORTER, self.readings, NOW)

    def run(self, name: str | None) -> RunView | None:
        groups = by_run(self.readings).get(name)
        return None if groups is None else view(groups)

    def close(self) -> None:
        return


def view(groups: list[GroupReading], history: Series = NO_HISTORY) -> RunView:
    """Return a run as its source tells of it."""
    return run_view(EXPORTER, groups, {group.group_id: history for group in groups}, NOW)


def tell(app: TopApp, *readings: GroupReading, failure: str | None = None) -> None:
    """Let a source say something."""
    app.post_message(Reported(0, report(readings, failure)))


def report(readings: Iterable[GroupReading], failure: str | None = None) -> Report:
    """Return what a source says of the groups of one run."""
    groups = list(readings)
    return Report(overview(EXPORTER, groups, NOW), view(groups) if groups else None, failure)


def rows(app: App[int]) -> list[list[Segment]]:
    """Return what is on the screen."""
    # There is no public way to what was drawn but a picture of it.
    return [list(strip) for strip in app.screen._compositor.render_strips()]  # noqa: SLF001


def text(app: App[int]) -> str:
    """Return the characters that are on the screen."""
    return "\n".join("".join(segment.text for segment in row).rstrip() for row in rows(app))


def style_name(segment: Segment) -> str:
    """Return the style of a piece as SlotsPanel names it."""
    style = segment.style
    if style is None:
        return "default"
    if style.color is not None and not style.color.is_default:
        return _ANSI.get(style.color.number or 0, style.color.name)
    return "dim" if style.dim else "default"


def cells(row: Iterable[Segment]) -> list[tuple[str, str]]:
    """Return the characters of a row, each with the name of its style."""
    return [(character, style_name(segment)) for segment in row for character in segment.text]


async def settled(pilot: Pilot[int]) -> None:
    """Let all that has been said be drawn."""
    app = pilot.app
    assert isinstance(app, TopApp)
    while not any(each.overview or each.failure for each in app.reports):
        await pilot.pause()
    for _ in range(3):
        await pilot.pause()
