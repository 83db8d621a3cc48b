"""Start and stop of the commands that serve."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event

import click

from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.sinks.otlp import PushOptions, push
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.exporter import serve


@contextmanager
def serving(
    source: ReadingSource,
    address: ListenAddress | None,
    telemetry_path: str,
    *,
    origin: str,
    stop: Event,
    otlp: PushOptions | None = None,
    not_ready: Callable[[], str | None] = lambda: None,
    run_label: bool = False,
) -> Iterator[None]:
    """Serve and push a source inside the block, and say where; SIGINT and SIGTERM set ``stop``.

    No address opens no port, no OTLP options push nothing.

    Raises:
        click.ClickException: if the address cannot be had, or no exporter with its settings.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as started:
        if address is not None:
            try:
                server = serve(
                    source,
                    address,
                    origin=origin,
                    not_ready=not_ready,
                    telemetry_path=telemetry_path,
                    run_label=run_label,
                )
            except OSError as error:
                message = f"{error.strerror}; choose another with --web.listen-address"
                raise click.ClickException(message) from None
            started.callback(server.close)
            click.echo(f"{origin}: serving {server.url}{telemetry_path} (Ctrl-C stops)", err=True)
        if otlp is not None:
            try:
                started.callback(push(source, otlp, run_label=run_label).close)
            except ValueError as error:
                raise click.ClickException(str(error)) from None
            every = f"every {otlp.interval_seconds:g} s"
            click.echo(f"{origin}: pushing to {otlp.endpoint} {every} (Ctrl-C stops)", err=True)
        yield
