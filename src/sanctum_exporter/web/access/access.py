"""Access to a server, as its web configuration file is now."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import Final

from sanctum_exporter import logs
from sanctum_exporter.web.access.guard import Guard
from sanctum_exporter.web.access.policy import Policy, load
from sanctum_exporter.web.gateway import WSGIApplication

_CHECK_SECONDS: Final = 1.0
# Whoever writes into a file has not written all of it yet: half of one may be without passwords.
_SETTLED_SECONDS: Final = 1.0

_Trace = tuple[tuple[int, ...] | None, ...]


class Access:
    """Who may see what a server serves; reads its file anew when that, or one it names, changes.

    It looks for changes when a connection comes, once a second at most. A new version that cannot
    be used leaves the old one in force, and the log says so once.

    Args:
        path: the web configuration file.
        protect_health: put ``/-/healthy`` and ``/-/ready`` behind it, too.
        clock: monotonic seconds.
        now: seconds as files have them.

    Raises:
        ValueError: if the file cannot be used; the message names file, and line or field.
    """

    def __init__(
        self,
        path: Path,
        *,
        protect_health: bool = False,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        # A training may change into another folder.
        self._path = path.absolute()
        self._protect_health = protect_health
        self._clock = clock
        self._now = now
        self._lock = Lock()
        self._checked_at = clock()
        self._policy, self._trace = self._read(())
        self._problem: str | None = None

    def context(self) -> ssl.SSLContext | None:
        """Return what to make a new connection with, None for plain HTTP; never raises."""
        # Whoever comes while another one reads it gets the old version, and waits for nothing.
        if self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._policy.context

    def guard(self, app: WSGIApplication) -> WSGIApplication:
        """Return an application that lets in who may see it, and refuses all others."""
        policy, protect_health = self._current, self._protect_health
        return Guard(app, policy, protect_health=protect_health, clock=self._clock)

    def _current(self) -> Policy:
        return self._policy

    def _look(self) -> None:
        if self._clock() - self._checked_at < _CHECK_SECONDS:
            return
        self._checked_at = self._clock()
        trace = _trace([self._path, *self._policy.files])
        if trace == self._trace:
            return
        if any(0 <= self._now() - each[0] / 1e9 < _SETTLED_SECONDS for each in trace if each):
            return
        try:
            policy, trace = self._read(self._policy.files)
        except Exception as error:  # noqa: BLE001 - whatever it is, the old version is in force
            self._report(str(error))
            return
        if (policy.context is None) != (self._policy.context is None):
            # The scheme is told to scrapers, and a file without its TLS may be half a file.
            self._report(f"{self._path}: TLS can be turned on and off by a restart only")
            return
        self._policy, self._trace, self._problem = policy, trace, None
        logs.info("%s: read anew", self._path)

    def _read(self, files: tuple[Path, ...]) -> tuple[Policy, _Trace]:
        """Return what is there, and the trace of it; ``files`` are those that it should name."""
        while True:
            # Before they are read, so that a change meanwhile is one.
            trace = _trace([self._path, *files])
            policy = load(self._path, protect_health=self._protect_health)
            if policy.files == files:
                return policy, trace
            files = policy.files

    def _report(self, problem: str) -> None:
        """Log why a new version is not in force, once."""
        if problem != self._problem:
            self._problem = problem
            logs.error("%s; the version from before stays in force", problem)


def _trace(paths: Iterable[Path]) -> _Trace:
    """Return what changes when a file does; None where there is no file."""
    return tuple(_stat(path) for path in paths)


def _stat(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)
