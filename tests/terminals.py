"""Programs on a terminal of their own, as real child processes, and what the terminal shows."""

from __future__ import annotations

import errno
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread

from tests.programs import environment
from tests.waiting import DEADLINE_SECONDS

# The new session's terminal; what a terminal emulator does before it starts a shell.
_TAKE_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"


@dataclass
class Terminal:
    """A terminal with a program on it."""

    process: subprocess.Popen[bytes]
    keyboard: int
    _shown: bytearray = field(default_factory=bytearray)
    _changed: Condition = field(default_factory=Condition)

    @property
    def shown(self) -> str:
        """All that the terminal has shown so far."""
        return self._shown.decode().replace("\r\n", "\n")

    def wait_for(self, text: str) -> None:
        """Wait until the terminal has shown a text."""
        with self._changed:
            found = self._changed.wait_for(lambda: text in self.shown, DEADLINE_SECONDS)
        assert found, f"never shown: {text!r}, but {self.shown!r}"

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.keyboard, keys.encode())

    def end(self) -> int:
        """Wait for the program's end, and return its exit status."""
        return self.process.wait(DEADLINE_SECONDS)

    def show(self, output: bytes) -> None:
        """Take in what the program writes."""
        with self._changed:
            self._shown += output
            self._changed.notify_all()


@contextmanager
def on_terminal(script: str, *before: str, address: str, folder: Path) -> Iterator[Terminal]:
    """Run a script on a terminal inside the block.

    Args:
        script: the program.
        before: arguments of Python before the script's name.
        address: is METRICS_ADDRESS for the program.
        folder: where the script is written.
    """
    path = folder / "script.py"
    path.write_text(_TAKE_TERMINAL + script, encoding="utf-8")
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *before, str(path)],
        stdin=its,
        stdout=its,
        stderr=its,
        env=environment(address),
        start_new_session=True,
    )
    os.close(its)
    terminal = Terminal(process, ours)
    reader = Thread(target=_read, args=(terminal,))
    reader.start()
    try:
        yield terminal
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reader.join()
        os.close(ours)


def _read(terminal: Terminal) -> None:
    try:
        while output := os.read(terminal.keyboard, 65536):
            terminal.show(output)
    except OSError as error:
        # What Linux says where the last program has left a terminal.
        if error.errno != errno.EIO:
            raise
