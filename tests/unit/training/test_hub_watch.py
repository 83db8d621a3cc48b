from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from sanctum_exporter.training.hub_watch import HubWatch

STANDIN = Path(__file__).parents[2] / "standin"


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
