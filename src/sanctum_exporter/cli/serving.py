"""What the commands that serve have in common: options, parameter types, start and stop."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any, Final, TypeVar

import click

from sanctum_exporter.snapshot import Publisher
from sanctum_exporter.web.address import DEFAULT_ADDRESS, ListenAddress, parse_address
from sanctum_exporter.web.exporter import serve

_F = TypeVar("_F", bound=Callable[..., Any])
_UNIT_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


class AddressType(click.ParamType):
    """A listen address."""

    name = "address"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ListenAddress:
        """Return the address that the text names."""
        if isinstance(value, ListenAddress):
            return value
        try:
            return parse_address(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DurationType(click.ParamType):
    """A duration as Prometheus writes it, in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds that the text names."""
        if isinstance(value, int | float):
            return float(value)
        parts = _DURATION.findall(value)
        if not parts or "".join(number + unit for number, unit in parts) != value:
            self.fail(f"{value!r} is not a duration: write 90s, 5m or 1h30m", param, ctx)
        return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)


class TelemetryPathType(click.ParamType):
    """The path that metrics are served at."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the path if a metric page can be there."""
        if not re.fullmatch(r"(/[\w.~-]+)+", value) or value.startswith("/-/"):
            self.fail(f"{value!r} is not a path for metrics: write /metrics", param, ctx)
        return str(value)


def web_options(command: _F) -> _F:
    """Add the options of every command that serves."""
    path = click.option(
        "--web.telemetry-path",
        "telemetry_path",
        type=TelemetryPathType(),
        default="/metrics",
        show_default=True,
        help="Path that the metrics are served at.",
    )
    address = click.option(
        "--web.listen-address",
        "address",
        type=AddressType(),
        default=DEFAULT_ADDRESS,
        show_default=True,
        help="Address to listen on; port 0 takes any free one, an empty host every interface.",
    )
    return address(path(command))


@contextmanager
def serving(
    publisher: Publisher,
    address: ListenAddress,
    *,
    source: str,
    telemetry_path: str,
    not_ready: Callable[[], str | None] = lambda: None,
    run_label: bool = False,
) -> Iterator[Event]:
    """Serve a publisher, and say where; gives an event that is set when it is time to stop."""
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        server = serve(
            publisher,
            address,
            source=source,
            not_ready=not_ready,
            telemetry_path=telemetry_path,
            run_label=run_label,
        )
    except OSError as error:
        raise click.UsageError(
            f"{error.strerror}; choose another with --web.listen-address",
            click.get_current_context(),
        ) from None
    click.echo(f"{source}: serving {server.url}{telemetry_path} (Ctrl-C stops)", err=True)
    try:
        yield stop
    finally:
        server.close()
