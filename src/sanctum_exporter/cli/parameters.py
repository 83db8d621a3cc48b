"""Values on the command line: addresses, durations, paths."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import click

from sanctum_exporter.cli.environment import refuse
from sanctum_exporter.durations import parse_duration
from sanctum_exporter.sinks.otlp import PROTOCOLS, OtlpProtocol, is_disabled, resolve, shown
from sanctum_exporter.web.address import (
    DEFAULT_ADDRESS,
    DEFAULT_TELEMETRY_PATH,
    ListenAddress,
    parse_address,
    parse_telemetry_path,
)
from sanctum_exporter.web.discovery import parse_sd_file
from sanctum_exporter.web.scrapers import LONGEST_WAIT_SECONDS

_log = logging.getLogger(__name__)

_SLOWEST: Final = 0.001
_FASTEST: Final = 1_000_000_000

_NOT_PUSHED: Final = "has no effect without --otlp.endpoint, or that of OpenTelemetry's environment"
_NO_PORT: Final = {
    "address": "is a port, and --no-web opens none",
    "telemetry_path": "is a path of a port, and --no-web opens none",
    "config_file": "guards a port, and --no-web opens none",
    "protect_health": "guards a port, and --no-web opens none",
    "sd_file": "names a port, and --no-web opens none",
    "final_scrape_wait": "waits for a scrape, and --no-web opens no port",
}
"""Why options have no effect where no port is opened."""

T = TypeVar("T")


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


def parse_interval(text: str) -> float:
    """Return the seconds of a duration above 0.

    Raises:
        ValueError: if the text is none.
    """
    seconds = parse_duration(text)
    if seconds == 0:
        raise ValueError(f"{text!r} is no interval: write 15s or 1m")
    return seconds


def parse_final_scrape_wait(text: str) -> float:
    """Return the seconds of a duration that a last scrape may be waited for.

    Raises:
        ValueError: if the text is none, or too long a one.
    """
    seconds = parse_duration(text)
    if seconds > LONGEST_WAIT_SECONDS:
        raise ValueError(f"{text!r} is too long a wait: give {LONGEST_WAIT_SECONDS:g}s or less")
    return seconds


def parse_speed(text: str) -> float:
    """Return a factor that a run can be played with.

    Raises:
        ValueError: if the text is none, or one that no timer can keep to.
    """
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not _SLOWEST <= speed <= _FASTEST:
        raise ValueError(
            f"{text!r} is not a speed: give a number from {_SLOWEST} to {_FASTEST:,}, "
            "for example 10"
        )
    return speed


class WebOptions(NamedTuple):
    """Where a command serves, and how long it does at the end.

    Attributes:
        address: where to listen.
        telemetry_path: where the metrics are.
        final_scrape_wait_seconds: how long to wait for the last scrape at most.
        sd_file: where to announce it to Prometheus.
        config_file: says who may ask; None for everybody.
        protect_health: whether that is so of the pages for probes, too.
    """

    address: ListenAddress
    telemetry_path: str
    final_scrape_wait_seconds: float
    sd_file: Path | None
    config_file: Path | None
    protect_health: bool


def web_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command that serves; gives the command ``web``."""

    @click.option(
        "--web.listen-address",
        "address",
        metavar="ADDRESS",
        callback=parsed_by(parse_address),
        default=DEFAULT_ADDRESS,
        show_default=True,
        help="Address to listen on; port 0 takes any free one, an empty host every interface.",
    )
    @click.option(
        "--web.telemetry-path",
        "telemetry_path",
        metavar="PATH",
        callback=parsed_by(parse_telemetry_path),
        default=DEFAULT_TELEMETRY_PATH,
        show_default=True,
        help="Path that the metrics are served at.",
    )
    @click.option(
        "--web.config.file",
        "config_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="File that turns on TLS and passwords, as Prometheus's exporters have it (see "
        "docs/access.md).",
    )
    @click.option(
        "--web.protect-health",
        "protect_health",
        is_flag=True,
        help="Put /-/healthy and /-/ready behind --web.config.file, too.",
    )
    @click.option(
        "--web.sd-file",
        "sd_file",
        metavar="FILE",
        callback=parsed_by(parse_sd_file),
        help="File, ending in .json, for Prometheus's file-based service discovery: names the "
        "address while it is listened on.",
    )
    @click.option(
        "--web.final-scrape-wait",
        "final_scrape_wait",
        metavar="DURATION",
        callback=parsed_by(parse_final_scrape_wait),
        default=f"{LONGEST_WAIT_SECONDS:g}s",
        show_default=True,
        help="How long to wait at the end, at most, for the last scrape of whoever scrapes "
        "regularly; 0 does not wait.",
    )
    @wraps(command)
    def with_web(
        *,
        address: ListenAddress,
        telemetry_path: str,
        sd_file: Path | None,
        final_scrape_wait: float,
        config_file: Path | None,
        protect_health: bool,
        **others: Any,
    ) -> None:
        if config_file is None:
            refuse(
                click.get_current_context(),
                {"protect_health": "protects nothing without --web.config.file"},
            )
        web = WebOptions(
            address, telemetry_path, final_scrape_wait, sd_file, config_file, protect_health
        )
        command(web=web, **others)

    return with_web


def otlp_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the OTLP push, below ``web_options``; gives the command ``otlp``.

    With ``--no-web`` the command's ``web`` is None.
    """

    @click.option(
        "--otlp.endpoint",
        "otlp_endpoint",
        metavar="URL",
        help="Push by OTLP to the collector at this base URL.  [default: "
        "OTEL_EXPORTER_OTLP_ENDPOINT, else no push]",
    )
    @click.option(
        "--otlp.protocol",
        "otlp_protocol",
        type=click.Choice(PROTOCOLS),
        help="How to push.  [default: OTEL_EXPORTER_OTLP_PROTOCOL, else http/protobuf]",
    )
    @click.option(
        "--otlp.interval",
        "otlp_interval",
        metavar="DURATION",
        callback=parsed_by(parse_interval),
        help="From one push to the next.  [default: OTEL_METRIC_EXPORT_INTERVAL, else 1m]",
    )
    @click.option("--no-web", is_flag=True, help="Open no port; the values leave by OTLP only.")
    @wraps(command)
    def with_push(
        *,
        otlp_endpoint: str | None,
        otlp_protocol: OtlpProtocol | None,
        otlp_interval: float | None,
        no_web: bool,
        web: WebOptions,
        **others: Any,
    ) -> None:
        ctx = click.get_current_context()
        try:
            otlp = resolve(otlp_endpoint, otlp_protocol, otlp_interval)
        except ValueError as error:
            raise click.UsageError(str(error), ctx) from None
        if otlp is None and otlp_endpoint is not None:
            _log.warning("nothing is pushed to %s: OTEL_SDK_DISABLED is true", shown(otlp_endpoint))
        if otlp is None and no_web:
            raise click.UsageError("--no-web leaves no way out; give --otlp.endpoint", ctx)
        if otlp is None and not is_disabled():
            refuse(ctx, dict.fromkeys(("otlp_protocol", "otlp_interval"), _NOT_PUSHED))
        if no_web:
            refuse(ctx, _NO_PORT)
        command(web=None if no_web else web, otlp=otlp, **others)

    return with_push


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
