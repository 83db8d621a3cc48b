"""``sanctum-exporter demo``: a simulated training run, served."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from threading import Event, Thread

import click

from sanctum_exporter.cli import live
from sanctum_exporter.cli.parameters import (
    WebOptions,
    otlp_options,
    parsed_by,
    speed_option,
    web_options,
)
from sanctum_exporter.cli.serving import serving
from sanctum_exporter.durations import parse_duration
from sanctum_exporter.simulation import Simulation
from sanctum_exporter.sinks.otlp import PushOptions
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.terminal.files import SourceFeed


def parse_groups(text: str) -> tuple[str, ...]:
    """Return the ids in a list with commas.

    Raises:
        ValueError: if one is empty or stands twice.
    """
    groups = tuple(text.split(","))
    if not all(groups) or len(set(groups)) < len(groups):
        raise ValueError(f"{text!r} is not a list of groups: write A,B")
    return groups


@click.command()
@click.option(
    "--duration",
    metavar="DURATION",
    callback=parsed_by(parse_duration),
    help="How long to run, for example 60s.  [default: until stopped]",
)
@speed_option
@click.option(
    "--envs",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Environments of a group.",
)
@click.option(
    "--slots",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="Slots of an environment.",
)
@click.option(
    "--groups",
    metavar="LIST",
    callback=parsed_by(parse_groups),
    default="default",
    show_default=True,
    help="Groups that train side by side, for example A,B.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Makes the run repeatable.")
@click.option("--no-panel", is_flag=True, help="Do not show the panel live in this terminal.")
@web_options
@otlp_options
def demo(
    duration: float | None,
    speed: float,
    envs: int,
    slots: int,
    groups: tuple[str, ...],
    seed: int,
    no_panel: bool,
    web: WebOptions | None,
    otlp: PushOptions | None,
) -> None:
    """Simulate a training run and serve it.

    The events are those that esper-lite sends. At speed 1 an epoch takes a second; runs follow
    each other until the end. In a terminal it shows the panel live, as top does, where the extra
    "top" is installed.
    """
    stop = Event()
    intake = Intake(Groups(), source="demo")
    simulation = Simulation(envs=envs, slots=slots, groups=groups, seed=seed)
    is_live = not no_panel and live.is_on_terminal() and live.is_installed()

    def train() -> None:
        ends_at = time.monotonic() + (float("inf") if duration is None else duration)
        number = 0
        for lines in simulation.epochs():
            for line in lines:
                number += 1
                intake.line(line, number)
            if stop.wait(min(1 / speed, max(0.0, ends_at - time.monotonic()))):
                return
            if time.monotonic() >= ends_at:
                return

    with serving(
        intake, web, origin="demo", stop=stop, otlp=otlp, before_last_scrape=intake.end
    ) as url:
        if is_live:
            _show(train, intake, f"the page: {url}/" if url else "", stop)
        else:
            train()


def _show(train: Callable[[], None], intake: Intake, notice: str, stop: Event) -> None:
    """Show the panel while the training goes on."""
    ended = Event()

    def run() -> None:
        try:
            train()
        finally:
            ended.set()

    thread = Thread(target=run, name="sanctum-exporter-demo", daemon=True)
    thread.start()
    live.show([SourceFeed("demo", intake)], notice, until=ended)
    if not ended.is_set() and not stop.is_set():
        # Who has quit it with a key is in the same hurry as with Ctrl-C.
        signal.raise_signal(signal.SIGINT)
    thread.join()
