"""What exporters and log handlers do neither reaches the application nor ends the push."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import grpc
import pytest
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from sanctum_exporter.sinks.otlp import PushOptions, push
from sanctum_exporter.sinks.otlp.delivery import ExporterDelivery
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import collectors

EXPORTER_LOGGER = "opentelemetry.exporter.otlp.proto.http.metric_exporter"
EMPTY = MetricsData(resource_metrics=[])


def test_lines_of_other_users_of_opentelemetry_pass(caplog: pytest.LogCaptureFixture) -> None:
    """While a push of ours fails silently, the application's own exporter is heard."""
    logger = logging.getLogger(EXPORTER_LOGGER)

    def meanwhile(handler: BaseHTTPRequestHandler) -> None:
        other = threading.Thread(target=logger.error, args=("the application's own",))
        other.start()
        other.join()
        collectors.answer(400)(handler)

    with collectors.HttpCollector(meanwhile) as collector:
        delivery = ExporterDelivery(PushOptions(f"{collector.url}/v1/metrics", timeout_seconds=5))
        assert delivery.send(EMPTY) == "400 Bad Request"
    assert [record.getMessage() for record in caplog.records] == ["the application's own"]
    logger.error("afterwards")
    assert caplog.records[-1].getMessage() == "afterwards"


class Busy(dict[str, Any]):
    """The names of all loggers, of which another thread makes a new one at every step."""

    def __iter__(self) -> Iterator[str]:
        for name in super().__iter__():
            logging.getLogger(f"{name}.new")
            yield name

    def items(self) -> Any:
        return ((name, self[name]) for name in self)


def test_loggers_that_come_meanwhile_fail_no_push(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training may make loggers of its own while a push begins."""
    busy = Busy(logging.Logger.manager.loggerDict)
    monkeypatch.setattr(logging.Logger.manager, "loggerDict", busy)
    with collectors.HttpCollector() as collector:
        delivery = ExporterDelivery(PushOptions(f"{collector.url}/v1/metrics"))
        assert delivery.send(EMPTY) is None


def test_a_push_makes_no_loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that only holds the place of a logger still does so after a push."""
    logging.getLogger("grpc.of_this_test.below")
    known = logging.Logger.manager.loggerDict
    monkeypatch.setattr(logging.Logger.manager, "loggerDict", known.copy())
    with collectors.HttpCollector() as collector:
        delivery = ExporterDelivery(PushOptions(f"{collector.url}/v1/metrics"))
        assert delivery.send(EMPTY) is None
    after = logging.Logger.manager.loggerDict
    assert isinstance(after["grpc.of_this_test"], logging.PlaceHolder)


def test_every_failure_has_its_reason() -> None:
    """What OpenTelemetry does not log because it just has is still told apart from nothing."""
    with collectors.GrpcCollector(fail=grpc.StatusCode.PERMISSION_DENIED) as collector:
        delivery = ExporterDelivery(PushOptions(collector.url, "grpc", timeout_seconds=5))
        reasons = [delivery.send(EMPTY) for _ in range(2)]
    assert all("PERMISSION_DENIED" in str(reason) for reason in reasons)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_aborted_delivery_sends_no_more(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    """After the end a push is a failure, not an exception, and not a line in the log."""
    url = collectors.refusing_url()
    options = PushOptions(url, "grpc") if protocol == "grpc" else PushOptions(url)
    delivery = ExporterDelivery(options)
    delivery.abort()
    assert delivery.send(EMPTY) is not None
    assert caplog.records == []


def test_an_exporter_that_raises_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever an exporter does, the pushing thread goes on."""

    def export(*_: object, **__: object) -> MetricExportResult:
        raise RuntimeError("broken exporter")

    delivery = ExporterDelivery(PushOptions(collectors.refusing_url()))
    exporter_type = type(delivery._exporter)  # noqa: SLF001 - there is no other way to break it
    assert issubclass(exporter_type, MetricExporter)
    monkeypatch.setattr(exporter_type, "export", export)
    assert delivery.send(EMPTY) == "RuntimeError: broken exporter"


def test_a_log_handler_that_raises_ends_no_push() -> None:
    """A filter of the application's that cannot bear our line is its own affair."""

    def refuse(_: logging.LogRecord) -> bool:
        raise RuntimeError("no such field")

    answers = iter([collectors.answer(500), collectors.accept])

    def respond(handler: BaseHTTPRequestHandler) -> None:
        next(answers, collectors.accept)(handler)

    logger = logging.getLogger("sanctum_exporter.sinks.otlp.pusher")
    logger.addFilter(refuse)
    try:
        with collectors.HttpCollector(respond) as collector:
            options = PushOptions(f"{collector.url}/v1/metrics", interval_seconds=0.01)
            handle = push(Intake(Groups()), options)
            collector.inbox.wait(4)
            handle.close()
            handle.close()
    finally:
        logger.removeFilter(refuse)
