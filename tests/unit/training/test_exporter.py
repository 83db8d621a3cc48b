from __future__ import annotations

import inspect
import logging
import math
import pickle
import re
import socket
import time
import urllib.request
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

import sanctum_exporter
from sanctum_exporter import SanctumExporter, attach
from tests import events
from tests.live import address, live_event, our_threads
from tests.programs import scrape, serves_nothing
from tests.recordings import ROOT
from tests.scraping import scraping
from tests.waiting import eventually


def test_the_public_names_are_the_intended_ones() -> None:
    """The package offers these names, and no other."""
    assert dir(sanctum_exporter) == [
        "Attachment",
        "PushOptions",
        "SanctumExporter",
        "__version__",
        "attach",
    ]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sanctum_exporter.nothing  # type: ignore[attr-defined]


def test_live_events_are_served(exporter: SanctumExporter) -> None:
    """What the hub hands over is in the next scrape."""
    exporter.emit(live_event(events.started(n_envs=2, slot_ids=("r0c0", "r0c1"))))
    exporter.emit(live_event(events.germinated()))
    text = scrape(address(exporter))[1]
    assert 'sanctum_total_slots{group_id="default"} 4.0' in text
    assert 'sanctum_slots{group_id="default",stage="GERMINATED"} 1.0' in text


def test_a_placeholder_is_served_before_any_group(exporter: SanctumExporter) -> None:
    """While no group is configured, "default" has the documented defaults; then it goes."""
    assert 'sanctum_total_slots{group_id="default"} 0.0' in scrape(address(exporter))[1]
    exporter.emit(live_event(events.started(group_id="A")))
    text = scrape(address(exporter))[1]
    assert 'sanctum_total_slots{group_id="A"} 4.0' in text
    assert 'group_id="default"' not in text


def test_attached_late_it_learns_from_seed_events(exporter: SanctumExporter) -> None:
    """Without a TRAINING_STARTED, slots and envs are learned from the events of seeds (R7)."""
    exporter.emit(live_event(events.germinated(env_id=3, slot_id="r1c0")))
    exporter.emit(
        live_event(events.epoch_completed({"r0c0": {"stage": "X", "epochs_in_stage": 1}}))
    )
    text = scrape(address(exporter))[1]
    assert 'sanctum_total_slots{group_id="default"} 4.0' in text
    assert 'sanctum_envs{group_id="default"} 2.0' in text


def test_num_envs_are_there_before_training_starts() -> None:
    """The option num_envs gives envs before TRAINING_STARTED, as the original's 16."""
    registry = CollectorRegistry()
    exporter = SanctumExporter(registry=registry, num_envs=16)
    exporter.start()
    assert b'sanctum_envs{group_id="default"} 16.0' in generate_latest(registry)
    exporter.emit(live_event(events.line("ANALYTICS_SNAPSHOT", {})))
    assert b'sanctum_envs{group_id="default"} 16.0' in generate_latest(registry)
    exporter.emit(live_event(events.germinated()))
    assert b'sanctum_total_slots{group_id="default"} 16.0' in generate_latest(registry)
    exporter.close()


