from __future__ import annotations

from threading import Event
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sanctum_exporter import SanctumExporter
from sanctum_exporter.training.exporter import LastingExporter
from tests import events
from tests.live import address, live_event, our_threads
from tests.programs import scrape
from tests.waiting import eventually


def test_what_the_hub_dropped_is_published() -> None:
    """The hub's own drops and those of our queue are counted, not those of other backends."""

    class Hub:
        def get_health_snapshot(self) -> dict[str, Any]:
            stats = {
                "SanctumExporter": {"dropped_events": 3},
                "FileOutput": {"dropped_events": 400},
            }
            return {"hub_dropped_events": 20, "backend_stats": stats}

    registry = CollectorRegistry()
    exporter = SanctumExporter(registry=registry, hub=Hub())
    exporter.start()
    assert b"sanctum_exporter_events_dropped_total 23.0" in generate_latest(registry)
    exporter.close()


def test_an_exporter_that_outlives_its_hub_is_known_to_it(hub_module: Any) -> None:
    """The hub closes it and it goes on, with what the hub has told of it, until its own end."""

    class Hub(hub_module().NissaHub):  # type: ignore[misc]  # of the stand-in
        def get_health_snapshot(self) -> dict[str, Any]:
            health: dict[str, Any] = super().get_health_snapshot()
            for stats in health["backend_stats"].values():
                stats["dropped_events"] += 5
            return health

    hub = Hub()
    exporter = LastingExporter("run train.py", "127.0.0.1:0", hub=hub)
    hub.add_backend(exporter)
    hub.close()
    text = scrape(address(exporter))[1]
    assert "sanctum_exporter_events_dropped_total 5.0" in text
    said: list[str] = []
    exporter.end(0.0, said.append, on_purpose=False)
    assert (exporter.url, our_threads(), said) == (None, [], [])


def test_a_hub_that_cannot_tell_fails_no_scrape(caplog: pytest.LogCaptureFixture) -> None:
    """Where the hub's health cannot be read, the count stays, and the log says so once."""

    class Hub:
        def get_health_snapshot(self) -> dict[str, Any]:
            raise RuntimeError("closed")

    registry = CollectorRegistry()
    exporter = SanctumExporter(registry=registry, hub=Hub())
    exporter.start()
    for _ in range(3):
        assert b"sanctum_exporter_events_dropped_total 0.0" in generate_latest(registry)
    assert len(caplog.records) == 1
    exporter.close()


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
