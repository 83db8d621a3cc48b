"""Where ``top`` has its documents from; each kind of source is a feed."""

from __future__ import annotations

from typing import Protocol

from sanctum_exporter.view.document import Overview, RunView


class SourceLostError(Exception):
    """A source does not give its documents; the message says why, without any password."""


class Feed(Protocol):
    """A source, as documents; one thread asks it.

    Attributes:
        name: what it is called, for people.
        period_seconds: how often it may have something new.
        is_past: whether it shows a moment of the past, so that nothing will be new.
    """

    name: str
    period_seconds: float
    is_past: bool

    def overview(self) -> Overview:
        """Return every run in a line.

        Raises:
            SourceLostError: if the source does not give it.
        """
        ...

    def run(self, name: str | None) -> RunView | None:
        """Return a run by the name that it has in the overview, None if there is no such run.

        Raises:
            SourceLostError: if the source does not give it.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...
