"""The HTTP server: a handle with a ``url`` and ``close()``."""

from __future__ import annotations

import math
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from sanctum_exporter import forks
from sanctum_exporter.web.address import ListenAddress
from sanctum_exporter.web.app import PROBES, Application, Site
from sanctum_exporter.web.discovery import DiscoveryEntry
from sanctum_exporter.web.gateway import WSGIApplication
from sanctum_exporter.web.scrapers import Scrapers
from sanctum_exporter.web.transport import DEFAULT_LIMITS, Limits, Transport


class Access(Protocol):
    """Who may ask, and how the connection is secured."""

    def context(self) -> ssl.SSLContext | None:
        """Return the TLS settings of a new connection, None for plain HTTP.

        It is asked once for each, so that a changed certificate works at once.
        """

    def guard(self, app: WSGIApplication) -> WSGIApplication:
        """Return an application that lets in who may, and adds headers to its answers."""


class _OpenToAll:
    def context(self) -> ssl.SSLContext | None:
        return None

    def guard(self, app: WSGIApplication) -> WSGIApplication:
        return app


class WebServer:
    """A server that listens as soon as it is made, and answers from its own threads.

    It belongs to the process that made it: a forked child lets go of its sockets.

    Args:
        address: where to listen; port 0 takes any free one.
        site: what to answer.
        access: who may ask; everybody, over plain HTTP, without it.
        limits: what clients may take.
        at_close: called once the server is closed.

    Raises:
        OSError: if the address cannot be had; the message names it.
    """

    def __init__(
        self,
        address: ListenAddress,
        site: Site,
        access: Access | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
        at_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._at_close = at_close
        access = access or _OpenToAll()
        self._telemetry_path = site.telemetry_path
        self._scrapers = Scrapers()
        self._entry: DiscoveryEntry | None = None
        self._scheme = "http" if access.context() is None else "https"
        app = access.guard(Application(site, self._scrapers))
        with forks.prevented:
            self._transport = Transport(address, app, access.context, PROBES, limits)
            _servers.add(self)
        try:
            self.address = address._replace(port=self._transport.start())
        except OSError as error:
            self.close()
            reason = error.strerror or str(error)
            raise OSError(error.errno, f"cannot listen on {address}: {reason}") from error
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The URL of the page as this machine reaches it, without a slash at its end."""
        return f"{self._scheme}://{self.address.local}"

    @property
    def place(self) -> str:
        """Where the metrics are, in words for the log."""
        url = f"{self.url}{self._telemetry_path}"
        return f"{url} on every interface" if self.address.is_every_interface else url

    def announce(self, path: Path, program: str) -> None:
        """Name this server in a file for Prometheus's discovery, until it is closed.

        Args:
            path: the file, as ``parse_sd_file`` returns it.
            program: what runs here.

        Raises:
            OSError: if it cannot be written; the message names it.
        """
        self._entry = DiscoveryEntry(
            path,
            self.address,
            program=program,
            telemetry_path=self._telemetry_path,
            scheme=self._scheme,
        )

    def wait_for_last_scrape(self, limit_seconds: float, say: Callable[[str], object]) -> None:
        """Wait until everybody who scrapes regularly has come once more; nobody does: no wait.

        Ctrl-C ends it, as ``KeyboardInterrupt``.

        Args:
            limit_seconds: how long at most; no scraper is given more than one of its intervals.
            say: is told that and how long it waits, if it does.
        """
        last = self._scrapers.last_scrapes(limit_seconds)
        seconds = math.ceil(last.seconds_left())
        if seconds > 0:
            say(f"waiting up to {seconds} s for the last scrape (Ctrl-C ends it)")
            last.wait()

    def close(self) -> None:
        """Stop listening, give the port back and end every thread; safe to call again.

        Requests that are being answered have a moment to finish. Takes two seconds at most.
        """
        if self in _servers:
            _servers.discard(self)
            # Before the port is free, at which the next one may write the same entry.
            if self._entry is not None:
                self._entry.remove()
            self._transport.stop()
            self._at_close()

    def abandon(self) -> None:
        """Close this process's copies of the sockets, as a forked child must."""
        self._transport.abandon()


_servers: Final[set[WebServer]] = set()


def _abandon_all() -> None:
    for server in tuple(_servers):
        server.abandon()
    _servers.clear()


os.register_at_fork(after_in_child=_abandon_all)
