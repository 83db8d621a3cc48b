"""What commands on finished runs share: each run in turn, with a bar, and problems at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from sanctum_exporter.files.lines import SourceError
from sanctum_exporter.files.names import shown
from sanctum_exporter.past.ledger import LedgerError
from sanctum_exporter.past.recordings import Recording, find
from sanctum_exporter.past.targets import BackfillError
from sanctum_exporter.past.workplace import Workplace, WorkplaceError, working_in

FC = TypeVar("FC", bound=Callable[..., Any] | click.Command)

Told: TypeAlias = Callable[[float], object]
"""Is told how much of a recording has been read, 0 to 1."""
Work: TypeAlias = Callable[[Recording, Workplace, Told], bool]
"""Does what is to be done with a run; tells whether that was not done already."""

paths_argument = click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)


def output_option(text: str) -> Callable[[FC], FC]:
    """Return the option for the directory of results, with what its help says."""
    return click.option(
        "-o",
        "--output",
        "directory",
        required=True,
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        help=text,
    )


def work_on_runs(paths: Sequence[Path], directory: Path, work: Work, where: str) -> None:
    """Do some work on every run at some paths; end with status 1 if one could not be done.

    Args:
        paths: recordings, and directories of such.
        directory: where results go.
        work: what is to be done.
        where: what is said of where the results are.

    Raises:
        ClickException: if nothing can be done at all.
    """
    try:
        with working_in(directory) as workplace:
            recordings, problems = find(paths)
            done, before = _work_on_each(recordings, problems, workplace, work)
    except (LedgerError, WorkplaceError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(
            f"cannot use {shown(directory)}: {error.strerror or error}"
        ) from None
    for problem in problems:
        click.echo(f"sanctum-exporter: {problem}", err=True)
    were_there = f", {before} were there" if before else ""
    click.echo(f"{done} of {len(recordings)} runs written to {where}{were_there}")
    if problems:
        click.get_current_context().exit(1)


def _work_on_each(
    recordings: Sequence[Recording], problems: list[str], workplace: Workplace, work: Work
) -> tuple[int, int]:
    """Return how many were done now and before; add what is wrong with the others."""
    done = before = 0
    with _Bars(len(recordings)) as bars:
        for recording in recordings:
            try:
                if work(recording, workplace, bars.begin(recording.run)):
                    done += 1
                else:
                    before += 1
            except (BackfillError, LedgerError, SourceError) as error:
                problems.append(f"{recording.run}: {error}")
            except OSError as error:
                # The disk is full, most likely: the next run would meet the same.
                problems.append(f"{recording.run}: cannot write it: {error.strerror or error}")
                break
    return done, before


class _Bars:
    """On a terminal, a bar for all runs and one for that which is being read; nothing elsewhere."""

    def __init__(self, total: int) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._all = self._progress.add_task("runs", total=total)
        self._one = self._progress.add_task("", total=100)
        self._begun = 0

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, run: str) -> Told:
        """Go on to a run; return what is to be told how much of it has been read, 0 to 1."""
        self._progress.update(self._all, completed=self._begun)
        self._progress.update(self._one, description=run, completed=0)
        self._begun += 1
        percent = 0

        def told(share: float) -> None:
            nonlocal percent
            if int(share * 100) > percent:
                percent = int(share * 100)
                self._progress.update(self._one, completed=percent)

        return told
