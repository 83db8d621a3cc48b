"""Our log, in which everything is written that happens in somebody else's process.

It is a logger of the standard library, ``sanctum_exporter``, whose handlers are the program's. They
may raise, and they may write to a terminal that an interface draws on: neither reaches who logs.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from threading import Lock
from typing import Any, Final

from sanctum_exporter.screen import SCREEN, contained

NAME: Final = "sanctum_exporter"

# What logs is the caller of the caller of what makes the record.
_STACK_LEVEL: Final = 3
_MINUTE_SECONDS: Final = 60.0
_FORMATTER: Final = logging.Formatter()


def debug(
    message: str, *arguments: object, exc_info: bool = False, ration: Ration | None = None
) -> None:
    """Log what only somebody who looks for a fault wants to read."""
    _log(logging.DEBUG, message, arguments, exc_info=exc_info, ration=ration)


def info(message: str, *arguments: object) -> None:
    """Log what went as it should."""
    _log(logging.INFO, message, arguments)


def warning(
    message: str, *arguments: object, exc_info: bool = False, ration: Ration | None = None
) -> None:
    """Log what is not as it should be, while most is still published."""
    _log(logging.WARNING, message, arguments, exc_info=exc_info, ration=ration)


def error(
    message: str, *arguments: object, exc_info: bool = False, ration: Ration | None = None
) -> None:
    """Log that something is not published."""
    _log(logging.ERROR, message, arguments, exc_info=exc_info, ration=ration)


class Ration:
    """A bound on lines that others can provoke as often as they like; for any thread.

    Args:
        lines_a_minute: how many are written.
        clock: monotonic seconds.
    """

    def __init__(self, lines_a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines_a_minute = lines_a_minute
        self._clock = clock
        self._lock = Lock()
        self._began = -_MINUTE_SECONDS
        self._written = 0
        self._left_out = 0

    def take(self) -> int | None:
        """Return how many lines were left out before this one, None if it is left out, too."""
        now = self._clock()
        with self._lock:
            if now - self._began >= _MINUTE_SECONDS:
                self._began, self._written = now, 0
            if self._written == self._lines_a_minute:
                self._left_out += 1
                return None
            self._written += 1
            left_out, self._left_out = self._left_out, 0
            return left_out


def describe(error: BaseException) -> str:
    """Return what an exception says; one of somebody else's may not have a text."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - then its type has to do
        return type(error).__name__


def _log(
    level: int,
    message: str,
    arguments: tuple[object, ...],
    *,
    exc_info: bool = False,
    ration: Ration | None = None,
) -> None:
    with contained():
        logger = logging.getLogger(NAME)
        if not logger.isEnabledFor(level):
            return
        if ration is not None:
            left_out = ration.take()
            if left_out is None:
                return
            if left_out:
                message += " (%d more such lines were left out)"
                arguments += (left_out,)
        path, line, function, _ = logger.findCaller(stacklevel=_STACK_LEVEL)
        raised = sys.exc_info() if exc_info else None
        record = logger.makeRecord(NAME, level, path, line, message, arguments, raised, function)
        if SCREEN.is_taken_from(_streams(logger, level)):
            _detach(record)
            SCREEN.write_later(partial(logger.handle, record))
        else:
            SCREEN.write(partial(logger.handle, record))


def _streams(logger: logging.Logger, level: int) -> Iterator[Any]:
    """Yield the streams that a record of this level is written to."""
    handled = False
    ancestor: logging.Logger | None = logger
    while ancestor is not None:
        for handler in ancestor.handlers:
            handled = True
            if level >= handler.level:
                yield getattr(handler, "stream", None)
        ancestor = ancestor.parent if ancestor.propagate else None
    if not handled and logging.lastResort is not None and level >= logging.lastResort.level:
        # What the standard library does for a program that has not set its log up.
        yield sys.stderr


def _detach(record: logging.LogRecord) -> None:
    """Write out a record that waits, which must not keep anything of the program alive."""
    record.msg, record.args = record.getMessage(), None
    if record.exc_info:
        record.exc_text = _FORMATTER.formatException(record.exc_info)
        record.exc_info = None
