"""A thread that asks a source again and again, and tells what is new."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final, NamedTuple

import msgspec

from sanctum_exporter import logs
from sanctum_exporter.terminal.feed import Feed, SourceLostError
from sanctum_exporter.view.document import Overview, RunView

_JOIN_SECONDS: Final = 1.0


class Report(NamedTuple):
    """What a source said last.

    Attributes:
        overview: its runs, None for none so far.
        view: the run that is looked at, None for none.
        failure: why what is above is not to be relied on, None where it is.
        received_at: when the documents came, in seconds that only pass.
    """

    overview: Overview | None = None
    view: RunView | None = None
    failure: str | None = None
    received_at: float = 0.0

    def says_what(self, other: Report) -> bool:
        """Tell whether another one says the same; that time has passed is not new."""
        return self.failure == other.failure and (
            _timeless(self.overview) == _timeless(other.overview)
            and _timeless(self.view) == _timeless(other.view)
        )


def _timeless(document: Overview | RunView | None) -> Overview | RunView | None:
    return None if document is None else msgspec.structs.replace(document, now=0.0)


class Poller:
    """Asks a feed from its own thread, from ``start()`` to ``close()``.

    Args:
        feed: the source.
        tell: given what it says, from the thread, where that is new.
        monotonic: seconds that only pass.
    """

    def __init__(
        self,
        feed: Feed,
        tell: Callable[[Report], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.feed = feed
        self._tell = tell
        self._monotonic = monotonic
        self._report = Report()
        self._looked_at: tuple[str | None] | None = None
        self._closed = False
        self._wake = Event()
        self._thread = Thread(target=self._run, name="sanctum-exporter-top", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def look_at(self, run: str | None) -> None:
        """Ask for a run, too, from now on."""
        self._looked_at = (run,)
        self._wake.set()

    def look_away(self) -> None:
        """Ask for the list of runs only."""
        self._looked_at = None

    def close(self) -> None:
        """End; an answer that is waited for comes to nobody."""
        self._closed = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_SECONDS)
        self.feed.close()

    def ask(self) -> Report:
        """Ask once, and return what the source says; where it says nothing, its last documents."""
        looked_at = self._looked_at
        try:
            overview = self.feed.overview()
            view = None if looked_at is None else self.feed.run(looked_at[0])
        except SourceLostError as error:
            return self._report._replace(failure=str(error))
        except Exception as error:  # noqa: BLE001 - one answer must not end the asking
            logs.debug("a source could not be asked", exc_info=True)
            return self._report._replace(failure=f"asking failed: {type(error).__name__}: {error}")
        return Report(overview, view, overview.exporter.not_ready, self._monotonic())

    def _run(self) -> None:
        first = True
        while not self._closed:
            self._wake.clear()
            report = self.ask()
            if (first or not report.says_what(self._report)) and not self._closed:
                self._tell(report)
            first = False
            self._report = report
            # What is past does not change.
            done = self.feed.is_past and report.failure is None
            self._wake.wait(None if done else self.feed.period_seconds)
