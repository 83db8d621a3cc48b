"""One run: its head, and the panel of each of its groups."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ItemGrid, Vertical, VerticalScroll
from textual.widgets import Footer, Static

from sanctum_exporter.terminal.panels import PANEL_WIDTH, concerns, panel_text, sparklines
from sanctum_exporter.terminal.runs import Row, head
from sanctum_exporter.terminal.screens import Line, Screens
from sanctum_exporter.view.document import GroupView, RunView

_FRAME = 4


class GroupPanel(Vertical):
    """The panel of a group, as SlotsPanel draws it, and below it the last minutes."""

    DEFAULT_CSS = """
    GroupPanel { height: auto; width: 1fr; }
    GroupPanel Line { height: auto; padding: 0 2; }
    GroupPanel .slots { border: round ansi_default; padding: 0 1; max-width: 100%; height: auto; }
    """

    def __init__(self) -> None:
        # They are there before they are mounted, so that they can be written to at once.
        self._slots, self._concerns, self._history = Line("slots"), Line(), Line()
        super().__init__(self._slots, self._concerns, self._history)

    def show(self, group: GroupView, width: int, *, lost: bool) -> None:
        """Show a group.

        Args:
            group: the group.
            width: the columns that there are.
            lost: whether these are the last values of a source that is gone.
        """
        slots = self._slots
        inner = min(needed_width([group]), width - _FRAME)
        slots.styles.width = inner + _FRAME
        slots.border_title = Text(group.border_title)
        slots.border_subtitle = Text(group.group_id)
        for line, text in (
            (slots, panel_text(group.lines, inner)),
            (self._concerns, concerns(group)),
            (self._history, sparklines(group)),
        ):
            if lost:
                text.stylize("dim")
            line.show(text)


def needed_width(groups: list[GroupView]) -> int:
    """Return the columns that the longest line of some groups needs."""
    lines = [line for group in groups for line in group.lines]
    return max(PANEL_WIDTH, *(sum(len(span.text) for span in line) for line in lines), 0)


class RunScreen(Screens):
    """One run.

    Args:
        row: the run, as the table shows it.
    """

    DEFAULT_CSS = """
    RunScreen Line, RunScreen Static { height: auto; }
    RunScreen ItemGrid { grid-gutter: 1 1; margin-top: 1; }
    RunScreen VerticalScroll { background: ansi_default; scrollbar-gutter: stable;
        scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "All runs", key_display="Esc"),
    ]

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._source = row.source
        self._row = row
        self._view: RunView | None = None
        self._notice, self._message = Line("notice"), Line("message")
        self._head = Static()
        self._grid = ItemGrid(stretch_height=False)
        self._panels: dict[str, GroupPanel] = {}

    def compose(self) -> ComposeResult:
        """Make the parts."""
        yield self._notice
        with VerticalScroll():
            yield self._head
            yield self._message
            yield self._grid
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Let the arrows scroll."""
        self.query_one(VerticalScroll).focus()
        self.show()

    @property
    def _width(self) -> int:
        """The columns beside the scroll bar, which has its place also when it is not there."""
        return self.app.size.width - 1

    def action_leave(self) -> None:
        """Go back to the table."""
        self.top.close_run(self._source)

    def show(self) -> None:
        """Write what has changed."""
        view = self.top.reports[self._source].view
        wanted = self._row.run.run
        is_there = view is not None and wanted in (None, view.run.run)
        if view is not None and is_there:
            self._view = view
        failure = self.top.failure(self._source)
        gone = None if is_there or self._view is None else "this run is not there any more"
        lost = bool(failure or gone)
        self._notice.show(Text(self.top.notice))
        self._message.show(Text(failure or gone or "", "yellow"))
        passed = self.top.passed(self._source)
        if self._view is not None:
            self._row = Row(self._source, self._view.run, self._view.now + passed)
            self._show_groups(self._view.groups, lost=lost)
        self._show_head(lost=lost)

    def _show_head(self, *, lost: bool) -> None:
        row, passed = self._row, self.top.passed(self._source)
        left = row.run.remaining_seconds
        run = msgspec.structs.replace(row.run, remaining_seconds=max(min(left, 1.0), left - passed))
        shown: RenderableType = head(Row(row.source, run, row.now), self._width, run.detail)
        self._head.styles.text_style = "dim" if lost else "none"
        self._head.update(shown)

    def _show_groups(self, groups: list[GroupView], *, lost: bool) -> None:
        names = [group.group_id for group in groups]
        if names != list(self._panels):
            self._grid.remove_children()
            self._panels = {name: GroupPanel() for name in names}
            self._grid.mount_all(self._panels.values())
        width = self._width
        self._grid.min_column_width = min(needed_width(groups) + _FRAME, width)
        for group in groups:
            self._panels[group.group_id].show(group, width, lost=lost)
