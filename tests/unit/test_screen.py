from __future__ import annotations

import gc
import os
import pty
import sys
import termios
import tty
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from threading import Event, Thread
from typing import Any, TextIO

import pytest

from sanctum_exporter.screen import Screen, contained, is_taken, is_terminal
from tests.waiting import eventually


class Terminal(StringIO):
    """A stream that goes to a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@contextmanager
def terminal() -> Iterator[TextIO]:
    """Give a terminal in the mode that a shell leaves it in."""
    ours, its = pty.openpty()
    with open(its, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor has no path
        yield stream
    os.close(ours)


def switch_off(mode: int) -> Callable[[int], None]:
    """Return what switches off one of a terminal's local modes."""

    def set_modes(descriptor: int) -> None:
        modes = termios.tcgetattr(descriptor)
        modes[3] &= ~mode
        termios.tcsetattr(descriptor, termios.TCSANOW, modes)

    return set_modes


@pytest.mark.parametrize(
    ("mode", "taken"),
    [
        (tty.setraw, True),
        (tty.setcbreak, True),
        (switch_off(termios.ECHO), False),
        (switch_off(termios.ICANON), False),
        (switch_off(0), False),
    ],
)
@pytest.mark.parametrize("name", ["__stdin__", "__stdout__", "__stderr__"])
def test_a_terminal_without_line_mode_and_echo_is_drawn_on(
    name: str, mode: Callable[[int], Any], taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full-screen interfaces switch both off; a prompt for a password or a key only one."""
    for each in ("__stdin__", "__stdout__", "__stderr__"):
        monkeypatch.setattr(sys, each, None)
    with terminal() as stream:
        monkeypatch.setattr(sys, name, stream)
        mode(stream.fileno())
        assert is_taken() is taken


def test_a_program_without_a_terminal_has_none_that_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Closed streams, and those that are no terminals, are asked without harm."""
    closed = StringIO()
    closed.close()
    for name, stream in (("__stdin__", None), ("__stdout__", closed), ("__stderr__", StringIO())):
        monkeypatch.setattr(sys, name, stream)
    assert not is_taken()
    assert not is_terminal(closed)
    assert not is_terminal(None)
    assert not is_terminal(StringIO())


@pytest.fixture
def screen_for() -> Iterator[Callable[..., Screen]]:
    """Give what makes a screen, which ends with the test."""
    screens = []

    def make(is_taken: Callable[[], bool], **options: Any) -> Screen:
        # Long enough that nothing is written but by the test itself.
        screens.append(Screen(is_taken, **{"poll_seconds": 60, **options}))
        return screens[-1]

    yield make
    for screen in screens:
        screen.end()


class Interface:
    """An interface that begins and ends as a test says."""

    def __init__(self) -> None:
        self.draws = True

    def __call__(self) -> bool:
        """Tell whether it draws."""
        return self.draws


def test_what_waits_is_written_in_order_when_the_terminal_is_free(
    screen_for: Callable[..., Screen],
) -> None:
    """Nothing is written while the interface draws, and everything soon after its end."""
    interface, written = Interface(), list[int]()
    asked = Event()

    def draws() -> bool:
        asked.set()
        return interface()

    screen = screen_for(draws, poll_seconds=0.001)
    for number in range(3):
        screen.write_later(lambda number=number: written.append(number))  # type: ignore[misc]
    asked.clear()
    assert asked.wait(20)
    assert written == []
    interface.draws = False
    eventually(lambda: written == [0, 1, 2])


def test_a_line_comes_after_those_that_wait(
    screen_for: Callable[..., Screen],
) -> None:
    """Whoever writes when the terminal is free again does not overtake what waits."""
    interface, written = Interface(), list[str]()
    screen = screen_for(interface)
    screen.write_later(lambda: written.append("first"))
    screen.write(lambda: written.append("to a file"))
    interface.draws = False
    screen.write(lambda: written.append("second"))
    assert written == ["to a file", "first", "second"]


def test_only_what_goes_to_the_terminal_has_to_wait(
    screen_for: Callable[..., Screen],
) -> None:
    """A file is written at once, whatever is on the screen."""
    screen = screen_for(lambda: True)
    assert screen.is_taken_from([StringIO(), Terminal()])
    assert not screen.is_taken_from([StringIO(), None])
    assert not screen_for(lambda: False).is_taken_from([Terminal()])


def test_of_very_many_lines_the_oldest_are_lost_and_counted(
    screen_for: Callable[..., Screen], capsys: pytest.CaptureFixture[str]
) -> None:
    """What waits is bounded, and what was lost is said."""
    interface = Interface()
    screen = screen_for(interface, most_waiting=2)
    for name in "abcde":
        screen.write_later(lambda name=name: sys.stderr.write(name))  # type: ignore[misc]
    interface.draws = False
    screen.write(lambda: None)
    assert capsys.readouterr().err == "sanctum-exporter: 3 lines before these are lost\nde"


def test_what_a_write_raises_stays_inside(
    screen_for: Callable[..., Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that fails harms neither who writes nor the lines after it."""

    def fail() -> None:
        raise OSError("no space left on device")

    interface, written = Interface(), list[str]()
    screen = screen_for(interface)
    screen.write_later(fail)
    screen.write_later(lambda: written.append("after"))
    interface.draws = False
    screen.write(fail)
    assert written == ["after"]
    monkeypatch.setattr(sys, "stderr", None)
    screen.say("nobody hears this")


def test_the_watching_thread_ends_with_what_waits() -> None:
    """A process in which nothing waits has no thread of ours for it."""
    interface = Interface()
    screen = Screen(interface, poll_seconds=0.001)
    gone = weakref.ref(screen)
    for _ in range(2):
        interface.draws = True
        screen.write_later(lambda: None)
        watcher = screen._watcher  # noqa: SLF001 - there is no other way to know it
        assert watcher is not None
        assert watcher.daemon
        interface.draws = False
        watcher.join(20)
        assert not watcher.is_alive()
    del screen
    gc.collect()
    assert gone() is None


def test_whoever_ends_the_program_ends_it() -> None:
    """The exit that a signal's handler asks for in the main thread is not swallowed."""
    with pytest.raises(SystemExit), contained():
        raise SystemExit(3)


def test_a_thread_of_ours_does_not_end_because_a_log_handler_asks_for_it() -> None:
    """Outside the main thread no signal's handler runs, so nothing at all comes out."""
    survived = Event()

    def end() -> None:
        raise SystemExit(3)

    def run() -> None:
        with contained():
            end()
        survived.set()

    thread = Thread(target=run)
    thread.start()
    thread.join()
    assert survived.is_set()


def test_at_the_end_everything_is_written(screen_for: Callable[..., Screen]) -> None:
    """An interface that never ends loses nothing; what comes later does not wait any more."""
    written = list[str]()
    screen = screen_for(lambda: True)
    screen.write_later(lambda: written.append("waited"))
    watcher = screen._watcher  # noqa: SLF001 - there is no other way to know it
    screen.end()
    assert written == ["waited"]
    assert not screen.is_taken_from([Terminal()])
    assert watcher is not None
    assert not watcher.is_alive()
