"""Where a live source is published, and that whatever fails there is only logged."""

from __future__ import annotations

import atexit
import errno
import multiprocessing
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Final

from sanctum_exporter import forks, logs
from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.sinks.otlp import PushOptions, push, resolve
from sanctum_exporter.sinks.prometheus import Registry, join
from sanctum_exporter.training.retry import RETRY_SECONDS, Retry
from sanctum_exporter.training.way import Way
from sanctum_exporter.web.access import read_access
from sanctum_exporter.web.address import ListenAddress, parse_address, parse_telemetry_path
from sanctum_exporter.web.discovery import parse_sd_file
from sanctum_exporter.web.exporter import serve
from sanctum_exporter.web.server import Access, WebServer

_NOT_ANNOUNCED: Final = "sanctum-exporter is not announced to Prometheus"


class Outlet:
    """Where a source is published: to whoever scrapes it, and by a push.

    Each of these ways out is open or not by itself. An address that is in use is tried again until
    it is free.

    Args:
        source: what is published.
        listen_address: where to serve, None opens no port.
        registry: a registry to join instead of serving.
        otlp_endpoint: where to push to; None leaves it to OpenTelemetry's environment.
        origin: what page and log call the source.
        telemetry_path: where the metrics are.
        strict: raise what cannot be opened instead of logging it.
        not_ready: says why the values are not to be relied on, None while they are.
        sd_file: where to announce the address to Prometheus.
        web_config_file: says who may ask; None for everybody.
        protect_health: whether that is so of the pages for probes, too.
        retry_seconds: from one attempt on an address that is in use to the next.

    Raises:
        ValueError: if it is strict and a value cannot be used.
    """

    def __init__(
        self,
        source: ReadingSource,
        listen_address: str | None,
        registry: Registry | None,
        otlp_endpoint: str | PushOptions | None,
        *,
        origin: str,
        telemetry_path: str,
        strict: bool,
        not_ready: Callable[[], str | None] = lambda: None,
        sd_file: str | os.PathLike[str] | None = None,
        web_config_file: str | os.PathLike[str] | None = None,
        protect_health: bool = False,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._forks = forks.count
        self._source = source
        self._listen_address = listen_address
        self._registry = registry
        self._otlp_endpoint = otlp_endpoint
        self._origin = origin
        self._telemetry_path = telemetry_path
        self._web_config_file = web_config_file
        self._protect_health = protect_health
        self._access: Access | None = None
        self._strict = strict
        self._not_ready = not_ready
        self._retry_seconds = retry_seconds
        self._lock = RLock()
        self._server: WebServer | None = None
        self._retry: Retry | None = None
        if strict:
            self._check()
        self._sd_file: Path | None = None
        try:
            self._sd_file = self._sd_path(sd_file)
        except ValueError as error:
            if strict:
                raise
            logs.error("%s, training goes on: %s", _NOT_ANNOUNCED, error)
        self._exposure = Way(self._expose, "sanctum-exporter serves nothing", strict=strict)
        self._pushing = Way(self._push, "sanctum-exporter pushes nothing by OTLP", strict=strict)

    @property
    def url(self) -> str | None:
        """The URL of the page, None while nothing is served."""
        server = self._here()
        return server.url if server is not None else None

    @property
    def place(self) -> str | None:
        """Where the metrics are, in words; None while nothing is served."""
        server = self._here()
        return server.place if server is not None else None

    @property
    def is_open(self) -> bool:
        """Whether values leave by any way."""
        return self._exposure.is_open or self._pushing.is_open

    @property
    def is_tried_again(self) -> bool:
        """Whether it will serve as soon as its address is free."""
        return self._retry is not None

    def open(self) -> bool:
        """Open every way out that is not open yet; returns whether one is.

        Safe to call again, and after ``close``.
        """
        # A spawned child runs the unguarded lines of the main module again, this one among them.
        if forks.count != self._forks or _is_bootstrapping():
            return False
        with self._lock:
            ways = (self._exposure, self._pushing)
            try:
                for way in ways:
                    way.open()
            except BaseException:
                self.close()
                raise
            if not self.is_open and not any(way.problem for way in ways):
                logs.error(
                    "sanctum-exporter has no way out: "
                    "give listen_address, registry or otlp_endpoint"
                )
            if self.is_open or self.is_tried_again:
                # Threads that still run while the interpreter ends make ends unclean.
                atexit.unregister(self.close)
                atexit.register(self.close)
            return self.is_open

    def close(
        self,
        final_scrape_wait_seconds: float = 0.0,
        say: Callable[[str], object] = logs.info,
    ) -> None:
        """Stop publishing, within two seconds, and three more for a push; safe to call again.

        Args:
            final_scrape_wait_seconds: how long, at most, to serve on until those who scrape
                regularly have come once more.
            say: is told of that wait, if there is one.
        """
        if forks.count != self._forks:
            return
        with self._lock:
            atexit.unregister(self.close)
            stop_exposing, stop_pushing = self._exposure.take_stop(), self._pushing.take_stop()
            server, self._server = self._server, None
            retry = self._end_retry()
        try:
            _call("did not stop cleanly", stop_pushing)
            if server is not None:
                wait = partial(server.wait_for_last_scrape, final_scrape_wait_seconds, say)
                _call("did not wait for the last scrape", wait)
        finally:
            # Ctrl-C ends the wait, not what has to be closed.
            _call("did not stop cleanly", stop_exposing)
            if retry is not None:
                retry.join()

    def _check(self) -> None:
        """Raise ValueError if a value cannot be used."""
        self._path()
        self._address()
        self._read_access()
        self._push_options()

    def _path(self) -> str:
        return parse_telemetry_path(str(self._telemetry_path))

    def _address(self) -> ListenAddress | None:
        return None if self._listen_address is None else parse_address(str(self._listen_address))

    def _read_access(self) -> None:
        """Read who may ask, once: it follows its file by itself."""
        if self._access is not None:
            return
        if self._web_config_file is None:
            if self._protect_health:
                raise ValueError("protect_health protects nothing without web_config_file")
            return
        if self._listen_address is None or self._registry is not None:
            raise ValueError(
                "web_config_file guards a port, and none is opened; give listen_address"
            )
        path = Path(str(self._web_config_file))
        self._access = read_access(path, protect_health=self._protect_health)

    def _push_options(self) -> PushOptions | None:
        return resolve(self._otlp_endpoint)

    def _sd_path(self, sd_file: str | os.PathLike[str] | None) -> Path | None:
        if sd_file is None:
            return None
        if self._listen_address is None or self._registry is not None:
            raise ValueError("sd_file names a port, and none is opened; give listen_address")
        return parse_sd_file(str(sd_file))

    def _expose(self) -> Callable[[], None] | None:
        self._read_access()
        if self._registry is not None:
            return _join(self._registry, self._source)
        address = self._address()
        if address is None:
            return None
        path = self._path()
        try:
            server = serve(
                self._source,
                address,
                origin=self._origin,
                not_ready=self._not_ready,
                telemetry_path=path,
                access=self._access,
            )
        except OSError as error:
            advice = "give another listen_address (run: --web.listen-address)"
            if error.errno == errno.EADDRINUSE and not self._strict:
                self._retry = self._retry or Retry(self._open_late, self._retry_seconds)
                advice = f"it is tried again every {self._retry_seconds:g} s, or {advice}"
            raise OSError(error.errno, f"{error.strerror}; {advice}") from error
        try:
            self._announce(server)
        except BaseException:
            server.close()
            raise
        self._server = server
        if self._exposure.problem is None:
            logs.info("%s: serving %s", self._origin, server.place)
        else:
            # As loud as the failure was: who heard of that wants to hear of its end.
            logs.warning("%s: serving %s now", self._origin, server.place)
        self._end_retry()
        return server.close

    def _here(self) -> WebServer | None:
        """Return the server, unless it is that of the process that we were forked from."""
        return self._server if forks.count == self._forks else None

    def _announce(self, server: WebServer) -> None:
        if self._sd_file is None:
            return
        try:
            server.announce(self._sd_file, self._origin)
        except OSError as error:
            if self._strict:
                raise
            logs.error("%s, training goes on: %s", _NOT_ANNOUNCED, error.strerror)

    def _open_late(self) -> bool:
        """Try the address again; returns whether that is over."""
        with self._lock:
            if self._retry is not None:
                self._exposure.open()
            return self._retry is None

    def _end_retry(self) -> Retry | None:
        retry, self._retry = self._retry, None
        if retry is not None:
            retry.end()
        return retry

    def _push(self) -> Callable[[], None] | None:
        options = self._push_options()
        return push(self._source, options).close if options is not None else None


def _call(failure: str, step: Callable[[], None]) -> None:
    """Call a step of the end; what it raises is only logged."""
    try:
        step()
    except Exception as error:  # noqa: BLE001 - whatever it is, training goes on
        logs.error(
            "sanctum-exporter %s, training is not affected: %s", failure, logs.describe(error)
        )


def _join(registry: Registry, source: ReadingSource) -> Callable[[], None]:
    try:
        return join(registry, source)
    except ValueError as error:
        raise ValueError(f"{error}; give each exporter a registry of its own") from error


def _is_bootstrapping() -> bool:
    # multiprocessing itself looks here to refuse what a child must not do while it is imported.
    return bool(getattr(multiprocessing.current_process(), "_inheriting", False))
