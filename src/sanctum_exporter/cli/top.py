"""``sanctum-exporter top``: the panel, live in a terminal, wherever the values are."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from sanctum_exporter.cli import live
from sanctum_exporter.cli.parameters import parsed_by
from sanctum_exporter.files.lines import is_gzip
from sanctum_exporter.terminal.feed import Feed, SourceLostError
from sanctum_exporter.terminal.files import follow, read_once
from sanctum_exporter.terminal.printing import print_run, print_runs
from sanctum_exporter.terminal.runs import Row
from sanctum_exporter.web.address import DEFAULT_ADDRESS

_HERE: Final = f"http://{DEFAULT_ADDRESS}"


def parse_time(text: str) -> float:
    """Return a moment in seconds since the epoch: of RFC 3339, or such seconds.

    Raises:
        ValueError: if the text is none.
    """
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            f"{text!r} is not a moment: write 2026-11-25T12:00:00Z, or seconds since 1970"
        )
    return moment.timestamp()


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("--once", is_flag=True, help="Print what there is now, and exit.")
@click.option(
    "--at",
    metavar="TIME",
    callback=parsed_by(parse_time),
    help="Show a moment of a Prometheus's past: RFC 3339, or seconds since 1970.",
)
@click.option(
    "--match",
    metavar="SELECTOR",
    default="",
    help="Show only these series of a Prometheus, for example 'cluster=\"a\"'.",
)
def top(sources: tuple[str, ...], once: bool, at: float | None, match: str) -> None:
    """Show the panel live in this terminal.

    SOURCE is a telemetry file or directory, the URL of an exporter, or the URL of a Prometheus or
    of anything that speaks its API; without one, the exporter on this machine. Of several
    sources, and of a source with several runs, all runs are in one table.

    Where the output is no terminal, or with --once, it is printed once; the status is 1 if a
    source cannot be had or has no run yet.
    """
    for source in sources:
        _check(source, only_prometheus=at is not None or bool(match))
    if once or not live.is_on_terminal():
        feeds = [_feed(source, match, at, once=True) for source in sources or (_HERE,)]
        if not _print(feeds):
            click.get_current_context().exit(1)
        return
    if not live.is_installed():
        raise click.ClickException(
            f"the live panel needs an extra: {live.INSTALL}; --once works without it"
        )
    # What it shows itself need not be said again when it ends.
    logging.getLogger("sanctum_exporter").setLevel(logging.ERROR)
    live.show([_feed(source, match, at, once=False) for source in sources or (_HERE,)])


def _check(source: str, *, only_prometheus: bool) -> None:
    """Refuse a source that can never be shown.

    Raises:
        click.UsageError: if it cannot.
    """
    context = click.get_current_context()
    if _is_url(source):
        return
    if only_prometheus:
        raise click.UsageError(f"--at and --match are for a Prometheus, not {source}", context)
    path = Path(source)
    try:
        packed = path.is_file() and is_gzip(path)
    except OSError:
        # Whoever follows it says why it cannot be read.
        return
    if packed:
        raise click.UsageError(
            f"{source} is gzip, which does not grow: use replay or inspect", context
        )


def _is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _feed(source: str, match: str, at: float | None, *, once: bool) -> Feed:
    if _is_url(source):
        # requests takes a third of the time in which the command line starts.
        from sanctum_exporter.terminal.addresses import AddressFeed  # noqa: PLC0415

        return AddressFeed(source, match, at)
    return read_once(Path(source)) if once else follow(Path(source))


def _print(feeds: Sequence[Feed]) -> bool:
    """Print what sources say now; tell whether all of them could be had."""
    console = Console(highlight=False)
    rows, failures = list[Row](), list[str]()
    for number, feed in enumerate(feeds):
        try:
            overview = feed.overview()
        except SourceLostError as error:
            failures.append(str(error))
            continue
        rows += [Row(number, run, overview.now) for run in overview.runs]
        if overview.exporter.not_ready is not None:
            failures.append(overview.exporter.not_ready)
        elif not overview.runs:
            failures.append(f"{feed.name} has no run")
    if len(rows) == 1:
        view = feeds[rows[0].source].run(rows[0].run.run)
        if view is not None:
            print_run(console, view)
    elif rows:
        print_runs(console, rows)
    for feed in feeds:
        feed.close()
    for failure in failures:
        click.echo(f"sanctum-exporter: {failure}", err=True)
    return not failures
