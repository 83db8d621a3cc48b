"""The exporter on a live aggregator: every snapshot that somebody takes of it is published."""

from __future__ import annotations

from types import TracebackType
from typing import Final

from sanctum_exporter import forks
from sanctum_exporter.readings import DEFAULT_GROUP
from sanctum_exporter.sinks.otlp import PushOptions
from sanctum_exporter.sinks.prometheus import Registry
from sanctum_exporter.training.outlet import Outlet, tell
from sanctum_exporter.training.refresher import Refresher
from sanctum_exporter.training.snapshots import Snapshots
from sanctum_exporter.training.tap import SnapshotSource, Tap, taker, tap
from sanctum_exporter.web.address import DEFAULT_ADDRESS

DEFAULT_MAX_AGE_SECONDS: Final = 60.0
_REFRESHES_UNTIL_STALE: Final = 3


class Attachment:
    """A hook on a live aggregator, as ``attach`` returns it; leaving its block detaches it."""

    def __init__(self, outlet: Outlet, taps: list[Tap], refresher: Refresher | None) -> None:
        self._forks = forks.count
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
        if refresher is None or forks.count != self._forks:
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
    registry: Registry | None = None,
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
