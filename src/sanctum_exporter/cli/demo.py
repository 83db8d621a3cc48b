"""``sanctum-exporter demo``: a simulated training run, served."""

from __future__ import annotations

import time
from threading import Event

import click

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
@web_options
@otlp_options
def demo(
    duration: float | None,
    speed: float,
    envs: int,
    slots: int,
    groups: tuple[str, ...],
    seed: int,
    web: WebOptions | None,
    otlp: PushOptions | None,
) -> None:
    """Simulate a training run and serve it.

    The events are those that esper-lite sends. At speed 1 an epoch takes a second; runs follow
    each other until the end.
    """
    stop = Event()
    intake = Intake(Groups(), source="demo")
    simulation = Simulation(envs=envs, slots=slots, groups=groups, seed=seed)
    ends_at = time.monotonic() + (float("inf") if duration is None else duration)
    with serving(intake, web, origin="demo", stop=stop, otlp=otlp, before_last_scrape=intake.end):
        number = 0
        for lines in simulation.epochs():
            for line in lines:
                number += 1
                intake.line(line, number)
            if stop.wait(min(1 / speed, max(0.0, ends_at - time.monotonic()))):
                return
            if time.monotonic() >= ends_at:
                return
