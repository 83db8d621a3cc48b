"""Where a live publisher is published, and that whatever fails there is only logged."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
from collections.abc import Callable
from contextlib import ExitStack, suppress
from threading import RLock

from sanctum_exporter import forks
from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.sinks.otlp import PushOptions, push, resolve
from sanctum_exporter.sinks.prometheus import Registry, join
from sanctum_exporter.web.address import parse_address
from sanctum_exporter.web.exporter import serve
from sanctum_exporter.web.server import WebServer

_log = logging.getLogger(__name__)


class Outlet:
    """Where a publisher is published: a server of its own, or a registry that it joins."""

    def __init__(
        self,
        publisher: ReadingSource,
        listen_address: str | None,
        registry: Registry | None,
        otlp_endpoint: str | PushOptions | None,
        *,
        source: str,
        telemetry_path: str,
        strict: bool,
        not_ready: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._forks = forks.count
        self._publisher = publisher
        self._listen_address = listen_address
        self._registry = registry
        self._otlp_endpoint = otlp_endpoint
        self._source = source
        self._telemetry_path = telemetry_path
        self._not_ready = not_ready
        self._strict = strict
        self._lock = RLock()
        self._shut: Callable[[], None] | None = None
        self._reported: str | None = None
        self._url: str | None = None

    @property
    def url(self) -> str | None:
        """The URL of the page, None while nothing is served."""
        return self._url if forks.count == self._forks else None

    def open(self) -> bool:
        """Begin to publish; returns whether it does. Safe to call again, and after ``close``."""
        # A spawned child runs the unguarded lines of the main module again, this one among them.
        if forks.count != self._forks or _is_bootstrapping():
            return False
        with self._lock:
            if self._shut is None:
                self._shut = self._start()
                if self._shut is not None:
                    # Threads that still run while the interpreter ends make ends unclean.
                    atexit.register(self.close)
            return self._shut is not None

    def close(self) -> None:
        """Stop publishing, within two seconds, and three more for a push; safe to call again."""
        if forks.count != self._forks:
            return
        with self._lock:
            shut, self._shut, self._url = self._shut, None, None
        if shut is None:
            return
        atexit.unregister(self.close)
        try:
            shut()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not the host's
            tell("sanctum-exporter did not stop cleanly, training is not affected: %r", error)

    def _start(self) -> Callable[[], None] | None:
        """Start every way out; one that fails leaves the others. None if there is none."""
        running = failed = False
        with ExitStack() as started:
            for start, report in ((self._expose, self._report), (self._push, _report_push)):
                try:
                    stop = start()
                except Exception as error:
                    if self._strict:
                        raise
                    failed = True
                    report(error)
                    continue
                if stop is not None:
                    running = True
                    started.callback(stop)
            if not running and not failed:
                tell(
                    "sanctum-exporter has no way out: "
                    "give listen_address, registry or otlp_endpoint"
                )
            return started.pop_all().close if running else None

    def _expose(self) -> Callable[[], None] | None:
        if self._registry is not None:
            return join(self._registry, self._publisher)
        return self._serve(self._listen_address).close if self._listen_address is not None else None

    def _push(self) -> Callable[[], None] | None:
        otlp = resolve(self._otlp_endpoint)
        return push(self._publisher, otlp).close if otlp is not None else None

    def _serve(self, listen_address: str) -> WebServer:
        server = serve(
            self._publisher,
            parse_address(listen_address),
            source=self._source,
            not_ready=self._not_ready,
            telemetry_path=self._telemetry_path,
        )
        self._url = server.url
        with suppress(Exception):
            _log.info("%s: serving %s%s", self._source, server.url, self._telemetry_path)
        return server

    def _report(self, error: Exception) -> None:
        if self._registry is not None:
            advice = "give each exporter a registry of its own"
        else:
            advice = "give another listen_address (run: --web.listen-address)"
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if text != self._reported:
            self._reported = text
            tell("sanctum-exporter serves nothing, training goes on: %s; %s", text, advice)


def _report_push(error: Exception) -> None:
    tell("sanctum-exporter pushes nothing by OTLP, training goes on: %s", error)


def tell(message: str, *arguments: object) -> None:
    """Log an error of ours, whatever the host's logging makes of it."""
    # A filter or a handler of the host's may raise.
    with suppress(Exception):
        _log.error(message, *arguments)


def _is_bootstrapping() -> bool:
    # multiprocessing itself looks here to refuse what a child must not do while it is imported.
    return bool(getattr(multiprocessing.current_process(), "_inheriting", False))
