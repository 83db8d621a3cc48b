"""What we write to the terminal, which waits while a full-screen interface draws on it.

esper-lite's ``--sanctum`` is such an interface, made with Textual. All of them, those of curses
too, switch off the terminal's line mode and its echo while they draw, so none has to be known by
its name.
"""

from __future__ import annotations

import atexit
import os
import sys
import termios
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event, RLock, Thread, current_thread, main_thread
from typing import Any, Final, TypeAlias

_MOST_WAITING: Final = 1000
_POLL_SECONDS: Final = 0.25
_JOIN_SECONDS: Final = 1.0

Write: TypeAlias = Callable[[], object]


@contextmanager
def contained() -> Iterator[None]:
    """Let nothing out of the block that a stream or a log handler of somebody else's raises."""
    try:
        yield
    except Exception:  # noqa: BLE001, S110 - it is not ours, and there is nobody to tell
        pass
    except BaseException:
        # A signal's handler, which only the main thread runs, may mean to end the program.
        if current_thread() is main_thread():
            raise


def is_taken() -> bool:
    """Tell whether a full-screen interface of this program draws on its terminal."""
    return _is_stand_in(sys.stderr) or any(
        _is_drawn_on(stream) for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    )


def is_terminal(stream: Any) -> bool:
    """Tell whether a stream goes to a terminal."""
    try:
        return bool(stream.isatty())
    except Exception:  # noqa: BLE001 - closed, missing, or no stream at all
        return False


class Screen:
    """Writes at once where the terminal is free, and otherwise as soon as it is.

    What still waits when the process ends is written then. Nothing that a write raises comes out.

    Args:
        is_taken: tells whether an interface draws on the terminal.
        poll_seconds: how often that is asked while something waits.
        most_waiting: how much may wait; of more, the oldest is lost.
    """

    def __init__(
        self,
        is_taken: Callable[[], bool] = is_taken,
        *,
        poll_seconds: float = _POLL_SECONDS,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        self._is_taken = is_taken
        self._poll_seconds = poll_seconds
        self._most_waiting = most_waiting
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what waits; in a forked child it is the parent's to write."""
        self._waiting: deque[Write] = deque(maxlen=self._most_waiting)
        self._lost = 0
        self._watcher: Thread | None = None
        self._ending = Event()
        # Never held during a write. Reentrant, because a signal's handler may write, too.
        self._lock = RLock()

    def is_taken_from(self, streams: Iterable[Any]) -> bool:
        """Tell whether what goes to these streams has to wait."""
        return any(map(is_terminal, streams)) and not self._is_free()

    def write(self, write: Write) -> None:
        """Write now, after what waits if the terminal is free again."""
        self._release()
        with contained():
            write()

    def write_later(self, write: Write) -> None:
        """Write as soon as the terminal is free."""
        with contained(), self._lock:
            self._lost += len(self._waiting) == self._most_waiting
            self._waiting.append(write)
            if self._watcher is None:
                atexit.register(self.end)
                watcher = Thread(target=self._watch, name="sanctum-exporter-screen", daemon=True)
                watcher.start()
                self._watcher = watcher

    def say(self, text: str) -> None:
        """Write a line to standard error."""

        def write() -> None:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

        if self.is_taken_from([sys.stderr]):
            self.write_later(write)
        else:
            self.write(write)

    def end(self) -> None:
        """Write what waits, whatever is on the terminal, and let nothing wait any more."""
        self._ending.set()
        watcher = self._watcher
        if watcher is not None:
            watcher.join(_JOIN_SECONDS)
        self._release()

    def _is_free(self) -> bool:
        return self._ending.is_set() or not self._is_taken()

    def _watch(self) -> None:
        while not self._ending.wait(self._poll_seconds):
            self._release()
            with self._lock:
                if not self._waiting:
                    atexit.unregister(self.end)
                    self._watcher = None
                    return

    def _release(self) -> None:
        if not self._waiting or not self._is_free():
            return
        with self._lock:
            waiting, lost = list(self._waiting), self._lost
            self._waiting.clear()
            self._lost = 0
        if lost:
            self.say(f"sanctum-exporter: {lost} lines before these are lost")
        for write in waiting:
            with contained():
                write()


def _is_stand_in(stream: Any) -> bool:
    """Tell whether a stream only claims to be a terminal, as Textual's does while it draws."""
    try:
        return bool(stream.isatty()) and stream.fileno() < 0
    except Exception:  # noqa: BLE001 - see is_terminal
        return False


def _is_drawn_on(stream: Any) -> bool:
    try:
        descriptor = stream.fileno()
        local_modes = termios.tcgetattr(descriptor)[3]
    except Exception:  # noqa: BLE001 - not a terminal, or see is_terminal
        return False
    return not local_modes & (termios.ICANON | termios.ECHO) and _is_in_foreground(descriptor)


def _is_in_foreground(descriptor: int) -> bool:
    """Tell whether the terminal is this program's to draw on; a shell's prompt draws, too."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        # Not the terminal that started us, so no shell has it either.
        return True


SCREEN: Final = Screen()
"""The terminal of this process."""

os.register_at_fork(after_in_child=SCREEN.begin_anew)
