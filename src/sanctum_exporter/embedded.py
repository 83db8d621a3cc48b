"""The exporter inside a training process, which it must never hurt.

``SanctumExporter`` is an output backend of esper-lite's hub; ``attach`` follows a live aggregator.
Unless ``strict`` asks for it, neither lets an exception of its own out: what fails is logged with
what to do about it, and training goes on.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Final
from weakref import WeakSet

from prometheus_client import CollectorRegistry

from sanctum_exporter import process
from sanctum_exporter.groups import Groups
from sanctum_exporter.intake import Intake
from sanctum_exporter.outlet import Outlet, tell
from sanctum_exporter.sinks.otlp import PushOptions
from sanctum_exporter.snapshot import DEFAULT_GROUP, Activity, GroupReading
from sanctum_exporter.sources.hook import Refresher, Snapshots, SnapshotSource, Tap, taker, tap
from sanctum_exporter.sources.host import Hub, HubDrops
from sanctum_exporter.web.address import DEFAULT_ADDRESS

_log = logging.getLogger(__name__)

DEFAULT_MAX_AGE_SECONDS: Final = 60.0
_REFRESHES_UNTIL_STALE: Final = 3


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
        strict: raise what cannot be started instead of logging it.
    """

    def __init__(
        self,
        listen_address: str | None = DEFAULT_ADDRESS,
        *,
        registry: CollectorRegistry | None = None,
        otlp_endpoint: str | PushOptions | None = None,
        num_envs: int = 0,
        hub: Hub | None = None,
        telemetry_path: str = "/metrics",
        strict: bool = False,
    ) -> None:
        self._forks = process.forks
        intake = Intake(
            Groups(num_envs, placeholder=True),
            source="live telemetry",
            advice="; training is not affected; upgrade sanctum-exporter if esper-lite is newer",
        )
        self._take = intake.host_event
        if type(self) is SanctumExporter:
            # Half of an event's cost is calls, so the hub calls what does the work; see _silence.
            self.emit = intake.host_event  # type: ignore[assignment, method-assign]
            _exporters.add(self)
        drops = HubDrops(hub, type(self).__name__) if hub is not None else None
        self._outlet = Outlet(
            _Live(intake, drops),
            listen_address,
            registry,
            otlp_endpoint,
            source="live training",
            telemetry_path=telemetry_path,
            strict=strict,
        )

    @property
    def url(self) -> str | None:
        """The URL of the page, None while nothing is served."""
        return self._outlet.url

    def start(self) -> bool:
        """Begin to publish; returns whether it does. Safe to call again, and after ``close``.

        Raises:
            Exception: what prevents it, if the exporter is strict.
        """
        return self._outlet.open()

    def emit(self, event: object) -> None:
        """Take in a live event of esper-lite; never raises."""
        if process.forks == self._forks:
            self._take(event)

    def close(self) -> None:
        """Stop publishing, within two seconds, and three more for a push; safe to call again."""
        self._outlet.close()

    def __reduce__(self) -> tuple[type[SanctumExporter], tuple[()]]:
        """Pickle as an exporter that does nothing: it arrives in some other process."""
        return _Elsewhere, ()


_exporters: Final[WeakSet[SanctumExporter]] = WeakSet()


def _silence() -> None:
    """Take in nothing in a forked child, whose locks may be held by threads that it has not."""
    for exporter in tuple(_exporters):
        exporter.emit = _ignore  # type: ignore[method-assign]  # as in __init__


def _ignore(event: object) -> None:
    pass


os.register_at_fork(after_in_child=_silence)


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


class Attachment:
    """A hook on a live aggregator, as ``attach`` returns it; leaving its block detaches it."""

    def __init__(self, outlet: Outlet, taps: list[Tap], refresher: Refresher | None) -> None:
        self._forks = process.forks
        self._outlet = outlet
        self._taps = taps
        self._refresher = refresher

    @property
    def url(self) -> str | None:
        """The URL of the page, None while nothing is served."""
        return self._outlet.url

    def detach(self) -> None:
        """Restore the target exactly and stop publishing, as soon as ``close``; idempotent."""
        taps, self._taps = self._taps, []
        for each in taps:
            each.remove()
        refresher, self._refresher = self._refresher, None
        if refresher is None or process.forks != self._forks:
            self._outlet.close()
            return
        refresher.stop()
        self._outlet.close()
        refresher.join()

    def __enter__(self) -> Attachment:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.detach()


def attach(
    target: SnapshotSource,
    *,
    listen_address: str | None = DEFAULT_ADDRESS,
    registry: CollectorRegistry | None = None,
    otlp_endpoint: str | PushOptions | None = None,
    group_id: str = DEFAULT_GROUP,
    refresh_seconds: float | None = None,
    max_age_seconds: float | None = None,
    telemetry_path: str = "/metrics",
    strict: bool = False,
) -> Attachment:
    """Publish every snapshot that somebody takes of a live aggregator, registry or backend.

    A scrape never takes one. The terminal takes four a second; where there is none, give
    ``refresh_seconds``.

    Args:
        target: has ``get_all_snapshots()``, ``get_snapshot()`` or ``snapshot()``.
        listen_address: where to serve, ``host:port``; port 0 takes any free one, None opens none.
        registry: a registry to join instead of serving.
        otlp_endpoint: push to this collector too; by default OpenTelemetry's environment decides.
        group_id: the group of a target that does not name its groups.
        refresh_seconds: take a snapshot whenever nobody has for so long; None never does. One
            holds the aggregator's lock: 2 ms at 16 envs, 100 ms at 1024.
        max_age_seconds: how old the newest snapshot may be before ``/-/ready`` fails; by default
            a minute, or three times ``refresh_seconds`` if that is more.
        telemetry_path: where the metrics are.
        strict: raise what cannot be attached or started instead of logging it.

    Returns:
        A handle, whose ``detach()`` undoes it.

    Raises:
        Exception: what prevents it, if ``strict``.
    """
    if max_age_seconds is None:
        refreshes = _REFRESHES_UNTIL_STALE * (refresh_seconds or 0.0)
        max_age_seconds = max(DEFAULT_MAX_AGE_SECONDS, refreshes)
    snapshots = Snapshots(group_id, max_age_seconds)
    outlet = Outlet(
        snapshots,
        listen_address,
        registry,
        otlp_endpoint,
        source=f"attached {type(target).__name__}",
        telemetry_path=telemetry_path,
        not_ready=snapshots.not_ready,
        strict=strict,
    )
    taps: list[Tap] = []
    refresher = None
    try:
        taps = tap(target, snapshots)
        if outlet.open() and refresh_seconds is not None:
            refresher = Refresher(taker(target), snapshots.age_seconds, refresh_seconds)
    except Exception as error:
        Attachment(outlet, taps, None).detach()
        if strict:
            raise
        tell("sanctum-exporter is not attached, training goes on: %s", error)
    return Attachment(outlet, taps, refresher)


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
