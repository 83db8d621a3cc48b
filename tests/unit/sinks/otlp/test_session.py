"""Which answers of a collector count as a delivery."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
import requests
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from sanctum_exporter.sinks.otlp.session import JudgingSession
from tests import collectors
from tests.collectors import HttpCollector

PROTOBUF = "application/x-protobuf"
REQUEST = ExportMetricsServiceRequest().SerializeToString()
PARTIAL = ExportMetricsServiceResponse(
    partial_success=ExportMetricsPartialSuccess(rejected_data_points=3, error_message="too many")
).SerializeToString()


@pytest.fixture
def collector() -> Iterator[HttpCollector]:
    """A collector whose answer each test chooses."""
    with HttpCollector() as started:
        yield started


@pytest.fixture
def session() -> Iterator[JudgingSession]:
    """A session as the exporter uses it."""
    with JudgingSession(answer_timeout_seconds=5) as made:
        yield made


@pytest.mark.parametrize(
    "respond",
    [
        collectors.accept,
        collectors.answer(204),
        collectors.answer(200, b'{"partialSuccess":{}}', Content_Type="application/json"),
    ],
    ids=["protobuf", "empty", "JSON"],
)
def test_an_answer_of_a_collector_is_a_delivery(
    respond: collectors.Answer, collector: HttpCollector, session: JudgingSession
) -> None:
    """Empty answers and OTLP's in either encoding."""
    collector.respond = respond
    assert session.post(f"{collector.url}/v1/metrics", data=REQUEST).ok
    assert session.reason == ""


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        (
            collectors.answer(200, PARTIAL, Content_Type=PROTOBUF),
            "3 values rejected: too many",
        ),
        (collectors.answer(200, b"<html>", Content_Type="text/html"), "(text/html) is not OTLP's"),
        (collectors.answer(200, b"\xff", Content_Type=PROTOBUF), "is not OTLP's"),
        (collectors.answer(301, Location="/elsewhere"), "301 Moved Permanently to /elsewhere"),
        (collectors.answer_without_end, "too long"),
    ],
    ids=["partial", "page", "broken", "redirect", "endless"],
)
def test_other_answers_are_failures(
    respond: collectors.Answer, reason: str, collector: HttpCollector, session: JudgingSession
) -> None:
    """What the exporter would take for success is an exception, and its reason is kept."""
    collector.respond = respond
    with pytest.raises(requests.RequestException):
        session.post(f"{collector.url}/v1/metrics", data=REQUEST)
    assert reason in session.reason


def test_an_answer_that_does_not_end_in_time_is_a_failure(collector: HttpCollector) -> None:
    """Each byte may come in time, and the whole still not."""
    moments = iter(range(0, 1000, 4))
    with JudgingSession(5, clock=lambda: float(next(moments))) as session:
        collector.respond = collectors.answer(200, b"{}" * 10, Content_Type="application/json")
        with pytest.raises(requests.RequestException, match="did not end in time"):
            session.post(f"{collector.url}/v1/metrics", data=REQUEST)


def test_an_http_error_keeps_status_and_text(
    collector: HttpCollector, session: JudgingSession
) -> None:
    """The exporter gets the answer whole, and the log its first words."""
    collector.respond = collectors.answer(403, b"no such tenant\n")
    answer = session.post(f"{collector.url}/v1/metrics", data=REQUEST)
    assert (answer.status_code, answer.text) == (403, "no such tenant\n")
    assert session.reason == "403 Forbidden: no such tenant"


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("1e9", 3600), ("soon", 0), ("nan", 0)])
def test_retry_after_in_seconds(
    header: str, seconds: float, collector: HttpCollector, session: JudgingSession
) -> None:
    """Never more than an hour, and nothing if it is no number."""
    collector.respond = collectors.answer(503, Retry_After=header)
    session.post(f"{collector.url}/v1/metrics", data=REQUEST)
    assert session.retry_after_seconds == seconds


@pytest.mark.parametrize(("ahead", "least", "most"), [(600, 500, 600), (-600, 0, 0)])
def test_retry_after_as_a_date(
    ahead: float, least: float, most: float, collector: HttpCollector, session: JudgingSession
) -> None:
    """The time from now until then; it is forgotten with the next answer."""
    header = formatdate(time.time() + ahead, usegmt=True)
    collector.respond = collectors.answer(503, Retry_After=header)
    session.post(f"{collector.url}/v1/metrics", data=REQUEST)
    assert least <= session.retry_after_seconds <= most
    collector.respond = collectors.accept
    session.post(f"{collector.url}/v1/metrics", data=REQUEST)
    assert session.retry_after_seconds == 0


def test_connections_are_used_again(collector: HttpCollector, session: JudgingSession) -> None:
    """An answer that was read to its end leaves the connection open for the next push."""
    for _ in range(3):
        session.post(f"{collector.url}/v1/metrics", data=REQUEST)
    assert collector.connections == 1


def test_the_root_of_a_failure_is_told(session: JudgingSession) -> None:
    """The log names the root of a failure and not the layers around it."""
    with pytest.raises(requests.RequestException):
        session.post(f"{collectors.refusing_url()}/v1/metrics", data=REQUEST)
    assert session.reason == "[Errno 111] Connection refused"
