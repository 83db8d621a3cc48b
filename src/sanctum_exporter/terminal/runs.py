"""Runs in a line each, and the head of one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sanctum_exporter.durations import describe_duration
from sanctum_exporter.terminal.panels import SEVERITY_STYLES
from sanctum_exporter.view.document import RunSummary

_BAR_WIDTH: Final = 30
_LEAST_BAR_WIDTH: Final = 4


@dataclass(frozen=True)
class Row:
    """A run in the table of all runs.

    Attributes:
        source: which source it is of, by number.
        run: the run.
        now: the present moment, as its source sees it.
    """

    source: int
    run: RunSummary
    now: float

    @property
    def key(self) -> str:
        """What tells it from all other rows."""
        return f"{self.source}:{'' if self.run.run is None else self.run.run}"

    @property
    def name(self) -> str:
        """The run, for people."""
        return self.run.run or self.run.run_id or "-"

    @property
    def age_seconds(self) -> float:
        """How long ago its newest event was."""
        return max(0.0, self.now - self.run.last_event_timestamp)


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        title: its name; its first letters are unique.
        cell: what stands in it.
        order: what rows are sorted by; the smallest is first.
    """

    title: str
    cell: Callable[[Row], Text]
    order: Callable[[Row], float | str]


def age(row: Row) -> str:
    """Return how long ago the newest event was."""
    if not row.run.last_event_timestamp:
        return "no event yet"
    return f"{describe_duration(row.age_seconds)} ago"


def state(run: RunSummary) -> Text:
    """Return the state in its colour."""
    return Text(run.state, SEVERITY_STYLES[run.severity])


def episodes(run: RunSummary) -> str:
    """Return how far it is: episodes that are done, and planned where that is known."""
    planned = f"/{run.planned_episodes}" if run.planned_episodes else ""
    return f"{run.current_episode}{planned}"


def _started(row: Row) -> Text:
    started = row.run.start_timestamp
    return Text(f"{datetime.fromtimestamp(started, UTC):%m-%d %H:%M}Z" if started else "-")


def _to_go(row: Row) -> Text:
    return Text(time_left(row.run) or "-")


def time_left(run: RunSummary) -> str:
    """Return how long a run has to go, nothing where that is not known or it does not go on."""
    goes_on = run.state in ("running", "silent")
    return describe_duration(run.remaining_seconds) if goes_on and run.remaining_seconds else ""


# Those on the right go first where there is no room.
COLUMNS: Final = (
    Column("State", lambda row: state(row.run), lambda row: row.run.state),
    Column("Run", lambda row: Text(row.name), lambda row: row.name),
    Column(
        "Episode", lambda row: Text(episodes(row.run)), lambda row: -float(row.run.progress or 0)
    ),
    Column("Newest event", lambda row: Text(age(row)), lambda row: row.age_seconds),
    Column(
        "Active",
        lambda row: Text(f"{row.run.active_slots}/{row.run.total_slots}", "cyan"),
        lambda row: -row.run.active_slots,
    ),
    Column("Started", _started, lambda row: -row.run.start_timestamp),
    Column("To go", _to_go, lambda row: row.run.remaining_seconds),
    Column("Task", lambda row: Text(row.run.task or "-"), lambda row: row.run.task),
    Column("Groups", lambda row: Text(" ".join(row.run.groups)), lambda row: len(row.run.groups)),
)
NEWEST_FIRST: Final = 5
"""The column that the table is sorted by at first."""
_RUN_COLUMN: Final = 1
_PADDING: Final = 2


def order(rows: Sequence[Row], column: int, *, reverse: bool = False) -> list[Row]:
    """Return rows sorted by a column, those that are equal by their names."""
    by_name = sorted(rows, key=lambda row: row.key)
    return sorted(by_name, key=COLUMNS[column].order, reverse=reverse)


def matching(rows: Sequence[Row], words: str) -> list[Row]:
    """Return the rows in which all words stand."""
    wanted = words.casefold().split()

    def text(row: Row) -> str:
        run = row.run
        return f"{row.name} {run.run_id} {run.task} {run.reward_mode} {run.state}".casefold()

    return [row for row in rows if all(word in text(row) for word in wanted)]


def fitting(cells: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Return how wide each column is, of those that fit into a width; the first two always do.

    The name of a run is made shorter where it does not fit, every other column is whole or not
    there.

    Args:
        cells: the rows, each with all columns.
        width: the columns of the terminal.
    """
    widths = [
        max([len(column.title) + 2, *(row[index].cell_len for row in cells)])
        for index, column in enumerate(COLUMNS)
    ]
    others = widths[0] + 2 * _PADDING
    widths[_RUN_COLUMN] = max(len(COLUMNS[_RUN_COLUMN].title), min(widths[1], width - others))
    count = len(widths)
    while count > _RUN_COLUMN + 1 and sum(widths[:count]) + count * _PADDING > width:
        count -= 1
    return widths[:count]


def shortened(text: Text, width: int) -> Text:
    """Return a text that fits into a width; the middle is what it may lack, and it says so."""
    if text.cell_len <= width:
        return text
    plain = text.plain
    tail = (width - 1) // 2
    return Text(f"{plain[: width - 1 - tail]}…{plain[len(plain) - tail :]}", text.style)


def head(row: Row, width: int, detail: str) -> Group:
    """Return the head of a run: which one it is, its state, how far it is, and its newest event.

    Args:
        row: the run.
        width: the columns that there are.
        detail: more on its state.
    """
    run = row.run
    title = Text.assemble(
        (run.task or "no task yet", "bold"),
        *((f"  {part}", "dim") for part in (run.run_id, run.reward_mode) if part),
        *([(f"  {run.run}", "dim")] if run.run and run.run != run.run_id else []),
    )
    words = Text.assemble(
        ("● ", SEVERITY_STYLES[run.severity]),
        state(run),
        # Of a run that goes on, it says how long for, which the progress says, too.
        ("" if detail.startswith(run.state) else f": {detail}", ""),
        f"  newest event {age(row)}" if run.last_event_timestamp else "  no event yet",
    )
    return Group(title, words, _progress(run, width))


def _progress(run: RunSummary, width: int) -> Table | Text:
    text = f"episode {episodes(run)}"
    if run.progress is None:
        return Text(text)
    percent = f"{int(run.progress * 100)} %"
    left = f"  {time_left(run)} to go" if time_left(run) else ""
    room = width - len(text) - len(percent) - len(left) - 4
    if room < _LEAST_BAR_WIDTH:
        return Text(f"{text}  {percent}{left}")
    grid = Table.grid(padding=(0, 1))
    bar = ProgressBar(
        total=1.0,
        completed=run.progress,
        width=min(_BAR_WIDTH, room),
        complete_style="cyan",
        finished_style="green",
    )
    grid.add_row(Text(text), bar, Text(percent), Text(left.strip()))
    return grid
