"""Nothing of ours is written over an interface that draws on the training's terminal."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest

from tests.programs import free_address, serves_nothing
from tests.terminals import on_terminal

RUN = ("-m", "sanctum_exporter", "run", "--web.listen-address")

INTERFACE = """
import os, sys, termios, threading, tty
from esper.nissa import get_hub

ADDRESS = os.environ["METRICS_ADDRESS"]

asked = threading.Event()

class Capture:
    "What Textual puts in place of standard error while it draws."
    def isatty(self):
        asked.set()
        return True
    def fileno(self):
        return -1
    def write(self, text):
        pass
    def flush(self):
        pass

def show(text):
    os.write(1, text.encode())

def raw():
    tty.setraw(0, termios.TCSANOW)
    return lambda: None

def curses():
    tty.setcbreak(0, termios.TCSANOW)
    return lambda: None

def textual():
    tty.setraw(0, termios.TCSANOW)
    sys.stderr = Capture()
    def end():
        asked.clear()
        asked.wait(20)
        sys.stderr = sys.__stderr__
    return end

def draw(begin):
    global give_back
    before = termios.tcgetattr(0)
    end = begin()
    show("<drawing>")
    def give_back():
        termios.tcsetattr(0, termios.TCSANOW, before)
        end()
        show("<given back>")
"""

RUN_MAKES_HUB = 'get_hub(); show("<hub made>")\n'
HOOK_MAKES_HUB = """
from sanctum_exporter import SanctumExporter
get_hub().add_backend(SanctumExporter(ADDRESS))
show("<hub made>")
"""
END_AT_KEYS = "os.read(0, 1); give_back(); sys.stdin.readline()\n"


@pytest.fixture
def taken_address() -> Iterator[str]:
    """Give an address that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("interface", ["raw", "curses"])
@pytest.mark.parametrize("way", ["run", "hook"])
def test_a_line_waits_until_the_terminal_is_given_back(
    way: str, interface: str, taken_address: str, tmp_path: Path
) -> None:
    """What goes wrong while an interface draws is shown once it has ended, and only then."""
    make_hub, before = (
        (RUN_MAKES_HUB, (*RUN, taken_address)) if way == "run" else (HOOK_MAKES_HUB, ())
    )
    script = INTERFACE + f"draw({interface})\n" + make_hub + END_AT_KEYS
    with on_terminal(script, *before, address=taken_address, folder=tmp_path) as terminal:
        terminal.wait_for("<hub made>")
        assert terminal.shown == "<drawing><hub made>"
        terminal.type("q")
        terminal.wait_for(serves_nothing(taken_address) + "\n")
        terminal.type("\n")
        assert terminal.end() == 0
    assert terminal.shown.count("serves nothing") == 1


def test_a_line_is_not_lost_to_an_interface_that_captures_standard_error(
    taken_address: str, tmp_path: Path
) -> None:
    """Textual swallows what is written to standard error; the line waits for the real one."""
    script = INTERFACE + "draw(textual)\n" + HOOK_MAKES_HUB + END_AT_KEYS
    with on_terminal(script, address=taken_address, folder=tmp_path) as terminal:
        terminal.wait_for("<hub made>")
        terminal.type("q")
        terminal.wait_for(serves_nothing(taken_address) + "\n")
        terminal.type("\n")
        assert terminal.end() == 0


def test_run_says_where_it_serves_once_the_terminal_is_given_back(tmp_path: Path) -> None:
    """The line that says where the metrics are waits like all others."""
    address = free_address()
    script = INTERFACE + "draw(raw)\n" + RUN_MAKES_HUB + END_AT_KEYS
    with on_terminal(script, *RUN, address, address=address, folder=tmp_path) as terminal:
        terminal.wait_for("<hub made>")
        assert terminal.shown == "<drawing><hub made>"
        terminal.type("q")
        terminal.wait_for(f"script.py: serving http://{address}/metrics\n")
        terminal.type("\n")
        assert terminal.end() == 0


def test_a_line_is_written_at_once_before_an_interface_begins(
    taken_address: str, tmp_path: Path
) -> None:
    """A hub that is made before the interface, as esper-lite's is, makes nothing wait."""
    script = INTERFACE + HOOK_MAKES_HUB + "draw(raw); give_back()\n"
    with on_terminal(script, address=taken_address, folder=tmp_path) as terminal:
        assert terminal.end() == 0
    assert terminal.shown == (serves_nothing(taken_address) + "\n<hub made><drawing><given back>")


def test_a_line_is_written_at_the_end_if_the_terminal_is_never_given_back(
    taken_address: str, tmp_path: Path
) -> None:
    """An interface that dies with its program leaves our last lines to be read."""
    script = INTERFACE + "draw(raw)\n" + HOOK_MAKES_HUB + "sys.exit(3)\n"
    with on_terminal(script, address=taken_address, folder=tmp_path) as terminal:
        assert terminal.end() == 3
    assert terminal.shown == "<drawing><hub made>" + serves_nothing(taken_address) + "\n"


def test_the_prompt_of_a_shell_keeps_no_line_of_a_program_in_the_background(
    taken_address: str, tmp_path: Path
) -> None:
    """A shell draws its prompt as an interface does; what runs behind it writes all the same."""
    script = (
        INTERFACE
        + "draw(raw)\n"
        + "child = os.fork()\nif child == 0:\n    os.setpgid(0, 0)\n"
        + indent(HOOK_MAKES_HUB, "    ")
        + "    os._exit(0)\n"
        + "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    with on_terminal(script, address=taken_address, folder=tmp_path) as terminal:
        assert terminal.end() == 0
    assert terminal.shown == "<drawing>" + serves_nothing(taken_address) + "\n<hub made>"


def test_a_forked_child_leaves_what_waits_to_its_parent(taken_address: str, tmp_path: Path) -> None:
    """A line that waits is written once, however many workers the training has forked since."""
    script = (
        INTERFACE
        + "draw(raw)\n"
        + HOOK_MAKES_HUB
        + "child = os.fork()\nif child == 0:\n    sys.exit(0)\n"
        + "assert os.waitpid(child, 0)[1] == 0\n"
    )
    with on_terminal(script, address=taken_address, folder=tmp_path) as terminal:
        assert terminal.end() == 0
    assert terminal.shown == "<drawing><hub made>" + serves_nothing(taken_address) + "\n"
