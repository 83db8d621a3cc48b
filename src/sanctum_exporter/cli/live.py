"""The live panel as a part of commands: whether it can be had, and its start and end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from threading import Event
from typing import Final

from sanctum_exporter.screen import is_terminal
from sanctum_exporter.terminal.feed import Feed

INSTALL: Final = "pip install 'sanctum-exporter[top]'"


def is_installed() -> bool:
    """Tell whether what draws the live panel is there."""
    return find_spec("textual") is not None


def is_on_terminal() -> bool:
    """Tell whether somebody sits before it, with a screen and a keyboard."""
    return is_terminal(sys.stdin) and is_terminal(sys.stdout)


def show(feeds: Sequence[Feed], notice: str = "", *, until: Event | None = None) -> None:
    """Show the live panel until it is quit; a signal that ends it is given on afterwards.

    Args:
        feeds: what to show.
        notice: a line above it.
        until: ends it, too, when it is set.
    """
    # Textual takes a quarter of a second to import, and need not be there.
    from sanctum_exporter.terminal.app import ENDING, TopApp, run_app  # noqa: PLC0415

    # Shells that export the size of the terminal export the one that it had at their start.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    number = run_app(TopApp(feeds, notice, take_signals=ENDING, until=until))
    if number is not None:
        signal.raise_signal(number)
