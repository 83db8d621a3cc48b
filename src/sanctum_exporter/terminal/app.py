"""The live panel: every run in a table, and one run with its panels."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event
from typing import Any, ClassVar, Final

from textual.app import App
from textual.binding import Binding, BindingType
from textual.message import Message

from sanctum_exporter.terminal.feed import Feed
from sanctum_exporter.terminal.poller import Poller, Report
from sanctum_exporter.terminal.run_screen import RunScreen
from sanctum_exporter.terminal.runs import Row
from sanctum_exporter.terminal.screens import HelpScreen, RunsScreen, Screens

_TICK_SECONDS: Final = 1.0

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that end a program which leaves its terminal as it was."""


class Reported(Message):
    """A source has said something new."""

    def __init__(self, source: int, report: Report) -> None:
        super().__init__()
        self.source = source
        self.report = report


class TopApp(App[int]):
    """Shows sources until it is quit; its result is the signal that ended it, None for a key.

    Args:
        feeds: the sources; they are closed at the end.
        notice: a line above everything, for example an address.
        monotonic: seconds that only pass.
        tick_seconds: how often ages are written anew, None for never.
        take_signals: those that end it.
        until: ends it, too, when it is set.
    """

    TITLE = "sanctum-exporter top"
    ENABLE_COMMAND_PALETTE = False
    # The terminal's own colours and background, those that SlotsPanel names.
    CSS = """
    Screen { background: ansi_default; color: ansi_default; }
    .notice { height: auto; text-style: dim; }
    Footer, FooterKey, FooterKey:hover, Input, Input:focus {
        background: ansi_default; color: ansi_default;
    }
    FooterKey .footer-key--key, FooterKey:hover .footer-key--key {
        background: ansi_default; color: ansi_cyan;
    }
    FooterKey .footer-key--description, FooterKey:hover .footer-key--description {
        background: ansi_default; color: ansi_default;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "quit", "Quit", key_display="q"),
        Binding("ctrl+z", "suspend_process", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
    ]

    def __init__(
        self,
        feeds: Sequence[Feed],
        notice: str = "",
        *,
        monotonic: Callable[[], float] = time.monotonic,
        tick_seconds: float | None = _TICK_SECONDS,
        take_signals: Sequence[int] = (),
        until: Event | None = None,
    ) -> None:
        super().__init__(ansi_color=True)
        self.notice = notice
        self._monotonic = monotonic
        self._tick_seconds = tick_seconds
        self.pollers = [
            Poller(feed, partial(self._tell, number), monotonic)
            for number, feed in enumerate(feeds)
        ]
        self.reports = [Report() for _ in feeds]
        self._lost_at: list[float | None] = [None for _ in feeds]
        self._has_opened = False
        self._take_signals = take_signals
        self._until = until
        self._handlers: dict[int, Any] = {}

    def on_mount(self) -> None:
        """Show the table, and begin to ask."""
        loop = asyncio.get_running_loop()
        for number in self._take_signals:
            self._handlers[number] = signal.getsignal(number)
            loop.add_signal_handler(number, self.exit, number)
        self.push_screen(RunsScreen())
        if self._tick_seconds is not None:
            self.set_interval(self._tick_seconds, self.tick)
        for poller in self.pollers:
            poller.start()

    def on_unmount(self) -> None:
        """End what asks, and give the signals back."""
        loop = asyncio.get_running_loop()
        for number, handler in self._handlers.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
        for poller in self.pollers:
            poller.close()

    def on_reported(self, message: Reported) -> None:
        """Show what a source has said."""
        source, report = message.source, message.report
        self.reports[source] = report
        if report.failure is None:
            self._lost_at[source] = None
        elif self._lost_at[source] is None:
            self._lost_at[source] = self._monotonic()
        rows = self.rows()
        if not self._has_opened and all(each.overview or each.failure for each in self.reports):
            # Who has but one run wants to see it.
            self._has_opened = bool(rows)
            if len(rows) == 1:
                self.open_run(rows[0])
        self.tick()

    def tick(self) -> None:
        """Write anew what time changes."""
        if self._until is not None and self._until.is_set():
            self.exit()
        # What is below it is written when it is seen again.
        shown = next(
            (each for each in reversed(self.screen_stack) if isinstance(each, Screens)), None
        )
        if shown is not None:
            shown.refresh_values()

    def rows(self) -> list[Row]:
        """Return every run of every source, as of now."""
        return [
            Row(source, run, report.overview.now + self.passed(source))
            for source, report in enumerate(self.reports)
            if report.overview is not None
            for run in report.overview.runs
        ]

    def passed(self, source: int) -> float:
        """Return how many seconds ago a source's documents came; 0 where they are of the past."""
        if self.pollers[source].feed.is_past:
            return 0.0
        return max(0.0, self._monotonic() - self.reports[source].received_at)

    def failure(self, source: int) -> str | None:
        """Return why a source's values are not to be relied on, and for how long; None if not."""
        failure, lost_at = self.reports[source].failure, self._lost_at[source]
        if failure is None or lost_at is None:
            return None
        when = time.strftime("%H:%M:%S", time.localtime(time.time() - self._monotonic() + lost_at))
        return f"{failure} (since {when})"

    def open_run(self, row: Row) -> None:
        """Show one run."""
        self.pollers[row.source].look_at(row.run.run)
        self.push_screen(RunScreen(row))

    def close_run(self, source: int) -> None:
        """Go back to the table."""
        self.pollers[source].look_away()
        self.pop_screen()

    def action_help(self) -> None:
        """Show the keys."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def _tell(self, source: int, report: Report) -> None:
        self.post_message(Reported(source, report))


def run_app(app: TopApp) -> int | None:
    """Run the live panel on the terminal; return the signal that ended it, None for a key."""
    number = app.run()
    # Textual says with its return code that it has failed, and has written why.
    if app.return_code:
        raise SystemExit(app.return_code)
    return number
