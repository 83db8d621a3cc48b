"""``sanctum-exporter backfill``: recordings as samples for Prometheus."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from sanctum_exporter.cli.finished import Told, output_option, paths_argument, work_on_runs
from sanctum_exporter.cli.parameters import parsed_by
from sanctum_exporter.durations import parse_duration
from sanctum_exporter.files.names import shown
from sanctum_exporter.past.backfill import backfill
from sanctum_exporter.past.recordings import Recording
from sanctum_exporter.past.targets import (
    BackfillError,
    Blocks,
    Target,
    TextFiles,
)
from sanctum_exporter.past.workplace import Workplace

_DEFAULT_LABELS: Final = {"job": "sanctum"}
_LABEL: Final = re.compile(r"([a-zA-Z_]\w*)=(.*)", re.ASCII | re.DOTALL)
_OWN_LABELS: Final = frozenset(
    {"run", "group_id", "stage", "state", "sanctum_run_state", "__name__"}
)
_MOST_STEP_SECONDS: Final = 60.0


def parse_step(text: str) -> float:
    """Return a duration of a second to a minute.

    Raises:
        ValueError: if the text is none.
    """
    seconds = parse_duration(text)
    if not 1 <= seconds <= _MOST_STEP_SECONDS:
        raise ValueError(
            f"{text!r} is not a duration of 1s to 1m: queries look back five minutes, and see gaps"
        )
    return seconds


def parse_label(text: str) -> tuple[str, str]:
    """Return name and value of a label.

    Raises:
        ValueError: if the text is none, or the exporter gives that label itself.
    """
    match = _LABEL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a label: write name=value")
    name, value = match.groups()
    if name in _OWN_LABELS:
        raise ValueError(f"the exporter gives the label {name} itself: choose another name")
    return name, value


def _labels(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> dict[str, str]:
    try:
        return _DEFAULT_LABELS | dict(parse_label(text) for text in texts)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


@click.command(
    "backfill",
    epilog="\b\nWhat to know before:\n"
    "- a Prometheus that runs takes no block of its last three hours, and deletes at once what\n"
    "  is older than its retention (--storage.tsdb.retention.time);\n"
    "- it finds new blocks within a minute or so, and merges those that overlap;\n"
    "- the end of a run leaves no stale marker: its series seem to live five minutes longer.\n"
    "\n\b\nLast month's runs into a Prometheus on this machine:\n"
    "  sanctum-exporter backfill /telemetry -o /prometheus/data --blocks --retention 90d",
)
@paths_argument
@output_option("Where results go, and what is done is noted; with --blocks, Prometheus's database.")
@click.option("--blocks", is_flag=True, help="Make blocks of a Prometheus's database.")
@click.option(
    "--url", metavar="URL", help="Send the samples to a VictoriaMetrics, http://host:8428."
)
@click.option(
    "--step",
    metavar="DURATION",
    callback=parsed_by(parse_step),
    default="15s",
    show_default=True,
    help="From one sample to the next, as the scrape interval would be.",
)
@click.option(
    "--label",
    "labels",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_labels,
    help="A label for every series; may be given more than once.  "
    "[default: job=sanctum, instance=the run]",
)
@click.option(
    "--max-block-duration",
    "max_block_seconds",
    metavar="DURATION",
    callback=parsed_by(parse_duration),
    help="How long a block may be; promtool reads a run once for each.  "
    "[default: so that it reads it ten times at most]",
)
@click.option(
    "--retention",
    "retention_seconds",
    metavar="DURATION",
    callback=parsed_by(parse_duration),
    help="How long Prometheus keeps samples: runs that are older are refused, for it would delete "
    "them at once.  [default: not checked]",
)
def backfill_command(
    paths: tuple[Path, ...],
    directory: Path,
    blocks: bool,
    url: str | None,
    step: float,
    labels: dict[str, str],
    max_block_seconds: float | None,
    retention_seconds: float | None,
) -> None:
    """Turn recordings of any age into samples, as if they had been scraped.

    PATH is a telemetry file, plain or gzip, or a telemetry directory. For each run a file of
    OpenMetrics is written into DIR; with --blocks, finished blocks of a Prometheus's database are,
    and with --url the samples go to a VictoriaMetrics. A run that is done is not done again.
    """
    _check_options(url, blocks, max_block_seconds, retention_seconds)
    try:
        target = _target(url, blocks, max_block_seconds, retention_seconds)
    except BackfillError as error:
        raise click.ClickException(str(error)) from None
    except ValueError as error:
        raise click.UsageError(f"--url {url}: {error}", click.get_current_context()) from None
    pairs = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    how = f"{target.name} every {step:g}s {pairs}"

    def work(recording: Recording, workplace: Workplace, told: Told) -> bool:
        return backfill(recording, target, workplace, step=step, labels=labels, how=how, told=told)

    work_on_runs(paths, directory, work, target.name if url else shown(directory))


def _check_options(
    url: str | None,
    blocks: bool,
    max_block_seconds: float | None,
    retention_seconds: float | None,
) -> None:
    """Refuse options that would have no effect."""
    problem = None
    if url is not None and blocks:
        problem = "--blocks and --url exclude each other"
    elif not blocks and max_block_seconds is not None:
        problem = "--max-block-duration needs --blocks"
    elif not blocks and retention_seconds is not None:
        problem = "--retention needs --blocks"
    if problem is not None:
        raise click.UsageError(problem, click.get_current_context())


def _target(
    url: str | None,
    blocks: bool,
    max_block_seconds: float | None,
    retention_seconds: float | None,
) -> Target:
    if url is not None:
        # requests takes a tenth of a second to import.
        from sanctum_exporter.past.victoriametrics import VictoriaMetrics  # noqa: PLC0415

        return VictoriaMetrics(url)
    if not blocks:
        return TextFiles()
    longest = None if max_block_seconds is None else int(max_block_seconds)
    return Blocks(longest, retention_seconds)
