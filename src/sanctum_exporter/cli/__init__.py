"""The command line: the composition root of the program."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from sanctum_exporter._version import __version__
from sanctum_exporter.cli.assets import assets
from sanctum_exporter.cli.backfill import backfill_command
from sanctum_exporter.cli.demo import demo
from sanctum_exporter.cli.environment import give_variables, origin, refuse
from sanctum_exporter.cli.export import export_command
from sanctum_exporter.cli.inspect import inspect
from sanctum_exporter.cli.log import CommandLog, format_option, level_option, options_of_command
from sanctum_exporter.cli.rehearse import rehearse_command
from sanctum_exporter.cli.replay import replay
from sanctum_exporter.cli.run import ProgramInterrupted, run
from sanctum_exporter.cli.top import top
from sanctum_exporter.cli.watch import watch
from sanctum_exporter.files.lines import SourceError


class Program(click.Group):
    """The program; its options may stand before the command or after it."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, with the options that all of them have."""
        cmd.params += options_of_command()
        if cmd is run:
            cmd.params = [option for option in cmd.params if option.name != "log_format"]
        give_variables(cmd)
        super().add_command(cmd, name)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
    # Click 8.1 and later ones name it in two ways, and docs/cli.md is generated from this.
    subcommand_metavar="COMMAND [ARGS]...",
    params=[level_option(), format_option()],
    epilog="The command line counts before the environment, and the environment before defaults.",
)
@click.version_option(__version__, prog_name="sanctum-exporter")
@click.pass_context
def program(context: click.Context, log_level: str, log_format: str) -> None:
    """Publish the Sanctum telemetry of esper-lite to Prometheus and OpenTelemetry."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)
    # In a training program the log is its own, which may want to set it up itself.
    is_ours = context.invoked_subcommand != run.name
    if not is_ours:
        refuse(context, {"log_format": "is for our own log, and that of run is its program's"})
    context.obj = log = CommandLog(is_ours=is_ours)
    log.set_level(log_level)
    log.set_format(log_format)


give_variables(program)
for _command in (
    demo,
    watch,
    top,
    replay,
    inspect,
    run,
    rehearse_command,
    backfill_command,
    export_command,
    assets,
):
    program.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit; an error is one line on standard error and status 2.

    Raises:
        KeyboardInterrupt: if it was interrupted; see ``_die_interrupted``.
    """
    try:
        status = program.main(arguments, prog_name="sanctum-exporter", standalone_mode=False)
    except click.ClickException as error:
        hint = ""
        if isinstance(error, click.UsageError) and error.ctx is not None:
            if isinstance(error, click.BadParameter) and isinstance(error.param, click.Option):
                error.param_hint = origin(error.ctx, error.param)
            hint = f" (see '{error.ctx.command_path} --help')"
        message = " ".join(error.format_message().split())
        click.echo(f"sanctum-exporter: {message}{hint}", err=True)
        status = 2
    except SourceError as error:
        click.echo(f"sanctum-exporter: {error}", err=True)
        status = 2
    except (click.Abort, KeyboardInterrupt, ProgramInterrupted):
        _die_interrupted()
    sys.exit(status if isinstance(status, int) else 0)


def _die_interrupted() -> NoReturn:
    """End as Python does after Ctrl-C, by the signal itself, without another traceback.

    A shell that waits for us calls that status 130, and ends its loop, which it would not after an
    exit.
    """
    sys.excepthook = lambda *_: None
    raise KeyboardInterrupt from None
