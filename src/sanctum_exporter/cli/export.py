"""``sanctum-exporter export``: recordings as tables for notebooks."""

from __future__ import annotations

from pathlib import Path

import click

from sanctum_exporter.cli.finished import Told, output_option, paths_argument, work_on_runs
from sanctum_exporter.files.names import shown
from sanctum_exporter.past.export import FORMATS, Format, MissingPyarrowError, check_format, export
from sanctum_exporter.past.recordings import Recording
from sanctum_exporter.past.workplace import Workplace


@click.command(
    "export",
    epilog="\b\nAll runs so far, and how the tables are read:\n"
    "  sanctum-exporter export /telemetry -o tables\n"
    '  pandas.read_parquet("tables/state.parquet")\n'
    "  duckdb.sql(\"FROM 'tables/events.parquet/*/*.parquet'\")",
)
@paths_argument
@output_option("Where the tables go, and what is done is noted.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(FORMATS),
    default="parquet",
    show_default=True,
    help="What they are written as; parquet needs pyarrow.",
)
def export_command(paths: tuple[Path, ...], directory: Path, file_format: Format) -> None:
    """Write recordings of any age as two tables for notebooks.

    PATH is a telemetry file, plain or gzip, or a telemetry directory. The table "state" has a row
    for every change of a group's values, "events" one for every event; both are partitioned by
    run. A run that is done is not done again.
    """
    try:
        check_format(file_format)
    except MissingPyarrowError as error:
        raise click.ClickException(str(error)) from None

    def work(recording: Recording, workplace: Workplace, told: Told) -> bool:
        return export(recording, workplace, file_format, told)

    work_on_runs(paths, directory, work, shown(directory))
