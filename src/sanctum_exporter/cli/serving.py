"""Start and stop of the commands that serve."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

import click

from sanctum_exporter.snapshot import Publisher
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.exporter import serve


@contextmanager
def serving(
    publisher: Publisher,
    address: ListenAddress,
    telemetry_path: str,
    *,
    source: str,
    stop: Event,
    not_ready: Callable[[], str | None] = lambda: None,
    run_label: bool = False,
) -> Iterator[None]:
    """Serve a publisher inside the block, and say where; SIGINT and SIGTERM set ``stop``.

    Raises:
        click.ClickException: if the address cannot be had.
    """
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
        message = f"{error.strerror}; choose another with --web.listen-address"
        raise click.ClickException(message) from None
    click.echo(f"{source}: serving {server.url}{telemetry_path} (Ctrl-C stops)", err=True)
    try:
        yield
    finally:
        server.close()
