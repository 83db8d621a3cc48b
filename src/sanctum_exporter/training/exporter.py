"""The exporter as an output backend of esper-lite's hub, inside the training process.

Unless ``strict`` asks for it, nothing is raised: what fails is logged with what to do about it, and
training goes on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sanctum_exporter import forks, logs
from sanctum_exporter.readings import Activity, GroupReading
from sanctum_exporter.sinks.otlp import PushOptions
from sanctum_exporter.sinks.prometheus import Registry
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.training.arguments import seconds_up_to, whole_number
from sanctum_exporter.training.hub_drops import Hub, HubDrops
from sanctum_exporter.training.outlet import Outlet
from sanctum_exporter.web.address import DEFAULT_ADDRESS, DEFAULT_TELEMETRY_PATH
from sanctum_exporter.web.scrapers import LONGEST_WAIT_SECONDS


class SanctumExporter:
    """An output backend of esper-lite's hub, which publishes what the events say.

    Attached by ``hub.add_backend(SanctumExporter(hub=hub))``. The hub calls ``emit`` from one
    thread; a second hub needs an exporter of its own.

    Args:
        listen_address: where to serve, ``host:port``; port 0 takes any free one, None opens none.
        registry: a registry to join instead of serving.
        otlp_endpoint: push to this collector too; by default OpenTelemetry's environment decides.
        num_envs: envs that exist before TRAINING_STARTED says how many there are.
        hub: the hub, to publish how many events it dropped before they came here.
        telemetry_path: where the metrics are.
        sd_file: a file, ending in .json, that names the address to Prometheus's file-based service
            discovery while it is listened on.
        web_config_file: a file that turns on TLS and passwords, as Prometheus's exporters have it.
        protect_health: put ``/-/healthy`` and ``/-/ready`` behind that, too.
        final_scrape_wait_seconds: how long ``close`` waits, 20 at most, for the last scrape of
            whoever scrapes regularly.
        strict: raise what cannot be used or started instead of logging it.

    Raises:
        ValueError: if it is strict and an argument cannot be used; the message says what would do.
    """

    _origin = "live training"

    def __init__(
        self,
        listen_address: str | None = DEFAULT_ADDRESS,
        *,
        registry: Registry | None = None,
        otlp_endpoint: str | PushOptions | None = None,
        num_envs: int = 0,
        hub: Hub | None = None,
        telemetry_path: str = DEFAULT_TELEMETRY_PATH,
        sd_file: str | os.PathLike[str] | None = None,
        web_config_file: str | os.PathLike[str] | None = None,
        protect_health: bool = False,
        final_scrape_wait_seconds: float = 0.0,
        strict: bool = False,
    ) -> None:
        self._forks = forks.count
        try:
            num_envs = whole_number("num_envs", num_envs)
        except ValueError as error:
            if strict:
                raise
            logs.error("sanctum-exporter begins without envs, training goes on: %s", error)
            num_envs = 0
        self._final_scrape_wait_seconds = 0.0
        try:
            self._final_scrape_wait_seconds = seconds_up_to(
                LONGEST_WAIT_SECONDS, "final_scrape_wait_seconds", final_scrape_wait_seconds
            )
        except ValueError as error:
            if strict:
                raise
            logs.error("sanctum-exporter waits for no last scrape, training goes on: %s", error)
        self._intake = Intake(
            Groups(num_envs, placeholder=True),
            source="live telemetry",
            advice="; training is not affected; upgrade sanctum-exporter if esper-lite is newer",
        )
        drops = HubDrops(hub, type(self).__name__) if hub is not None else None
        self._outlet = Outlet(
            _Live(self._intake, drops),
            listen_address,
            registry,
            otlp_endpoint,
            origin=self._origin,
            telemetry_path=telemetry_path,
            sd_file=sd_file,
            web_config_file=web_config_file,
            protect_health=protect_health,
            strict=strict,
        )

    @property
    def url(self) -> str | None:
        """The URL of the page, None while nothing is served."""
        return self._outlet.url

    def start(self) -> bool:
        """Begin to publish; returns whether it does.

        Safe to call again, and after ``close``. What could not be started is tried again.

        Raises:
            Exception: what prevents it, if the exporter is strict.
        """
        return self._outlet.open()

    def emit(self, event: object) -> None:
        """Take in a live event of esper-lite; never raises."""
        # A forked child hears nothing: its locks may be held by threads that it has not.
        if forks.count == self._forks:
            self._intake.live(event)

    def close(self) -> None:
        """Stop publishing, within two seconds, and three more for a push; safe to call again.

        With ``final_scrape_wait_seconds``, whoever scrapes regularly comes once more before it.
        """
        self._end(self._final_scrape_wait_seconds, on_purpose=not _is_failing())

    def __reduce__(self) -> tuple[type[SanctumExporter], tuple[()]]:
        """Pickle as an exporter that does nothing: it arrives in some other process."""
        return _Elsewhere, ()

    def _end(
        self,
        final_scrape_wait_seconds: float,
        say: Callable[[str], object] = logs.info,
        *,
        on_purpose: bool,
    ) -> None:
        if on_purpose and forks.count == self._forks:
            self._intake.end()
        self._outlet.close(final_scrape_wait_seconds, say)


class LastingExporter(SanctumExporter):
    """An exporter that outlives its hub, which closes its backends before the program ends.

    Args:
        origin: what page and log call what it publishes.
        listen_address: see ``SanctumExporter``, as for the options.
        options: its other arguments.
    """

    def __init__(self, origin: str, listen_address: str | None, **options: Any) -> None:
        self._origin = origin
        super().__init__(listen_address, **options)

    @property
    def place(self) -> str | None:
        """Where the metrics are, in words; None while nothing is served."""
        return self._outlet.place

    def close(self) -> None:
        """Go on: there is more to come until ``end``, if only the last scrape."""

    def end(
        self, final_scrape_wait_seconds: float, say: Callable[[str], object], *, on_purpose: bool
    ) -> None:
        """Stop publishing, as ``close`` of others does.

        Args:
            final_scrape_wait_seconds: how long to wait for the last scrape at most.
            say: is told of that wait, if there is one.
            on_purpose: whether a run that is not completed was ended, and did not crash.
        """
        self._end(final_scrape_wait_seconds, say, on_purpose=on_purpose)


def _is_failing() -> bool:
    """Tell whether it is an error that ends what is going on; an interrupt is none."""
    error = sys.exception()
    return isinstance(error, Exception)


class _Elsewhere(SanctumExporter):
    """What another process gets of an exporter."""

    url = None

    def __init__(self) -> None:
        """Make nothing, so that nothing can be started."""

    def start(self) -> bool:
        return False

    def emit(self, event: object) -> None:
        pass

    def close(self) -> None:
        pass


class _Live:
    """What an intake publishes, with what the hub dropped before it."""

    def __init__(self, intake: Intake, drops: HubDrops | None) -> None:
        self._intake = intake
        self._drops = drops

    def readings(self) -> Sequence[GroupReading]:
        return self._intake.readings()

    def activity(self) -> Activity:
        activity = self._intake.activity()
        return replace(activity, dropped=self._drops.count()) if self._drops else activity
