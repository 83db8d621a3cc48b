from __future__ import annotations

import json
import re
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sanctum_exporter import SanctumExporter, attach
from sanctum_exporter.training import attach as attach_module
from sanctum_exporter.training.outlet import Outlet
from tests.aggregators import Aggregator
from tests.live import address, our_threads
from tests.programs import scrape, scrape_until
from tests.waiting import eventually


def test_a_snapshot_that_somebody_takes_is_served() -> None:
    """Every snapshot taken is in the next scrape, which takes none itself."""
    target = Aggregator(12)
    with attach(target, listen_address="127.0.0.1:0", strict=True) as handle:
        assert scrape(address(handle), "/-/ready")[0] == 503
        target.get_snapshot()
        target.get_snapshot()
        text = scrape(address(handle))[1]
        assert 'sanctum_total_slots{group_id="default"} 12.0' in text
        assert 'sanctum_active_slots{group_id="default"} 2.0' in text
        assert scrape(address(handle), "/-/ready")[0] == 200
        assert scrape(address(handle), "/")[0] == 200
        assert target.taken == 2
    assert vars(target) == {"slots": 12, "taken": 2}
    assert our_threads() == []


def test_detach_is_idempotent_and_bounded() -> None:
    """Detaching twice is detaching once, however long a snapshot takes."""
    entered, leave = threading.Event(), threading.Event()

    class Slow:
        def snapshot(self) -> object:
            entered.set()
            leave.wait(20)
            return None

    handle = attach(Slow(), listen_address="127.0.0.1:0", refresh_seconds=60)
    assert entered.wait(20)
    began = time.monotonic()
    handle.detach()
    handle.detach()
    assert time.monotonic() - began < 2.0
    leave.set()
    eventually(lambda: not our_threads())


NO_SECONDS: tuple[Any, ...] = (0, -1.5, float("nan"), "5s", True, [])


@pytest.mark.parametrize(
    ("target", "options", "error", "message"),
    [
        (
            object(),
            {},
            TypeError,
            "object has no get_snapshot(), snapshot() or get_all_snapshots()",
        ),
        *(
            (Aggregator(), {name: value}, ValueError, f"{name} is {value!r}; give seconds above 0")
            for name in ("refresh_seconds", "max_age_seconds")
            for value in NO_SECONDS
        ),
    ],
)
def test_what_cannot_be_attached_is_one_clear_error(
    target: Any,
    options: dict[str, Any],
    error: type[Exception],
    message: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A target or a time that does not fit is logged, or raised with strict; nothing is changed."""
    before = dict(getattr(target, "__dict__", {}))
    handle = attach(target, listen_address="127.0.0.1:0", **options)
    (logged,) = caplog.messages
    assert logged.startswith(f"sanctum-exporter is not attached, training goes on: {message}")
    assert handle.url is None
    handle.detach()
    with pytest.raises(error, match=re.escape(message)):
        attach(target, listen_address="127.0.0.1:0", strict=True, **options)
    assert our_threads() == []
    assert dict(getattr(target, "__dict__", {})) == before


def test_what_cannot_be_served_is_raised_by_a_strict_attachment() -> None:
    """Address and path are checked as the exporter's are, and the target stays as it was."""
    target = Aggregator()
    with pytest.raises(ValueError, match="is not a listen address"):
        attach(target, listen_address="nowhere", strict=True)
    for path in ("metrics", "/metrics/../x"):
        with pytest.raises(ValueError, match="is not a telemetry path"):
            attach(target, telemetry_path=path, strict=True)
    assert vars(target) == {"slots": 6, "taken": 0}


def test_a_port_in_use_leaves_nothing_of_a_strict_attachment(exporter: SanctumExporter) -> None:
    """What cannot be served is raised, and the target is as it was."""
    target = Aggregator()
    with pytest.raises(OSError, match="cannot listen on"):
        attach(target, listen_address=address(exporter), strict=True)
    assert vars(target) == {"slots": 6, "taken": 0}


def test_a_refresh_that_fails_makes_not_ready_at_once() -> None:
    """An aggregator that dies is not ready the moment a refresh finds out, nor a minute later."""

    class Mortal(Aggregator):
        dead = False

        def get_snapshot(self, factor: int = 1) -> SimpleNamespace:
            if self.dead:
                raise RuntimeError("fatal telemetry error")
            return super().get_snapshot(factor)

    target = Mortal()
    with attach(target, listen_address="127.0.0.1:0", refresh_seconds=0.01) as handle:
        eventually(lambda: scrape(address(handle), "/-/ready")[0] == 200)
        target.dead = True
        eventually(lambda: scrape(address(handle), "/-/ready")[0] == 503)
        assert scrape(address(handle), "/-/ready")[1] == (
            "not ready: no snapshot can be taken: RuntimeError: fatal telemetry error\n"
        )
        target.dead = False
        eventually(lambda: scrape(address(handle), "/-/ready")[0] == 200)


def test_an_attachment_without_a_port_takes_no_snapshots(
    exporter: SanctumExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing can be published, the refresh does not burden the aggregator; then it does."""
    monkeypatch.setattr(attach_module, "Outlet", partial(Outlet, retry_seconds=0.01))
    target, where = Aggregator(12), address(exporter)
    handle = attach(target, listen_address=where, refresh_seconds=0.001)
    assert (handle.url, target.taken) == (None, 0)
    assert sorted(our_threads()) == [
        f"sanctum-exporter-{each}" for each in ("history", "refresh", "retry", "web")
    ]
    exporter.close()
    scrape_until(where, 'sanctum_total_slots{group_id="default"} 12.0')
    handle.detach()
    assert (handle.url, our_threads()) == (None, [])


def test_an_attachment_is_announced_while_it_serves(tmp_path: Path) -> None:
    """The file for Prometheus names what is attached, until it is detached."""
    path = tmp_path / "trainer.json"
    with attach(Aggregator(6), listen_address="127.0.0.1:0", sd_file=path) as handle:
        (group,) = json.loads(path.read_bytes())
        assert group["targets"] == [address(handle)]
        assert group["labels"]["program"] == "attached Aggregator"
    assert not path.exists()
