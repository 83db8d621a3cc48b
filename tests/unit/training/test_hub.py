from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sanctum_exporter import SanctumExporter
from sanctum_exporter.training.hub_watch import HubWatch
from tests import events
from tests.live import live_event
from tests.waiting import eventually

STANDIN = Path(__file__).parents[2] / "standin"


@pytest.fixture
def hub_module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give what imports the stand-in's hub module anew."""
    monkeypatch.syspath_prepend(str(STANDIN))

    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "esper"]:
            del sys.modules[name]

    forget()
    yield lambda: importlib.import_module("esper.nissa.output")
    forget()


def test_the_first_hub_is_announced_once(hub_module: Any) -> None:
    """The hub that is made first is announced, whole; later ones are not; all is as it was."""
    hubs: list[Any] = []
    meta_path = list(sys.meta_path)
    watch = HubWatch(hubs.append)
    watch.install()
    module = hub_module()
    first = module.NissaHub()
    second = module.NissaHub()
    watch.remove()
    assert watch.found
    assert hubs == [first]
    assert first.get_health_snapshot()["dropped_events"] == 0
    assert module.NissaHub.__init__.__qualname__ == "NissaHub.__init__"
    assert not hasattr(module.NissaHub.__init__, "__wrapped__")
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert sys.meta_path == meta_path
    first.close()
    second.close()


def test_a_module_that_is_there_already_is_watched(hub_module: Any) -> None:
    """Where the hub's module was imported before, its first hub from then on is announced."""
    module = hub_module()
    hubs: list[Any] = []
    watch = HubWatch(hubs.append)
    watch.install()
    hub = module.get_hub()
    assert hubs == [hub]
    hub.close()


def test_without_a_hub_nothing_is_left(hub_module: Any) -> None:
    """A watch that is removed before any hub was made leaves the class as it was."""
    module = hub_module()
    construct = module.NissaHub.__init__
    watch = HubWatch(lambda _: None)
    watch.install()
    assert module.NissaHub.__init__ is not construct
    watch.remove()
    assert (module.NissaHub.__init__, watch.found) == (construct, False)


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


def test_a_failure_of_ours_does_not_break_the_hub(
    hub_module: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What goes wrong with the exporter is logged, and the hub is made."""

    def fail(_: Any) -> None:
        raise RuntimeError("no")

    watch = HubWatch(fail)
    watch.install()
    module = hub_module()
    hub = module.NissaHub()
    watch.remove()
    assert "nothing will be exported" in caplog.text
    hub.close()
