"""Start and end of the commands that serve."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event
from types import FrameType
from typing import Final

import click

from sanctum_exporter import logs
from sanctum_exporter.cli.parameters import WebOptions
from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.sinks.otlp import PushOptions, push
from sanctum_exporter.web.access import read_access
from sanctum_exporter.web.exporter import serve
from sanctum_exporter.web.server import WebServer

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def serving(
    source: ReadingSource,
    web: WebOptions | None,
    *,
    origin: str,
    stop: Event,
    detail: Callable[[], str | None] = lambda: None,
    otlp: PushOptions | None = None,
    not_ready: Callable[[], str | None] = lambda: None,
    before_last_scrape: Callable[[], None] = lambda: None,
    run_label: bool = False,
) -> Iterator[str | None]:
    """Serve and push a source inside the block, and say where; SIGINT and SIGTERM set ``stop``.

    No web options open no port, no OTLP options push nothing. After the block the last values are
    pushed, and who scrapes regularly comes once more, unless it was SIGINT that ended it; a signal
    ends that wait. Gives the block the URL of the page, None where no port is open.

    Args:
        source: what to serve.
        web: where to serve it.
        origin: what page and messages call it.
        stop: what ends the block.
        detail: says, on the page, which part of the source is served; None for all of it.
        otlp: where to push it.
        not_ready: says why the exporter does not do its job, None while it does.
        before_last_scrape: called at the end of the block, so that the last values are final.
        run_label: give every series of a group the label ``run``.

    Raises:
        click.ClickException: if the address or one of its files cannot be had, or no exporter
            with its settings.
    """
    signals = _Signals(stop)
    for number in _ENDING:
        signal.signal(number, signals.take)
    with ExitStack() as served:
        server = _serve(served, source, web, origin, detail, not_ready, run_label=run_label)
        # The push comes first at the end: it takes three seconds at most, and no scraper is late.
        with ExitStack() as pushed:
            if otlp is not None:
                try:
                    pushed.callback(push(source, otlp, run_label=run_label).close)
                except ValueError as error:
                    raise click.ClickException(str(error)) from None
                logs.info(
                    "%s: pushing to %s every %g s (Ctrl-C stops)",
                    origin,
                    otlp.shown_endpoint,
                    otlp.interval_seconds,
                )
            yield None if server is None else server.url
            before_last_scrape()
        if server is not None and web is not None:
            with until_signal():
                # Whatever came before the line above is counted, whatever comes now ends it.
                if not signals.are_in_a_hurry:
                    server.wait_for_last_scrape(
                        web.final_scrape_wait_seconds,
                        lambda text: logs.info("%s: %s", origin, text),
                    )


@contextmanager
def until_signal() -> Iterator[None]:
    """Leave the block as soon as SIGINT or SIGTERM comes."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in _ENDING}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            # None is a handler that is not Python's, and cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


class _Signals:
    """The signals that ask a command to end."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._taken: list[int] = []

    def take(self, number: int, _frame: FrameType | None) -> None:
        self._taken.append(number)
        self._stop.set()

    @property
    def are_in_a_hurry(self) -> bool:
        """Whether somebody sits before it and waits, or has asked twice."""
        return signal.SIGINT in self._taken or len(self._taken) > 1


def _serve(
    served: ExitStack,
    source: ReadingSource,
    web: WebOptions | None,
    origin: str,
    detail: Callable[[], str | None],
    not_ready: Callable[[], str | None],
    *,
    run_label: bool,
) -> WebServer | None:
    if web is None:
        return None
    try:
        access = read_access(web.config_file, protect_health=web.protect_health)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    try:
        server = serve(
            source,
            web.address,
            origin=origin,
            detail=detail,
            not_ready=not_ready,
            telemetry_path=web.telemetry_path,
            run_label=run_label,
            access=access,
        )
    except OSError as error:
        message = f"{error.strerror}; choose another with --web.listen-address"
        raise click.ClickException(message) from None
    served.callback(server.close)
    if web.sd_file is not None:
        try:
            server.announce(web.sd_file, origin)
        except OSError as error:
            raise click.ClickException(str(error.strerror)) from None
    logs.info("%s: serving %s (Ctrl-C stops)", origin, server.place)
    return server
