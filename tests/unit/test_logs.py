from __future__ import annotations

import ast
import logging
import sys
import weakref
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import sanctum_exporter
from sanctum_exporter import logs
from sanctum_exporter.screen import Screen
from tests.clocks import Clock

SOURCE = Path(sanctum_exporter.__file__).parent
OURS = "sanctum_exporter"


def users_of_logging() -> Iterator[str]:
    """Yield each module that imports the standard library's log."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            module = node.module if isinstance(node, ast.ImportFrom) else None
            if "logging" in [name.split(".")[0] for name in (*names, module or "")]:
                yield path.relative_to(SOURCE).as_posix()


def test_only_one_module_logs_inside_a_training() -> None:
    """Every module that lives in a training logs through logs.py, and by no other way."""
    inside = {module for module in users_of_logging() if not module.startswith("cli/")}
    # The push keeps the lines of OpenTelemetry's loggers out of the log, and writes none to them.
    assert inside - {"sinks/otlp/delivery.py"} == {"logs.py"}


def fail(what: object) -> None:
    """Raise an exception about something."""
    raise ValueError(what)


class Broken(logging.Handler):
    """A handler that raises whatever it is given."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Fail."""
        raise OSError("disk full")


def broken_handler() -> Callable[[], None]:
    """Add a handler that raises to the root's."""
    broken = Broken()
    logging.getLogger().addHandler(broken)
    return lambda: logging.getLogger().removeHandler(broken)


def broken_filter() -> Callable[[], None]:
    """Add a filter that raises to our logger."""

    def fail(record: logging.LogRecord) -> bool:
        raise KeyError("rank")

    logging.getLogger(OURS).addFilter(fail)
    return lambda: logging.getLogger(OURS).removeFilter(fail)


