"""``sanctum-exporter run``: a training program with the exporter, without a line of code."""

from __future__ import annotations

import runpy
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import click

from sanctum_exporter.cli.parameters import (
    WebOptions,
    num_envs_option,
    otlp_options,
    web_options,
)
from sanctum_exporter.cli.serving import until_signal
from sanctum_exporter.screen import SCREEN
from sanctum_exporter.sinks.otlp import PushOptions
from sanctum_exporter.training.exporter import LastingExporter
from sanctum_exporter.training.hub_watch import HUB_CLASS, HUB_MODULE, HubWatch
from sanctum_exporter.web.address import DEFAULT_TELEMETRY_PATH

# As a shell says it of a program that an interrupt ended; some exit with it themselves.
_INTERRUPTED: Final = 130
_HELP: Final = frozenset({"-h", "--help"})


class ProgramInterrupted(BaseException):
    """Ctrl-C has ended the program, and all is said."""


@click.command(
    context_settings={"allow_interspersed_args": False},
    options_metavar="[OPTIONS] [-m]",
    epilog="\b\nExample:\n  sanctum-exporter run -m esper.scripts.train ppo --task cifar_baseline",
)
@click.option("-m", "as_module", is_flag=True, help="PROGRAM is a module, as for python -m.")
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@num_envs_option
@web_options
@otlp_options
def run(
    as_module: bool,
    program: str,
    arguments: tuple[str, ...],
    num_envs: int,
    web: WebOptions | None,
    otlp: PushOptions | None,
) -> None:
    """Run a training program, and serve its telemetry while it runs.

    PROGRAM is a script, or with -m a module; all that follows it is its own. It runs in this
    process, and its exit status is that of this command. The exporter is added when esper-lite
    makes its hub, and cannot stop the program: what goes wrong with it is logged.
    """
    if not as_module and not Path(program).exists():
        raise click.UsageError(
            f"there is no script {program}; a module needs -m before it",
            click.get_current_context(),
        )

    origin = f"run {program}"
    exporters: list[LastingExporter] = []

    def add_exporter(hub: Any) -> None:
        exporter = LastingExporter(
            origin,
            None if web is None else str(web.address),
            otlp_endpoint=otlp,
            num_envs=num_envs,
            hub=hub,
            telemetry_path=web.telemetry_path if web is not None else DEFAULT_TELEMETRY_PATH,
            sd_file=web.sd_file if web is not None else None,
            web_config_file=web.config_file if web is not None else None,
            protect_health=web is not None and web.protect_health,
        )
        exporters.append(exporter)
        hub.add_backend(exporter)
        if exporter.place is not None:
            SCREEN.say(f"{origin}: serving {exporter.place}")
        if otlp is not None:
            SCREEN.say(f"{origin}: pushing to {otlp.shown_endpoint}")

    watch = HubWatch(add_exporter)
    watch.install()
    try:
        status = _run_program(program, arguments, as_module)
        interrupted = False
    except ProgramInterrupted:
        status, interrupted = _INTERRUPTED, True
    finally:
        watch.remove()
    # Whoever interrupts a program does not want to wait for what comes after it.
    wait_seconds = 0.0 if web is None or status == _INTERRUPTED else web.final_scrape_wait_seconds
    # A program with threads that go on has not ended; the interpreter's end closes the exporter.
    if not _has_threads():
        for exporter in exporters:
            with until_signal():
                exporter.end(
                    wait_seconds,
                    lambda text: SCREEN.say(f"{origin}: {text}"),
                    on_purpose=status in (None, 0, _INTERRUPTED),
                )
    # One that fails has said why, and one that was asked for help was not to train.
    if not watch.found and status in (None, 0) and not _HELP.intersection(arguments):
        SCREEN.say(
            f"sanctum-exporter: {program} never made an esper-lite hub ({HUB_CLASS} of "
            f"{HUB_MODULE}), so nothing was exported"
        )
    if interrupted:
        raise ProgramInterrupted
    sys.exit(status)


def _run_program(program: str, arguments: Sequence[str], as_module: bool) -> str | int | None:
    """Run a program as Python itself would, and return what it gives to ``sys.exit``.

    Raises:
        ProgramInterrupted: if an interrupt ended it.
    """
    sys.argv = [program, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = str(Path.cwd() if as_module else Path(program).resolve().parent)
    try:
        if as_module:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(program, run_name="__main__")
    except SystemExit as error:
        return error.code
    # Nothing of the program's may reach click, which has a meaning of its own for some errors.
    except BaseException as error:  # noqa: BLE001 - reported as Python reports it
        traceback = _its_own(error.__traceback__)
        if traceback is None:
            raise click.ClickException(str(error)) from None
        sys.excepthook(type(error), error.with_traceback(traceback), traceback)
        if isinstance(error, KeyboardInterrupt):
            raise ProgramInterrupted from None
        return 1
    return 0


def _has_threads() -> bool:
    """Tell whether the program has threads that Python waits for before it ends."""
    main = threading.main_thread()
    return any(not each.daemon and each is not main for each in threading.enumerate())


def _its_own(traceback: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback that is the program's; None if it never came to run."""
    while traceback and traceback.tb_frame.f_globals.get("__name__") in (__name__, "runpy"):
        traceback = traceback.tb_next
    return traceback
