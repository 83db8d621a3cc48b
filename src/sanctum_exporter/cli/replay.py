"""``sanctum-exporter replay``: feed a recording as if it were happening now, and serve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from sanctum_exporter import logs
from sanctum_exporter.cli.parameters import (
    WebOptions,
    num_envs_option,
    otlp_options,
    parsed_by,
    speed_option,
    web_options,
)
from sanctum_exporter.cli.serving import serving
from sanctum_exporter.cli.sources import foreign
from sanctum_exporter.durations import parse_duration
from sanctum_exporter.files.lines import SourceError, read_lines
from sanctum_exporter.files.names import shown
from sanctum_exporter.files.replay import Pacer
from sanctum_exporter.sinks.otlp import PushOptions
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@speed_option
@click.option(
    "--linger",
    metavar="DURATION",
    callback=parsed_by(parse_duration),
    help="How long to serve after the end.  [default: until stopped]",
)
@num_envs_option
@web_options
@otlp_options
def replay(
    file: Path,
    speed: float,
    linger: float | None,
    num_envs: int,
    web: WebOptions | None,
    otlp: PushOptions | None,
) -> None:
    """Play a recording again, in its own time or faster, and serve it.

    FILE is plain or gzip. Events carry the time of the replay, so that dashboards and alerts see
    a run that is happening now. What was silent for more than an hour is so for an hour.
    """
    stop = Event()
    pacer = Pacer(speed, stop)
    intake = Intake(Groups(num_envs), source=shown(file), decode_line=pacer.read)
    with serving(
        intake,
        web,
        origin=f"replay {shown(file)}",
        stop=stop,
        otlp=otlp,
        not_ready=lambda: foreign(intake.activity(), file),
        before_last_scrape=intake.end,
    ):
        with _progress(file.name) as (progress, task):
            for line in read_lines(file):
                if stop.is_set():
                    return
                intake.line(line.text, line.number)
                progress.update(task, completed=line.share_read)
        problem = foreign(intake.activity(), file)
        if problem is not None:
            raise SourceError(problem)
        serving_on = "" if linger == 0 else "; still serving"
        logs.info("%s: replayed to its end%s", file, serving_on)
        stop.wait(linger)


@contextmanager
def _progress(name: str) -> Iterator[tuple[Progress, TaskID]]:
    """Show a bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield progress, progress.add_task(name, total=1.0)
