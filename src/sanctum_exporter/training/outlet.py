"""Where a live source is published, and that whatever fails there is only logged."""

from __future__ import annotations

import atexit
import multiprocessing
from collections.abc import Callable
from threading import RLock

from sanctum_exporter import forks, logs
from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.sinks.otlp import PushOptions, push, resolve
from sanctum_exporter.sinks.prometheus import Registry, join
from sanctum_exporter.web.address import ListenAddress, parse_address, parse_telemetry_path
from sanctum_exporter.web.exporter import serve
from sanctum_exporter.web.server import WebServer


class Outlet:
    """Where a source is published: to whoever scrapes it, and by a push.

    Each of these ways out is open or not by itself.

    Args:
        source: what is published.
        listen_address: where to serve, None opens no port.
        registry: a registry to join instead of serving.
        otlp_endpoint: where to push to; None leaves it to OpenTelemetry's environment.
        origin: what page and log call the source.
        telemetry_path: where the metrics are.
        strict: raise what cannot be opened instead of logging it.
        not_ready: says why the values are not to be relied on, None while they are.

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
    ) -> None:
        self._forks = forks.count
        self._source = source
        self._listen_address = listen_address
        self._registry = registry
        self._otlp_endpoint = otlp_endpoint
        self._origin = origin
        self._telemetry_path = telemetry_path
        self._not_ready = not_ready
        self._lock = RLock()
        self._server: WebServer | None = None
        if strict:
            self._check()
        self._ways = (
            _Way(self._expose, "sanctum-exporter serves nothing", strict=strict),
            _Way(self._push, "sanctum-exporter pushes nothing by OTLP", strict=strict),
        )

    @property
    def url(self) -> str | None:
        """The URL of the page, None while nothing is served."""
        server = self._server
        return server.url if server is not None and forks.count == self._forks else None

    def open(self) -> bool:
        """Open every way out that is not open yet; returns whether one is.

        Safe to call again, and after ``close``.
        """
        # A spawned child runs the unguarded lines of the main module again, this one among them.
        if forks.count != self._forks or _is_bootstrapping():
            return False
        with self._lock:
            try:
                for way in self._ways:
                    way.open()
            except BaseException:
                self.close()
                raise
            if not any(way.is_open or way.problem for way in self._ways):
                logs.error(
                    "sanctum-exporter has no way out: "
                    "give listen_address, registry or otlp_endpoint"
                )
            is_open = any(way.is_open for way in self._ways)
            if is_open:
                # Threads that still run while the interpreter ends make ends unclean.
                atexit.unregister(self.close)
                atexit.register(self.close)
            return is_open

    def close(self) -> None:
        """Stop publishing, within two seconds, and three more for a push; safe to call again."""
        if forks.count != self._forks:
            return
        with self._lock:
            atexit.unregister(self.close)
            stops = [way.take_stop() for way in self._ways]
            self._server = None
        for stop in reversed(stops):
            try:
                stop()
            except Exception as error:  # noqa: BLE001 - whatever it is, training goes on
                logs.error(
                    "sanctum-exporter did not stop cleanly, training is not affected: %s",
                    logs.describe(error),
                )

    def _check(self) -> None:
        """Raise ValueError if a value cannot be used."""
        self._path()
        self._address()
        self._push_options()

    def _path(self) -> str:
        return parse_telemetry_path(str(self._telemetry_path))

    def _address(self) -> ListenAddress | None:
        return None if self._listen_address is None else parse_address(str(self._listen_address))

    def _push_options(self) -> PushOptions | None:
        return resolve(self._otlp_endpoint)

    def _expose(self) -> Callable[[], None] | None:
        if self._registry is not None:
            return _join(self._registry, self._source)
        address = self._address()
        if address is None:
            return None
        path = self._path()
        try:
            self._server = serve(
                self._source,
                address,
                origin=self._origin,
                not_ready=self._not_ready,
                telemetry_path=path,
            )
        except OSError as error:
            advice = "give another listen_address (run: --web.listen-address)"
            raise OSError(error.errno, f"{error.strerror}; {advice}") from error
        logs.info("%s: serving %s%s", self._origin, self._server.url, path)
        return self._server.close

    def _push(self) -> Callable[[], None] | None:
        options = self._push_options()
        return push(self._source, options).close if options is not None else None


class _Way:
    """One way out, open or not.

    Args:
        start: opens it and returns what closes it again, or None if nobody asks for it.
        failure: what the log says of it, before why, where it cannot be opened.
        strict: raise that instead.
    """

    def __init__(
        self, start: Callable[[], Callable[[], None] | None], failure: str, *, strict: bool
    ) -> None:
        self._start = start
        self._failure = failure
        self._strict = strict
        self._stop: Callable[[], None] | None = None
        self.problem: str | None = None
        """Why it could not be opened, None if it could."""

    @property
    def is_open(self) -> bool:
        """Whether values leave by it."""
        return self._stop is not None

    def open(self) -> None:
        """Open it if it is asked for and not open."""
        if self._stop is not None:
            return
        try:
            self._stop = self._start()
        except Exception as error:
            if self._strict:
                raise
            self._report(error)
        else:
            self.problem = None

    def take_stop(self) -> Callable[[], None]:
        """Return what closes it, for whoever does; it does not count as open any more."""
        stop, self._stop = self._stop, None
        return stop or _nothing

    def _report(self, error: Exception) -> None:
        """Log why it cannot be opened, once."""
        problem = _reason(error)
        if problem != self.problem:
            self.problem = problem
            logs.error("%s, training goes on: %s", self._failure, problem)


def _join(registry: Registry, source: ReadingSource) -> Callable[[], None]:
    try:
        return join(registry, source)
    except ValueError as error:
        raise ValueError(f"{error}; give each exporter a registry of its own") from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # What we raise says all that there is to say; of anything else the type helps.
    return str(error) if type(error) is ValueError else logs.describe(error)


def _nothing() -> None:
    pass


def _is_bootstrapping() -> bool:
    # multiprocessing itself looks here to refuse what a child must not do while it is imported.
    return bool(getattr(multiprocessing.current_process(), "_inheriting", False))
