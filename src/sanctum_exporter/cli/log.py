"""The log of a command: how much is written, and in which form."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

import click

from sanctum_exporter import logs
from sanctum_exporter.cli.environment import was_typed

_LEVELS: Final = ("debug", "info", "warning", "error")


class JsonFormatter(logging.Formatter):
    """Writes a record as a JSON object in one line, with its time in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: time, level, logger, message, and what was raised."""
        time = datetime.fromtimestamp(record.created, UTC)
        fields = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text is None and record.exc_info:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            fields["exception"] = record.exc_text
        return json.dumps(fields, ensure_ascii=False)


_FORMATTERS: Final[dict[str, logging.Formatter]] = {
    "text": logging.Formatter("%(asctime)s %(levelname)s %(message)s"),
    "json": JsonFormatter(),
}


class CommandLog:
    """Where a command's log goes: to standard error, or to whatever the training program chose.

    Args:
        is_ours: whether the process is ours, and its whole log with it.
    """

    def __init__(self, *, is_ours: bool) -> None:
        root = logging.getLogger()
        self._handler = logging.StreamHandler(sys.stderr)
        # Who calls the command from a program of its own may have set the log up.
        if is_ours and not root.handlers:
            root.addHandler(self._handler)
            self._logger = root
        else:
            self._logger = logging.getLogger(logs.NAME)

    def set_level(self, level: str) -> None:
        """Leave out what is less severe."""
        self._logger.setLevel(level.upper())

    def set_format(self, name: str) -> None:
        """Write lines of text or of JSON."""
        self._handler.setFormatter(_FORMATTERS[name])


def level_option(**settings: Any) -> click.Option:
    """Return the option for the level."""
    return click.Option(
        ["--log.level", "log_level"],
        type=click.Choice(_LEVELS),
        default="info",
        show_default=True,
        help="Least severity that is logged, to standard error.",
        **settings,
    )


def format_option(**settings: Any) -> click.Option:
    """Return the option for the form."""
    return click.Option(
        ["--log.format", "log_format"],
        type=click.Choice(list(_FORMATTERS)),
        default="text",
        show_default=True,
        help="What a line of the log is: text, or a JSON object.",
        **settings,
    )


def options_of_command() -> list[click.Option]:
    """Return the same options for a command: they count where they stand after its name."""
    return [
        level_option(expose_value=False, callback=_set_level),
        format_option(expose_value=False, callback=_set_format),
    ]


def _set_level(context: click.Context, parameter: click.Parameter, value: str) -> None:
    log = context.find_object(CommandLog)
    if log is not None and was_typed(context, parameter.name or ""):
        log.set_level(value)


def _set_format(context: click.Context, parameter: click.Parameter, value: str) -> None:
    log = context.find_object(CommandLog)
    if log is not None and was_typed(context, parameter.name or ""):
        log.set_format(value)
