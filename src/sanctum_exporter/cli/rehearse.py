"""``sanctum-exporter rehearse``: what alerts would have said of a recording."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import get_args

import click

from sanctum_exporter.cli.parameters import parsed_by
from sanctum_exporter.durations import parse_duration
from sanctum_exporter.history.promtool import FiredAlert, PromtoolError
from sanctum_exporter.history.rehearsal import Recording, Source, iso, rehearse, shipped_rules


def parse_whole_seconds(text: str) -> int:
    """Return a duration of one or more whole seconds.

    Raises:
        ValueError: if the text is none.
    """
    seconds = parse_duration(text)
    if seconds < 1 or seconds != int(seconds):
        raise ValueError(f"{text!r} is not a number of whole seconds: write 15s or 1m")
    return int(seconds)


def parse_phase(text: str) -> int:
    """Return a duration of no or more whole seconds.

    Raises:
        ValueError: if the text is none.
    """
    return 0 if parse_duration(text) == 0 else parse_whole_seconds(text)


_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(
    "rehearse",
    epilog="\b\nWould it have paged, had it been killed after ten minutes?\n"
    "  sanctum-exporter rehearse events.jsonl --kill-at 10m",
)
@click.argument("recordings", metavar="RECORDING...", nargs=-1, required=True, type=_FILE)
@click.option(
    "--rules",
    multiple=True,
    metavar="FILE",
    type=_FILE,
    help="Rules to judge by; may be given more than once.  [default: those that are shipped]",
)
@click.option(
    "--scrape-interval",
    metavar="DURATION",
    callback=parsed_by(parse_whole_seconds),
    default="1m",
    show_default=True,
    help="From one scrape to the next.",
)
@click.option(
    "--evaluation-interval",
    metavar="DURATION",
    callback=parsed_by(parse_whole_seconds),
    default="1m",
    show_default=True,
    help="From one evaluation of the rules to the next.",
)
@click.option(
    "--phase",
    metavar="DURATION",
    callback=parsed_by(parse_phase),
    default="0s",
    show_default=True,
    help="How long after an evaluation a scrape is.",
)
@click.option(
    "--source",
    type=click.Choice(get_args(Source)),
    default="watch",
    show_default=True,
    help="The exporter follows the file, and goes on after its end; or it lives in the training "
    "process, which ends with the last event.",
)
@click.option(
    "--kill-at",
    metavar="DURATION",
    callback=parsed_by(parse_duration),
    help="Kill the training so long after the first event.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a list of JSON objects.")
def rehearse_command(
    recordings: tuple[Path, ...],
    rules: tuple[Path, ...],
    scrape_interval: int,
    evaluation_interval: int,
    phase: int,
    source: Source,
    kill_at: float | None,
    as_json: bool,
) -> None:
    """Print which alerts would have been pending and firing over a recording.

    The exporter reads the recording in its own time, a Prometheus scrapes it, and promtool, which
    has to be on PATH, evaluates the rules: hours pass in seconds. It is looked at for two hours
    after the last event.
    """
    if phase >= scrape_interval:
        raise click.UsageError(
            f"--phase is {phase}s, and has to be less than the scrape interval, {scrape_interval}s",
            click.get_current_context(),
        )
    with ExitStack() as stack:
        try:
            alerts = rehearse(
                [Recording.at(path) for path in recordings],
                rules or [stack.enter_context(shipped_rules())],
                source=source,
                scrape_interval=scrape_interval,
                evaluation_interval=evaluation_interval,
                phase=phase,
                kill_after=kill_at,
            )
        except (PromtoolError, ValueError) as error:
            raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps([_document(alert) for alert in alerts], indent=2))
    else:
        _print(alerts)


def _document(alert: FiredAlert) -> dict[str, object]:
    return {
        "alert": alert.alert,
        "severity": alert.severity,
        "labels": dict(alert.labels),
        "active_at": iso(alert.active_at),
        "fired_at": None if alert.fired_at is None else iso(alert.fired_at),
        "resolved_at": None if alert.resolved_at is None else iso(alert.resolved_at),
    }


def _print(alerts: Sequence[FiredAlert]) -> None:
    for alert in alerts:
        labels = ", ".join(f"{name}={json.dumps(value)}" for name, value in alert.labels)
        fired = "never fired" if alert.fired_at is None else f"fired {iso(alert.fired_at)}"
        ended = "not resolved" if alert.resolved_at is None else f"ended {iso(alert.resolved_at)}"
        click.echo(
            f"{alert.alert} ({alert.severity}) {{{labels}}}\n"
            f"  pending {iso(alert.active_at)}, {fired}, {ended}"
        )
    if not alerts:
        click.echo("no alert would have been pending or firing")
