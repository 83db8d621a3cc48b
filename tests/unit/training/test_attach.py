from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from sanctum_exporter import SanctumExporter, attach
from tests.live import address, our_threads
from tests.programs import scrape
from tests.waiting import eventually


class Target:
    """Something with snapshots."""

    def __init__(self) -> None:
        self.taken = 0

    def get_snapshot(self) -> object:
        """Take one."""
        self.taken += 1
        return SimpleNamespace(total_slots=12, active_slots=self.taken)


def test_a_snapshot_that_somebody_takes_is_served() -> None:
    """Every snapshot taken is in the next scrape, which takes none itself."""
    target = Target()
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
    assert vars(target) == {"taken": 2}
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


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        (object(), {}, "object has no get_snapshot(), snapshot() or get_all_snapshots()"),
        (Target(), {"refresh_seconds": 0}, "refresh_seconds is 0; give seconds above 0"),
        (Target(), {"refresh_seconds": "5"}, "refresh_seconds is '5'; give seconds above 0"),
        (Target(), {"max_age_seconds": -1}, "max_age_seconds is -1; give seconds above 0"),
    ],
)
def test_what_cannot_be_attached_is_one_clear_error(
    target: Any, options: dict[str, Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A target that does not fit is logged, or raised with strict; nothing stays behind."""
    before = dict(vars(target)) if hasattr(target, "__dict__") else {}
    handle = attach(target, listen_address="127.0.0.1:0", **options)
    assert message in caplog.text
    handle.detach()
    with pytest.raises((TypeError, ValueError), match=r"_seconds|get_snapshot"):
        attach(target, listen_address="127.0.0.1:0", strict=True, **options)
    assert our_threads() == []
    assert (dict(vars(target)) if before else {}) == before


def test_an_attachment_without_a_port_takes_no_snapshots(exporter: SanctumExporter) -> None:
    """Where nothing can be published, the refresh does not burden the aggregator."""
    target = Target()
    handle = attach(target, listen_address=address(exporter), refresh_seconds=0.001)
    assert (handle.url, our_threads(), target.taken) == (None, ["sanctum-exporter-web"], 0)
    handle.detach()


def test_a_refresh_that_fails_makes_it_not_ready_at_once() -> None:
    """When the aggregator dies, /-/ready says why, long before its last snapshot is old."""
    dead = threading.Event()

    class Dying(Target):
        def get_snapshot(self) -> object:
            if dead.is_set():
                raise RuntimeError("fatal telemetry error")
            return super().get_snapshot()

    with attach(
        Dying(),
        listen_address="127.0.0.1:0",
        refresh_seconds=0.01,
        max_age_seconds=100_000,
        strict=True,
    ) as handle:
        eventually(lambda: scrape(address(handle), "/-/ready")[0] == 200)
        dead.set()
        eventually(lambda: scrape(address(handle), "/-/ready")[0] == 503)
        reason = scrape(address(handle), "/-/ready")[1]
    assert "no snapshot can be taken: RuntimeError: fatal telemetry error" in reason
