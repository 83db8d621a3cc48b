"""The exporter on a live aggregator: every snapshot that somebody takes of it is published."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Final

from sanctum_exporter import forks, logs
from sanctum_exporter.readings import DEFAULT_GROUP
from sanctum_exporter.sinks.otlp import PushOptions
from sanctum_exporter.sinks.prometheus import Registry
from sanctum_exporter.training.arguments import seconds_above_zero
from sanctum_exporter.training.outlet import Outlet
from sanctum_exporter.training.refresher import Refresher
from sanctum_exporter.training.snapshots import Snapshots
from sanctum_exporter.training.tap import SnapshotSource, Tap, snapshot_method, tap
from sanctum_exporter.web.address import DEFAULT_ADDRESS, DEFAULT_TELEMETRY_PATH

DEFAULT_MAX_AGE_SECONDS: Final = 60.0
_REFRESHES_UNTIL_STALE: Final = 3


class Attachment:
    """A hook on a live aggregator, as ``attach`` returns it; leaving its block detaches it."""

    def __init__(self, outlet: Outlet | None, taps: list[Tap], refresher: Refresher | None) -> None:
        self._forks = forks.count
        self._outlet = outlet
        self._taps = taps
        self._refresher = refresher

    @property
    def url(self) -> str | None:
        """The URL of the page, None while nothing is served."""
        return self._outlet.url if self._outlet is not None else None

    def detach(self) -> None:
        """Restore the target exactly and stop publishing, as soon as ``close``; idempotent."""
        taps, self._taps = self._taps, []
        for each in taps:
            each.remove()
        refresher, self._refresher = self._refresher, None
        if forks.count != self._forks:
            refresher = None
        if refresher is not None:
            refresher.stop()
        if self._outlet is not None:
            self._outlet.close()
        if refresher is not None:
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
    registry: Registry | None = None,
    otlp_endpoint: str | PushOptions | None = None,
    group_id: str = DEFAULT_GROUP,
    refresh_seconds: float | None = None,
    max_age_seconds: float | None = None,
    telemetry_path: str = DEFAULT_TELEMETRY_PATH,
    sd_file: str | os.PathLike[str] | None = None,
    web_config_file: str | os.PathLike[str] | None = None,
    protect_health: bool = False,
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
        sd_file: a file, ending in .json, that names the address to Prometheus's file-based service
            discovery while it is listened on.
        web_config_file: a file that turns on TLS and passwords, as Prometheus's exporters have it.
        protect_health: put ``/-/healthy`` and ``/-/ready`` behind that, too.
        strict: raise what cannot be used, attached or started instead of logging it.

    Returns:
        A handle, whose ``detach()`` undoes it.

    Raises:
        ValueError: if ``strict`` and an argument cannot be used; the message says what would do.
        TypeError: if ``strict`` and it is not something that snapshots are taken of.
        Exception: what else prevents it, if ``strict``.
    """
    outlet: Outlet | None = None
    taps: list[Tap] = []
    refresher = None
    try:
        if refresh_seconds is not None:
            refresh_seconds = seconds_above_zero("refresh_seconds", refresh_seconds)
        if max_age_seconds is None:
            refreshes = _REFRESHES_UNTIL_STALE * (refresh_seconds or 0.0)
            max_age_seconds = max(DEFAULT_MAX_AGE_SECONDS, refreshes)
        snapshots = Snapshots(group_id, seconds_above_zero("max_age_seconds", max_age_seconds))
        outlet = Outlet(
            snapshots,
            listen_address,
            registry,
            otlp_endpoint,
            origin=f"attached {type(target).__name__}",
            telemetry_path=telemetry_path,
            sd_file=sd_file,
            web_config_file=web_config_file,
            protect_health=protect_health,
            not_ready=snapshots.not_ready,
            strict=strict,
        )
        taps = tap(target, snapshots)
        if (outlet.open() or outlet.is_tried_again) and refresh_seconds is not None:
            take = snapshot_method(target)
            refresher = Refresher(
                # While its address is in use, nobody sees what a snapshot costs the training.
                lambda: take() if outlet.is_open else None,
                snapshots.age_seconds,
                refresh_seconds,
                snapshots.note_failure,
            )
    except Exception as error:
        Attachment(outlet, taps, None).detach()
        if strict:
            raise
        logs.error("sanctum-exporter is not attached, training goes on: %s", error)
    return Attachment(outlet, taps, refresher)
