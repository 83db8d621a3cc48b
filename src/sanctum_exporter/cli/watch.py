"""``sanctum-exporter watch``: follow a telemetry file or directory, and serve."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Event

import click

from sanctum_exporter.cli.environment import refuse
from sanctum_exporter.cli.parameters import (
    WebOptions,
    num_envs_option,
    otlp_options,
    web_options,
)
from sanctum_exporter.cli.serving import serving
from sanctum_exporter.cli.sources import AnnouncedPath, foreign
from sanctum_exporter.files.lines import is_gzip
from sanctum_exporter.files.names import shown
from sanctum_exporter.files.polling import Following
from sanctum_exporter.files.runs import MOST_GROUPS_OF_EACH_RUN, MOST_RUNS, AllRuns
from sanctum_exporter.sinks.otlp import PushOptions
from sanctum_exporter.state.groups import MOST_GROUPS, Groups
from sanctum_exporter.state.intake import Intake


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--all-runs", is_flag=True, help="Follow every run of a directory at once.")
@click.option(
    "--most-runs",
    type=click.IntRange(min=1),
    default=MOST_RUNS,
    show_default=True,
    help="With --all-runs, how many runs are followed at once: the newest.",
)
@num_envs_option
@web_options
@otlp_options
def watch(
    path: Path,
    all_runs: bool,
    most_runs: int,
    num_envs: int,
    web: WebOptions | None,
    otlp: PushOptions | None,
) -> None:
    """Follow telemetry as it grows, and serve it.

    PATH is what esper-lite was given as --telemetry-file or --telemetry-dir; it need not exist
    yet. Of a directory, the newest run is followed, and a newer one as soon as it appears. With
    --all-runs every run is, and each series says which in the label "run".
    """

    def new_intake(events: Path, run: str | None) -> Intake:
        most = MOST_GROUPS_OF_EACH_RUN if all_runs else MOST_GROUPS
        return Intake(Groups(num_envs, run=run, most=most), source=shown(events))

    if not all_runs:
        refuse(click.get_current_context(), {"most_runs": "has no effect without --all-runs"})
    if all_runs and path.exists() and not path.is_dir():
        raise click.UsageError(
            f"--all-runs needs a directory of runs, and {path} is a file",
            click.get_current_context(),
        )
    # What cannot be read yet is waited for, and the follower says why.
    with suppress(OSError):
        if path.is_file() and is_gzip(path):
            raise click.UsageError(
                f"{path} is gzip, which does not grow: use replay or inspect",
                click.get_current_context(),
            )
    newest = AnnouncedPath(path, new_intake)
    following = Following(AllRuns(path, new_intake, most=most_runs) if all_runs else newest)
    stop = Event()
    try:
        with serving(
            following,
            web,
            origin=f"watch {shown(path)}",
            stop=stop,
            otlp=otlp,
            detail=newest.describe,
            not_ready=lambda: following.not_ready() or foreign(following.activity(), path),
            before_last_scrape=following.read_the_rest,
            run_label=all_runs,
        ):
            stop.wait()
    finally:
        following.close()
