"""docs/cli.md and the man page, made of what the commands say for ``--help``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any, Final

import click

from sanctum_exporter import __version__
from sanctum_exporter.cli import program

_NAME: Final = "sanctum-exporter"
_PREFACE: Final = """\
# Command line

Generated from `--help` by `make generate`. The wheel brings the same as a man page.

**Options by environment.** Each option has the variable that its help names, the same for every
command that has the option: `SANCTUM_EXPORTER_WEB_LISTEN_ADDRESS=:10500` stands for
`--web.listen-address=:10500`. The command line counts before the environment, and the environment
before the default. Where to push has a third place: `--otlp.endpoint`, else
`SANCTUM_EXPORTER_OTLP_ENDPOINT`, else OpenTelemetry's own `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` or
`OTEL_EXPORTER_OTLP_ENDPOINT`; so have protocol and interval ([otlp.md](otlp.md)). A flag is `1` or
`0`. A variable that is empty is as if it were not there, and of one that cannot be used the error
says its name.

**Options without effect** are refused where they are typed. A variable may be meant for another
command, and is left aside.

**The log** goes to standard error. `--log.level` and `--log.format` may stand before the command or
after it. With `--log.format json` every line of it is an object with `time` (UTC), `level`,
`logger`, `message` and, where something was raised, `exception`. With `run` the log is the training
program's own, and has its form. What ends a command at its start, such as a wrong option, is a line
of text that begins with `sanctum-exporter: `, and the status is 2.

**Completion** of commands and options, for the shell that you use:

<!-- not run: lines for the files of your shell -->
```bash
eval "$(_SANCTUM_EXPORTER_COMPLETE=bash_source sanctum-exporter)"   # in ~/.bashrc
eval "$(_SANCTUM_EXPORTER_COMPLETE=zsh_source sanctum-exporter)"    # in ~/.zshrc
_SANCTUM_EXPORTER_COMPLETE=fish_source sanctum-exporter | source    # in config.fish
```
"""
_MAN_NOTES: Final = """\
The command line counts before the environment, and the environment before defaults. Where to push
is also read from OpenTelemetry's variables, OTEL_EXPORTER_OTLP_ENDPOINT and others.
"""


def cli_page() -> str:
    """Return docs/cli.md."""
    sections = [
        f"## {context.command_path}\n\n```text\n{context.get_help()}\n```\n"
        for context in _contexts()
    ]
    return f"{_PREFACE}\n" + "\n".join(sections)


def man_page() -> str:
    """Return the man page, with every command on it."""
    root, *commands = _contexts()
    lines = [
        '.\\" Generated from --help by `make generate`.',
        f'.TH {_NAME.upper()} 1 "" "{_NAME} {__version__}" "User Commands"',
        # Names of variables stay whole.
        ".nh",
        ".SH NAME",
        f"{_roff(_NAME)} \\- {_roff(_help(root)[0].rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {_roff(_NAME)}",
        _roff("[OPTIONS] COMMAND [ARGS]..."),
        ".SH OPTIONS",
        *_options(root),
        ".SH COMMANDS",
    ]
    for context in commands:
        usage = " ".join(context.command.collect_usage_pieces(context))
        lines += [f'.SS "{_roff(f"{context.info_name} {usage}")}"', *_paragraphs(context)]
        lines += _options(context)
    lines += [".SH ENVIRONMENT", "Each option names its variable.", *_roff(_MAN_NOTES).splitlines()]
    lines += [
        ".SH EXIT STATUS",
        _roff("0 at its end, 2 after an error; that of run is its program's."),
    ]
    return "\n".join(lines) + "\n"


def _contexts() -> list[click.Context]:
    """Return the program and its commands, as they are when they are asked for help."""
    width: dict[str, Any] = {"terminal_width": 100, "max_content_width": 100}
    root = click.Context(program, info_name=_NAME, help_option_names=["-h", "--help"], **width)
    return [
        root,
        *(
            click.Context(command, info_name=name, parent=root, **width)
            for name, command in program.commands.items()
        ),
    ]


def _help(context: click.Context) -> list[str]:
    """Return the paragraphs of a command's help."""
    return cleandoc(context.command.help or "").split("\n\n")


def _paragraphs(context: click.Context) -> Iterator[str]:
    for paragraph in _help(context):
        yield from [_roff(" ".join(paragraph.split())), ".PP"]
    for paragraph in (context.command.epilog or "").split("\n\n"):
        # Click's own sign that lines stay as they are.
        lines = paragraph.removeprefix("\b\n").splitlines()
        if lines:
            yield from [".nf", *map(_roff, lines), ".fi", ".PP"]


def _options(context: click.Context) -> Iterator[str]:
    for parameter in context.command.get_params(context):
        # Later versions of click have a record of arguments, too.
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None:
            names, text = record
            yield from [".TP", f".B {_roff(names)}", _roff(" ".join(text.split()))]


def _roff(text: str) -> str:
    """Return a text in which nothing is a command of roff."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return re.sub(r"(?m)^([.'])", r"\\&\1", escaped)