def broken_formatter() -> Callable[[], None]:
    """Add a handler that formats outside the standard library's guard, and fails."""

    class Formats(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            return bool(self.format(record))

    handler = Formats()
    handler.setFormatter(logging.Formatter("%(rank)d %(message)s"))
    logging.getLogger().addHandler(handler)
    return lambda: logging.getLogger().removeHandler(handler)


def broken_level() -> Callable[[], None]:
    """Make our logger's question for the level fail."""

    def fail(level: int) -> bool:
        raise RuntimeError("no level")

    logger: Any = logging.getLogger(OURS)
    logger.isEnabledFor = fail
    return lambda: delattr(logger, "isEnabledFor")


@pytest.mark.parametrize(
    "break_log", [broken_handler, broken_filter, broken_formatter, broken_level]
)
def test_nothing_that_the_log_raises_comes_out(break_log: Callable[[], Callable[[], None]]) -> None:
    """Handlers, filters, formatters and loggers of the program's may be broken at every level."""
    logging.getLogger(OURS).setLevel(logging.DEBUG)
    mend = break_log()
    try:
        for log in (logs.debug, logs.info, logs.warning, logs.error):
            log("%s is %s", "x", 3)
    finally:
        mend()
        logging.getLogger(OURS).setLevel(logging.NOTSET)


def test_a_record_says_who_logged_it(caplog: pytest.LogCaptureFixture) -> None:
    """The place in a record is that of the call, not one in logs.py."""
    caplog.set_level(logging.DEBUG)
    for log in (logs.debug, logs.info, logs.warning, logs.error):
        log("%s", "text")
    assert {record.pathname for record in caplog.records} == {__file__}
    assert {record.funcName for record in caplog.records} == {"test_a_record_says_who_logged_it"}
    assert [record.levelname for record in caplog.records] == ["DEBUG", "INFO", "WARNING", "ERROR"]
    assert {record.name for record in caplog.records} == {OURS}


def test_the_traceback_is_logged_where_it_helps(caplog: pytest.LogCaptureFixture) -> None:
    """With exc_info, the exception that is being handled stands in the log."""
    try:
        fail("on fire")
    except ValueError:
        logs.error("failed", exc_info=True)
    assert caplog.text.endswith("ValueError: on fire\n")


def test_lines_of_a_ration_are_written_a_few_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """The first one of the next minute says how many were left out."""
    caplog.set_level(logging.INFO)
    clock = Clock()
    ration = logs.Ration(2, clock)
    for _ in range(5):
        logs.warning("knock %s", "knock", ration=ration)
    clock.now += 59
    logs.warning("too early", ration=ration)
    clock.now += 1
    # What is not wanted at all takes nothing of it.
    logs.debug("unheard", ration=ration)
    logs.error("again %s", 1, ration=ration)
    logs.error("again %s", 2, ration=ration)
    assert [record.getMessage() for record in caplog.records] == [
        "knock knock",
        "knock knock",
        "again 1 (4 more such lines were left out)",
        "again 2",
    ]


class Terminal(StringIO):
    """A stream that goes to a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class Interface:
    """An interface that draws until a test says that it has ended, and a log that is set up."""

    def __init__(self) -> None:
        self.draws = True
        self.screen = Screen(lambda: self.draws, poll_seconds=60)
        self.handlers: list[logging.Handler] = []

    def add_handler(self, stream: StringIO, level: int = logging.NOTSET) -> None:
        """Let the root log to a stream."""
        handler = logging.StreamHandler(stream)
        handler.setLevel(level)
        self.handlers.append(handler)
        logging.getLogger().addHandler(handler)

    def end(self) -> None:
        """Stop drawing."""
        self.draws = False
        self.screen.write(lambda: None)


@pytest.fixture
def interface(monkeypatch: pytest.MonkeyPatch) -> Iterator[Interface]:
    """Give an interface that draws on the terminal."""
    interface = Interface()
    monkeypatch.setattr(logs, "SCREEN", interface.screen)
    yield interface
    for handler in interface.handlers:
        logging.getLogger().removeHandler(handler)
    logging.getLogger(OURS).setLevel(logging.NOTSET)
    interface.screen.end()


def test_a_line_for_the_terminal_waits_while_an_interface_draws(interface: Interface) -> None:
    """A program whose log goes to its terminal gets our lines when the interface has ended."""
    terminal = Terminal()
    interface.add_handler(terminal)
    try:
        fail("on fire")
    except ValueError:
        logs.warning("%s fails", "the push", exc_info=True)
    assert terminal.getvalue() == ""
    interface.end()
    assert terminal.getvalue().startswith("the push fails\nTraceback (most recent call last):\n")
    assert terminal.getvalue().endswith("ValueError: on fire\n")


def test_a_line_for_a_file_is_written_while_an_interface_draws(
    interface: Interface, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log in a file is up to date, whatever is on the screen."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    file = StringIO()
    interface.add_handler(file)
    interface.add_handler(Terminal(), level=logging.ERROR)
    logs.warning("the push fails")
    assert file.getvalue() == "the push fails\n"


def test_a_log_that_is_not_set_up_is_on_standard_error(
    interface: Interface, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a handler, warnings go to standard error and wait; what is less never comes there."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    logger = logging.getLogger(OURS)
    logger.setLevel(logging.INFO)
    # As in a program whose root has no handler; pytest's has.
    monkeypatch.setattr(logger, "propagate", False)
    interface.add_handler(Terminal(), level=logging.INFO)
    logs.warning("the push fails")
    for _ in range(2000):
        logs.info("not for standard error")
    assert terminal.getvalue() == ""
    interface.end()
    assert terminal.getvalue() == "the push fails\n"


def test_a_line_that_waits_keeps_nothing_alive(interface: Interface) -> None:
    """What a line is about is written out when it begins to wait, with the traceback."""

    class Model:
        def __str__(self) -> str:
            return "a large model"

    terminal, model = Terminal(), Model()
    interface.add_handler(terminal)
    gone = weakref.ref(model)
    try:
        fail(model)
    except ValueError:
        logs.warning("%s fails", model, exc_info=True)
    del model
    assert gone() is None
    interface.end()
    assert terminal.getvalue().startswith("a large model fails\n")


def test_an_exception_without_a_text_is_described_by_its_type() -> None:
    """What somebody else's exception says of itself may fail."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    assert logs.describe(ValueError("x is 3")) == "ValueError: x is 3"
    assert logs.describe(MuteError()) == "MuteError"
