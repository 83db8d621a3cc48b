"""Values on the command line: addresses, durations, paths."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from sanctum_exporter.web.address import DEFAULT_ADDRESS, parse_address

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_UNIT_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_TELEMETRY_PATH: Final = re.compile(r"(/[\w.~-]+)+")


def parsed_by(parse: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return an option's callback that turns its text into a value, or its error into click's."""

    def convert(ctx: click.Context, param: click.Parameter, value: str | None) -> T | None:
        if value is None:
            return None
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from None

    return convert


def parse_duration(text: str) -> float:
    """Return the seconds of a duration as Prometheus writes it: 90s, 5m, 1h30m.

    Raises:
        ValueError: if the text is no duration.
    """
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration: write 90s, 5m or 1h30m")
    return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)


def parse_speed(text: str) -> float:
    """Return a factor above 0.

    Raises:
        ValueError: if the text is none.
    """
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.0 < speed < float("inf"):
        raise ValueError(f"{text!r} is not a speed: give a number above 0, for example 10")
    return speed


def parse_telemetry_path(text: str) -> str:
    """Return a path that metrics can be served at.

    Raises:
        ValueError: if they cannot.
    """
    if not _TELEMETRY_PATH.fullmatch(text) or text.startswith("/-/"):
        raise ValueError(f"{text!r} is not a path for metrics: write /metrics")
    return text


def web_options(command: F) -> F:
    """Add the options of every command that serves."""
    path = click.option(
        "--web.telemetry-path",
        "telemetry_path",
        metavar="PATH",
        callback=parsed_by(parse_telemetry_path),
        default="/metrics",
        show_default=True,
        help="Path that the metrics are served at.",
    )
    address = click.option(
        "--web.listen-address",
        "address",
        metavar="ADDRESS",
        callback=parsed_by(parse_address),
        default=DEFAULT_ADDRESS,
        show_default=True,
        help="Address to listen on; port 0 takes any free one, an empty host every interface.",
    )
    return address(path(command))


speed_option = click.option(
    "--speed",
    metavar="FACTOR",
    callback=parsed_by(parse_speed),
    default="1",
    show_default=True,
    help="How many times faster than in real time.",
)
num_envs_option = click.option(
    "--num-envs",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Envs that exist before TRAINING_STARTED says how many there are.",
)
