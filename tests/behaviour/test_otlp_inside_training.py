"""The push from inside a training process: the hook and ``run``."""

from __future__ import annotations

import logging
import signal
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sanctum_exporter import PushOptions, SanctumExporter
from tests import collectors, events
from tests.collectors import HttpCollector
from tests.live import live_event
from tests.programs import program
from tests.waiting import DEADLINE_SECONDS, eventually

GROUP = frozenset({("group_id", "default")})


def test_run_pushes_the_last_values_of_a_training() -> None:
    """A training that is started by ``run`` needs no port to be seen, and its end arrives."""
    with HttpCollector() as collector:
        push = ("--no-web", "--otlp.endpoint", collector.url)
        arguments = ("-m", "sanctum_exporter", "run", *push, "-m", "esper.scripts.train", "ppo")
        with program(*arguments) as running:
            ended = running.end()
        values = collectors.values(collector.inbox.last)
    assert ended.status == 0
    assert ended.err == f"run esper.scripts.train: pushing to {collector.url}/v1/metrics\n"
    assert values["sanctum.total_slots", GROUP] == 6


def test_exporter_pushes_without_a_port() -> None:
    """The placeholder of a hub without a run is pushed as it would be scraped."""
    with HttpCollector() as collector:
        exporter = SanctumExporter(None, otlp_endpoint=collector.url, strict=True)
        assert exporter.start()
        assert exporter.url is None
        exporter.close()
        assert collectors.values(collector.inbox.last)["sanctum.total_slots", GROUP] == 0


def test_exporter_pushes_as_its_options_say() -> None:
    """A program that knows better than the environment gives options instead of an endpoint."""
    with HttpCollector() as collector:
        options = PushOptions(f"{collector.url}/custom/path", timeout_seconds=5)
        exporter = SanctumExporter(None, otlp_endpoint=options, strict=True)
        assert exporter.start()
        exporter.close()
        request, headers = collector.inbox.wait(1)[0]
    assert headers[":path"] == "/custom/path"
    assert collectors.values(request)["sanctum.total_slots", GROUP] == 0


def test_disabled_sdk_leaves_only_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_SDK_DISABLED is the operator's word, stronger than the options of a program."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with HttpCollector() as collector:
        options = PushOptions(f"{collector.url}/v1/metrics")
        exporter = SanctumExporter("127.0.0.1:0", otlp_endpoint=options, strict=True)
        assert exporter.start()
        exporter.close()
        assert collector.inbox.wait(0) == []


def test_the_environment_turns_the_push_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that knows nothing of OTLP pushes where the operator says."""
    with HttpCollector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        exporter = SanctumExporter("127.0.0.1:0", strict=True)
        assert exporter.start()
        collector.inbox.wait(1)
        assert exporter.url is not None
        exporter.close()


def test_settings_that_cannot_be_used_leave_the_port_open(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong variable is one line in the log: the values are still served, training goes on."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense")
    exporter = SanctumExporter("127.0.0.1:0")
    assert exporter.start()
    assert exporter.url is not None
    exporter.close()
    (record,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert "pushes nothing by OTLP, training goes on: OTEL_EXPORTER_OTLP_ENDPOINT='nonsense'" in (
        record.getMessage()
    )


def test_a_port_in_use_leaves_the_push(caplog: pytest.LogCaptureFixture) -> None:
    """One way out that fails does not close the other."""
    with HttpCollector() as collector, socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        exporter = SanctumExporter(address, otlp_endpoint=collector.url)
        assert exporter.start()
        assert exporter.url is None
        exporter.close()
        assert collectors.values(collector.inbox.last)["sanctum.total_slots", GROUP] == 0
    (message,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert message.startswith("sanctum-exporter serves nothing, training goes on: cannot listen")


def test_no_way_out_at_all_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """An exporter without address, registry and endpoint says that it cannot be meant so."""
    assert SanctumExporter(None).start() is False
    assert caplog.messages == [
        "sanctum-exporter has no way out: give listen_address, registry or otlp_endpoint"
    ]


def test_strict_exporter_raises_what_cannot_be_pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who wants to know is told at the start."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense")
    with pytest.raises(ValueError, match="is not an OTLP endpoint"):
        SanctumExporter("127.0.0.1:0", strict=True).start()


def test_a_training_that_is_interrupted_was_ended_on_purpose(tmp_path: Path) -> None:
    """The last push says that no run is under way any more: Ctrl-C pages nobody."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from esper.nissa import get_hub\n"
        "from esper.scripts.train import TelemetryEventType, event\n"
        "hub = get_hub()\n"
        "hub.emit(event(TelemetryEventType.TRAINING_STARTED, n_envs=2, slot_ids=['r0c0']))\n"
        "hub.flush()\n"
        "print('trains', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with HttpCollector() as collector:
        push = ("--no-web", "--otlp.endpoint", collector.url, "--otlp.interval", "50ms")
        with program("-m", "sanctum_exporter", "run", *push, str(script)) as running:
            assert running.say() == "trains"
            eventually(lambda: under_way(collector) == 1)
            running.process.send_signal(signal.SIGINT)
            assert running.process.wait(DEADLINE_SECONDS) == -signal.SIGINT
        assert under_way(collector) == 0


@pytest.mark.parametrize(
    ("error", "left"),
    [(None, 0), (KeyboardInterrupt(), 0), (SystemExit(0), 0), (RuntimeError("out of memory"), 1)],
    ids=["none", "an interrupt", "an exit", "an error"],
)
def test_the_hook_is_closed_on_purpose_unless_an_error_closes_it(
    error: BaseException | None, left: int
) -> None:
    """A program closes its hub in whatever way it ends; what ends it decides who is told."""
    with HttpCollector() as collector:
        exporter = SanctumExporter(None, otlp_endpoint=collector.url, strict=True)
        exporter.start()
        now = datetime.now(UTC).isoformat()
        data = {"n_envs": 2, "slot_ids": ["r0c0"]}
        exporter.emit(live_event(events.line("TRAINING_STARTED", data, timestamp=now)))

        def train() -> None:
            try:
                if error is not None:
                    raise error
            finally:
                exporter.close()

        with suppress(BaseException):
            train()
        assert under_way(collector) == left


def under_way(collector: HttpCollector) -> float:
    """Return how many runs are under way by the newest push."""
    values = collectors.values(collector.inbox.last)
    return values["sanctum.exporter.runs_under_way", frozenset()]
