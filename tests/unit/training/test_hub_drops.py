from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from sanctum_exporter import SanctumExporter
from tests import events
from tests.live import live_event
from tests.waiting import eventually

STANDIN = Path(__file__).parents[2] / "standin"


def test_what_a_full_queue_drops_is_published(hub_module: Any) -> None:
    """Events that the hub drops because our queue is full are counted in the next scrape."""
    entered, leave = Event(), Event()

    class Slow:
        @property
        def event_type(self) -> None:
            entered.set()
            leave.wait(20)

    hub = hub_module().NissaHub(backend_queue_size=1)
    registry = CollectorRegistry()
    hub.add_backend(SanctumExporter(registry=registry, hub=hub))
    hub.emit(Slow())
    assert entered.wait(20)
    for _ in range(4):
        hub.emit(live_event(events.started()))
    eventually(lambda: hub.get_health_snapshot()["dropped_events"] == 3)
    text = generate_latest(registry).decode()
    leave.set()
    hub.close()
    assert "sanctum_exporter_events_dropped_total 3.0" in text