@pytest.mark.parametrize("num_envs", [-1, 2.5, "16", None, True])
def test_num_envs_that_are_no_number_are_one_clear_error(
    num_envs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """They are logged, and the exporter begins with none; a strict one is not made."""
    message = f"num_envs is {num_envs!r}; give a whole number, 0 or more"
    with pytest.raises(ValueError, match=re.escape(message)):
        SanctumExporter(num_envs=num_envs, strict=True)
    assert caplog.messages == []
    registry = CollectorRegistry()
    exporter = SanctumExporter(registry=registry, num_envs=num_envs)
    assert caplog.messages == [f"sanctum-exporter begins without envs, training goes on: {message}"]
    assert exporter.start()
    assert b'sanctum_envs{group_id="default"} 0.0' in generate_latest(registry)
    exporter.close()


class Hostile:
    """An event every attribute of which raises, as does the text of the error."""

    def __getattr__(self, name: str) -> Any:
        raise HostileError


class HostileError(Exception):
    """An error that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    __str__ = __repr__


def test_no_exception_leaves_emit(
    exporter: SanctumExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is emitted, nothing is raised; each reason is logged once and counted."""
    good = live_event(events.germinated())
    bad = [None, 3, object(), Hostile(), SimpleNamespace(**{**vars(good), "data": None})]
    for event in bad * 100:
        exporter.emit(event)
    exporter.emit(live_event(events.started()))
    text = scrape(address(exporter))[1]
    assert 'sanctum_exporter_events_rejected_total{reason="invalid_envelope"} 300.0' in text
    assert 'sanctum_exporter_events_rejected_total{reason="internal_error"} 100.0' in text
    assert 'sanctum_exporter_events_rejected_total{reason="missing_data"} 100.0' in text
    assert 'sanctum_total_slots{group_id="default"} 4.0' in text
    reasons = [record.getMessage().split(": ")[2] for record in caplog.records]
    assert reasons == ["invalid_envelope", "internal_error", "missing_data"]
    assert caplog.messages[0].endswith(
        "; training is not affected; upgrade sanctum-exporter if esper-lite is newer"
    )


def test_a_log_handler_that_raises_is_no_concern_of_the_hub(exporter: SanctumExporter) -> None:
    """An event that cannot even be complained about is dropped."""

    class Broken(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise OSError("disk full")

    broken = Broken()
    logging.getLogger().addHandler(broken)
    try:
        exporter.emit(None)
        exporter.emit(live_event(events.germinated(env_id=-1)))
        SanctumExporter("nowhere").start()
    finally:
        logging.getLogger().removeHandler(broken)


def test_a_port_in_use_is_one_clear_error(
    exporter: SanctumExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the address is taken, one error names it; events are taken in all the same."""
    second = SanctumExporter(address(exporter))
    assert second.start() is False
    assert second.start() is False
    second.emit(live_event(events.started()))
    second.close()
    assert caplog.messages == [serves_nothing(address(exporter))]
    assert second.url is None


def test_a_port_that_is_free_again_is_taken_at_the_next_start(exporter: SanctumExporter) -> None:
    """An exporter that could not listen can be started again, with all that it heard."""
    where = address(exporter)
    second = SanctumExporter(where)
    assert not second.start()
    second.emit(live_event(events.started()))
    exporter.close()
    assert second.start()
    assert 'sanctum_total_slots{group_id="default"} 4.0' in scrape(where)[1]
    second.close()


def test_a_strict_exporter_raises_what_it_cannot_start(exporter: SanctumExporter) -> None:
    """With strict, what comes out only when it starts is raised then."""
    second = SanctumExporter(address(exporter), strict=True)
    with pytest.raises(OSError, match="cannot listen on"):
        second.start()


@pytest.mark.parametrize("seconds", [-1, 20.5, math.nan, math.inf, "5", None, True])
def test_a_wait_that_is_too_long_or_none_is_one_clear_error(
    seconds: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and nothing is waited for; a strict exporter is not made."""
    message = f"final_scrape_wait_seconds is {seconds!r}; give seconds from 0 to 20"
    with pytest.raises(ValueError, match=re.escape(message)):
        SanctumExporter(final_scrape_wait_seconds=seconds, strict=True)
    exporter = SanctumExporter("127.0.0.1:0", final_scrape_wait_seconds=seconds)
    assert caplog.messages == [
        f"sanctum-exporter waits for no last scrape, training goes on: {message}"
    ]
    exporter.close()


def test_close_waits_for_the_last_scrape_if_it_is_asked_to() -> None:
    """Whoever scrapes regularly has the last values before the port is closed."""
    exporter = SanctumExporter("127.0.0.1:0", final_scrape_wait_seconds=20)
    exporter.start()
    url = exporter.url
    assert url is not None
    with scraping(url) as scraper:
        exporter.emit(live_event(events.started()))
        exporter.close()
        eventually(lambda: 'sanctum_total_slots{group_id="default"} 4.0' in scraper.answers[-1])
    assert our_threads() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"listen_address": "nowhere"}, "'nowhere' is not a listen address: give host:port"),
        ({"listen_address": 10500}, "'10500' is not a listen address: give host:port"),
        ({"telemetry_path": "metrics"}, "'metrics' is not a telemetry path: write /metrics"),
        ({"telemetry_path": "/-/ready"}, "'/-/ready' is not a telemetry path, other pages are"),
        ({"telemetry_path": "/"}, "'/' is not a telemetry path, other pages are there"),
        ({"telemetry_path": None}, "'None' is not a telemetry path: write /metrics"),
    ],
)
def test_what_cannot_be_served_is_one_clear_error(
    options: dict[str, Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake in where to serve is logged, and nothing is served; a strict one is not made."""
    with pytest.raises(ValueError, match=re.escape(message)):
        SanctumExporter(**{"listen_address": "127.0.0.1:0", **options}, strict=True)
    exporter = SanctumExporter(**{"listen_address": "127.0.0.1:0", **options})
    assert (exporter.start(), exporter.start(), exporter.url) == (False, False, None)
    exporter.emit(live_event(events.started()))
    exporter.close()
    (logged,) = caplog.messages
    assert logged.startswith(f"sanctum-exporter serves nothing, training goes on: {message}")


def test_a_push_that_cannot_be_is_refused_by_a_strict_exporter() -> None:
    """With strict, an endpoint that is none is refused as soon as it is given."""
    with pytest.raises(ValueError, match="'collector' is not an OTLP endpoint"):
        SanctumExporter(otlp_endpoint="collector", strict=True)


def test_two_exporters_of_a_process_do_not_collide(exporter: SanctumExporter) -> None:
    """Two exporters serve side by side, each its own events."""
    second = SanctumExporter("127.0.0.1:0")
    assert second.start()
    second.emit(live_event(events.started(n_envs=9, slot_ids=("r0c0",))))
    assert 'sanctum_total_slots{group_id="default"} 9.0' in scrape(address(second))[1]
    assert 'sanctum_total_slots{group_id="default"} 0.0' in scrape(address(exporter))[1]
    second.close()
    assert scrape(address(exporter))[0] == 200


def test_two_exporters_of_one_registry_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """The second exporter that joins a registry is refused with what to do; the first stays."""
    registry = CollectorRegistry()
    first, second = SanctumExporter(registry=registry), SanctumExporter(registry=registry)
    assert first.start()
    assert second.start() is False
    assert "give each exporter a registry of its own" in caplog.text
    second.close()
    assert b"sanctum_total_slots" in generate_latest(registry)
    first.close()
    assert b"sanctum_total_slots" not in generate_latest(registry)
    assert second.start()
    second.close()


def test_start_and_close_can_be_called_again(exporter: SanctumExporter) -> None:
    """Starting twice is starting once; closing twice is closing once; it can start anew."""
    url = exporter.url
    assert exporter.start()
    assert exporter.url == url
    exporter.emit(live_event(events.started()))
    exporter.close()
    exporter.close()
    assert (exporter.url, our_threads()) == (None, [])
    assert exporter.start()
    assert 'sanctum_total_slots{group_id="default"} 4.0' in scrape(address(exporter))[1]


def test_close_is_bounded_and_leaves_no_thread(exporter: SanctumExporter) -> None:
    """With clients that say nothing, close takes two seconds at most and ends every thread."""
    host, port = address(exporter).split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(5)]
    assert scrape(address(exporter))[0] == 200
    began = time.monotonic()
    exporter.close()
    assert time.monotonic() - began < 2.0
    assert our_threads() == []
    for client in idle:
        client.close()


def test_a_pickled_exporter_is_inert() -> None:
    """An exporter can go to another process with whatever holds it, and does nothing there."""
    copy = pickle.loads(pickle.dumps(SanctumExporter("127.0.0.1:0")))  # noqa: S301 - our own
    copy.emit(live_event(events.started()))
    assert (copy.start(), copy.url) == (False, None)
    copy.close()


def test_the_page_names_its_source(exporter: SanctumExporter) -> None:
    """The page of a live exporter says that it is live."""
    with urllib.request.urlopen(f"{exporter.url}/") as answer:
        assert "live training" in answer.read().decode()


@pytest.mark.parametrize(("api", "others"), [(SanctumExporter, set()), (attach, {"target"})])
def test_every_argument_is_documented(api: Any, others: set[str]) -> None:
    """docs/hook.md names each argument of the Python API."""
    text = (ROOT / "docs" / "hook.md").read_text("utf-8")
    arguments = set(inspect.signature(api).parameters) - others
    assert {name for name in arguments if f"`{name}`" not in text} == set()
