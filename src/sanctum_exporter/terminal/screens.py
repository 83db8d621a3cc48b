"""The table of all runs, and the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Resize
from textual.screen import ModalScreen, Screen
from textual.widgets import DataTable, Footer, Input, Static

from sanctum_exporter.terminal.runs import (
    COLUMNS,
    NEWEST_FIRST,
    Row,
    fitting,
    matching,
    order,
    shortened,
)

if TYPE_CHECKING:
    from sanctum_exporter.terminal.app import TopApp

_HELP: Final = """\
Every run is a row, the one that began last first.

 ↑ ↓ PgUp PgDn  choose a run, or scroll
 Enter          open it: SlotsPanel of each group
 Escape         go back; without the filter
 /              show only the runs with some words
 s              sort by the next column (or click it)
 r              the other way round
 ?              this help
 q              quit

A run's state is red where an alert would page, and
yellow where it would warn. Dimmed values are the last
ones of a source that is not there any more.
"""


class Screens(Screen[None]):
    """A screen that shows what the sources say."""

    @property
    def top(self) -> TopApp:
        """The application."""
        return cast("TopApp", self.app)

    def refresh_values(self) -> None:
        """Write what has changed, once there is something to write to."""
        if self.is_running and self.is_mounted:
            self.show()

    def show(self) -> None:
        """Write what has changed."""
        raise NotImplementedError

    def on_resize(self, _: Resize) -> None:
        """Use the room that there is now."""
        self.call_after_refresh(self.refresh_values)

    def on_screen_resume(self) -> None:
        """Catch up."""
        self.refresh_values()


class Line(Static):
    """Text that is drawn again only where it has changed."""

    def __init__(self, classes: str | None = None) -> None:
        super().__init__("", classes=classes)
        self.display = False
        self._text = Text()

    def show(self, text: Text) -> None:
        """Show a text, and no line at all for an empty one."""
        if text != self._text or text.spans != self._text.spans:
            self._text = text
            self.display = bool(text.plain)
            self.update(text)


class RunsScreen(Screens):
    """Every run in a table."""

    DEFAULT_CSS = """
    RunsScreen DataTable { height: 1fr; background: ansi_default; }
    RunsScreen DataTable > .datatable--header { background: ansi_default; color: ansi_default;
        text-style: bold; }
    RunsScreen DataTable > .datatable--cursor { background: ansi_default; color: ansi_default;
        text-style: reverse; }
    RunsScreen Input { display: none; }
    RunsScreen Line { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority, so that the keys that follow it at once come to the field.
        Binding("slash", "filter", "Filter", key_display="/", priority=True),
        Binding("s", "sort", "Sort"),
        Binding("r", "reverse", "Reverse", show=False),
        Binding("escape", "leave", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._column = NEWEST_FIRST
        self._reverse = False
        self._words = ""
        self._rows: dict[str, Row] = {}
        self._cells: dict[str, list[Text]] = {}
        self._titles: list[tuple[str, int]] = []
        self._notice, self._message = Line("notice"), Line("message")
        self._table = DataTable[Text](cursor_type="row")
        self._filter = Input(placeholder="words that a run has", compact=True)

    def compose(self) -> ComposeResult:
        """Make the parts."""
        yield self._notice
        yield self._message
        yield self._table
        yield self._filter
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Let the arrows choose a run."""
        self._table.focus()
        self.show()

    def show(self) -> None:
        """Write what has changed."""
        rows = order(matching(self.top.rows(), self._words), self._column, reverse=self._reverse)
        self._notice.show(Text(self.top.notice))
        self._message.show(self._said(rows))
        cells = {row.key: [column.cell(row) for column in COLUMNS] for row in rows}
        widths = fitting(list(cells.values()), self.app.size.width - 2)
        shown = {key: list(map(shortened, each, widths)) for key, each in cells.items()}
        for row in rows:
            if self.top.reports[row.source].failure is not None:
                for cell in shown[row.key]:
                    cell.stylize("dim")
        self._rows = {row.key: row for row in rows}
        self._write(shown, [self._title(index, width) for index, width in enumerate(widths)])

    def _said(self, rows: list[Row]) -> Text:
        failures = [self.top.failure(source) for source in range(len(self.top.reports))]
        lines = [Text(failure, "yellow") for failure in failures if failure]
        if not rows and not lines:
            waiting = any(report.overview is None for report in self.top.reports)
            text = "no run has these words" if self._words else "no run yet"
            lines = [Text("asking …" if waiting else text, "dim")]
        if self._words and not self._filter.display:
            lines.append(Text(f"only runs with: {self._words}", "dim"))
        return Text("\n").join(lines)

    def _title(self, column: int, width: int) -> tuple[str, int]:
        arrow = "" if column != self._column else (" ▲" if self._reverse else " ▼")
        return f"{COLUMNS[column].title}{arrow}", width

    def _write(self, shown: dict[str, list[Text]], titles: list[tuple[str, int]]) -> None:
        table = self._table
        if titles == self._titles and list(shown) == list(self._cells):
            for key, cells in shown.items():
                for index, cell in enumerate(cells):
                    before = self._cells[key][index]
                    if cell != before or cell.spans != before.spans or cell.style != before.style:
                        table.update_cell(key, str(index), cell)
        else:
            chosen = self._chosen()
            table.clear(columns=titles != self._titles)
            if titles != self._titles:
                for index, (title, width) in enumerate(titles):
                    table.add_column(title, key=str(index), width=width)
            for key, cells in shown.items():
                table.add_row(*cells, key=key)
            if chosen in shown:
                table.move_cursor(row=table.get_row_index(chosen), animate=False)
        self._titles, self._cells = titles, shown

    def _chosen(self) -> str:
        table = self._table
        if not table.row_count:
            return ""
        key = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
        return key or ""

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Open the run."""
        self.top.open_run(self._rows[str(event.row_key.value)])

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """Sort by the column; by the same one again, the other way round."""
        column = int(str(event.column_key.value))
        self._reverse = column == self._column and not self._reverse
        self._column = column
        self.show()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._column, self._reverse = (self._column + 1) % len(COLUMNS), False
        self.show()

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self._reverse = not self._reverse
        self.show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Leave a slash to the field that words are typed into."""
        return action != "filter" or self.focused is not self._filter

    def action_filter(self) -> None:
        """Ask for words."""
        self._filter.display = True
        # At once, so that it has every key that comes after this one.
        self.set_focus(self._filter)

    def action_leave(self) -> None:
        """Show every run again."""
        self._filter.value = ""
        self._end_filter()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show the runs that have the words so far."""
        self._words = event.value
        self.show()

    def on_input_submitted(self) -> None:
        """Go on with the runs that have the words."""
        self._end_filter()

    def _end_filter(self) -> None:
        self._filter.display = False
        self.set_focus(self._table)
        self.show()


class HelpScreen(ModalScreen[None]):
    """The keys."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: ansi_default; }
    HelpScreen VerticalScroll { width: 60; max-width: 100%; height: auto; max-height: 100%;
        border: round ansi_default; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,enter", "dismiss", "Back", key_display="Esc"),
    ]

    def compose(self) -> ComposeResult:
        """Make the parts."""
        with VerticalScroll() as box:
            box.border_title = "Keys"
            yield Static(_HELP)
