"""A real terminal: a shell in a tmux of its own, driven by keys."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import wait_for

PROMPT = "ready$"


@dataclass(frozen=True)
class Tmux:
    """A terminal with a shell.

    Attributes:
        program: tmux itself.
        socket: names its server, which is nobody else's.
    """

    program: Path
    socket: Path

    def ask(self, *arguments: str) -> str:
        """Return what tmux answers to a command."""
        options = ["-S", str(self.socket), "-f", "/dev/null"]
        command = [str(self.program), *options, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
        return done.stdout

    def screen(self, *, styles: bool = False) -> str:
        """Return what is on the screen, with the codes of its styles if asked for."""
        return self.ask("capture-pane", "-p", *(["-e"] if styles else []))

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self.ask("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type a line."""
        self.ask("send-keys", "-l", text)
        self.press("Enter")

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size."""
        self.ask("resize-window", "-x", str(columns), "-y", str(rows))

    def modes(self) -> str:
        """Return what a program may have switched on or off."""
        flags = "alternate_on cursor_flag mouse_any_flag mouse_sgr_flag keypad_flag insert_flag"
        return self.ask("display-message", "-p", *[" ".join(f"#{{{f}}}" for f in flags.split())])

    def wait_for(self, *texts: str) -> str:
        """Return the screen when all texts are on it."""
        try:
            return wait_for(str(texts), lambda: self._with(texts))
        except TimeoutError as error:
            raise AssertionError(f"{error}, but:\n{self.screen()}") from None

    def wait_without(self, text: str) -> str:
        """Return the screen when a text is not on it any more."""

        def gone() -> str | None:
            screen = self.screen()
            return None if text in screen else screen

        return wait_for(f"{text!r} gone from the screen", gone)

    def _with(self, texts: tuple[str, ...]) -> str | None:
        screen = self.screen()
        return screen if all(text in screen for text in texts) else None


@contextmanager
def shell(program: Path, folder: Path, columns: int = 100, rows: int = 40) -> Iterator[Tmux]:
    """Give a terminal of a size, with a shell that waits for commands."""
    tmux = Tmux(program, folder / "tmux")
    size = ["-x", str(columns), "-y", str(rows)]
    command = f"PS1='{PROMPT} ' exec bash --norc --noprofile -i"
    tmux.ask("new-session", "-d", *size, "-c", str(folder), "sh", "-c", command)
    try:
        tmux.wait_for(PROMPT)
        yield tmux
    finally:
        tmux.ask("kill-server")
