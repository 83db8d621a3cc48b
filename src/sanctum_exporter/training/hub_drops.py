"""How many events esper-lite's hub dropped before they came to its backends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sanctum_exporter import logs


class Hub(Protocol):
    """What is needed of esper-lite's ``NissaHub`` to tell how much it dropped."""

    def get_health_snapshot(self) -> Mapping[str, Any]:
        """Return the hub's own counts of dropped events, and those of each backend."""
        ...


class HubDrops:
    """Reads how many events a hub dropped before one of its backends; never raises.

    Args:
        hub: the hub.
        backend: the name that the hub knows the backend by, which is that of its class.
    """

    def __init__(self, hub: Hub, backend: str) -> None:
        self._hub = hub
        self._backend = backend
        self._dropped = 0
        self._failed = False

    def count(self) -> int:
        """Return the count; the last one known where the hub cannot tell."""
        try:
            health = self._hub.get_health_snapshot()
            own = health["backend_stats"].get(self._backend, {})
            self._dropped = int(health["hub_dropped_events"]) + int(own.get("dropped_events", 0))
        except Exception:  # noqa: BLE001 - the hub is not ours, and a scrape must not fail with it
            if not self._failed:
                self._failed = True
                logs.warning(
                    "the hub does not tell how many events it dropped, so "
                    "sanctum_exporter_events_dropped_total stays at %s; is hub=%s a NissaHub?",
                    self._dropped,
                    type(self._hub).__name__,
                    exc_info=True,
                )
        return self._dropped
