"""Where and how to push: options before the environment, and the standard environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sanctum_exporter.sinks.otlp import OtlpProtocol, PushOptions, resolve


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_METRICS_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_METRICS_EXPORTER": "prometheus"},
        {"OTEL_EXPORTER_OTLP_HEADERS": "a=b", "OTEL_SERVICE_NAME": "x"},
    ],
)
def test_nothing_is_pushed_unless_asked_for(environ: dict[str, str]) -> None:
    """Only an endpoint, or otlp as the exporter of metrics, turns the push on."""
    assert resolve(environ=environ) is None


def test_disabled_sdk_forbids_even_a_given_endpoint() -> None:
    """OTEL_SDK_DISABLED turns the push off, whatever else asks for it."""
    assert resolve("http://c:4318", environ={"OTEL_SDK_DISABLED": "TRUE"}) is None


@pytest.mark.parametrize(
    ("endpoint", "environ", "expected"),
    [
        ("http://c:4318", {}, "http://c:4318/v1/metrics"),
        ("http://c:4318/", {}, "http://c:4318/v1/metrics"),
        ("http://vm:8428/opentelemetry", {}, "http://vm:8428/opentelemetry/v1/metrics"),
        ("https://c/v1/metrics", {}, "https://c/v1/metrics"),
        (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1/base"}, "http://c:1/base/v1/metrics"),
        (None, {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:1/in"}, "http://c:1/in"),
        (
            None,
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://traces:1",
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://metrics:1/in",
            },
            "http://metrics:1/in",
        ),
        (
            "http://given:1",
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1"},
            "http://given:1/v1/metrics",
        ),
        (None, {"OTEL_METRICS_EXPORTER": "console, otlp"}, "http://localhost:4318/v1/metrics"),
    ],
)
def test_http_endpoint(endpoint: str | None, environ: dict[str, str], expected: str) -> None:
    """A base URL gets the path of metrics; the variable for metrics is taken as it is."""
    assert resolve(endpoint, environ=environ) == PushOptions(expected)


@pytest.mark.parametrize(
    ("endpoint", "environ", "expected"),
    [
        ("http://c:4317", {}, "http://c:4317"),
        ("c:4317", {}, "c:4317"),
        (None, {"OTEL_METRICS_EXPORTER": "otlp"}, "http://localhost:4317"),
    ],
)
def test_grpc_endpoint(endpoint: str | None, environ: dict[str, str], expected: str) -> None:
    """A gRPC endpoint has no path."""
    assert resolve(endpoint, "grpc", environ=environ) == PushOptions(expected, "grpc")


def test_the_variable_for_metrics_comes_first() -> None:
    """Of protocol and timeout too, what is said for metrics counts before what is said for all."""
    options = resolve(
        "http://c:1",
        environ={
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
            "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "4",
        },
    )
    assert options == PushOptions("http://c:1", "grpc", timeout_seconds=4)


@pytest.mark.parametrize(
    ("interval", "environ", "seconds"),
    [
        (None, {}, 60),
        (None, {"OTEL_METRIC_EXPORT_INTERVAL": "15000"}, 15),
        (5.0, {"OTEL_METRIC_EXPORT_INTERVAL": "15000"}, 5),
    ],
)
def test_interval(interval: float | None, environ: dict[str, str], seconds: float) -> None:
    """The interval is given, or OTEL_METRIC_EXPORT_INTERVAL in milliseconds, or a minute."""
    options = resolve("http://c:1", interval_seconds=interval, environ=environ)
    assert options is not None
    assert options.interval_seconds == seconds


def test_an_interval_of_zero_is_no_default() -> None:
    """What is given is never taken for what is not."""
    with pytest.raises(ValueError, match="interval_seconds=0 is not a time to wait"):
        resolve("http://c:1", interval_seconds=0, environ={})


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, 10),
        ({"OTEL_METRIC_EXPORT_TIMEOUT": "2500"}, 2.5),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "1000"}, 1),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10000"}, 30),
    ],
)
def test_a_push_takes_no_longer_than_any_limit(environ: dict[str, str], seconds: float) -> None:
    """The shortest of the exporter's timeout, the reader's timeout and the interval counts."""
    options = resolve("http://c:1", environ=environ)
    assert options is not None
    assert options.timeout_seconds == seconds


@pytest.mark.parametrize(
    ("endpoint", "environ", "message"),
    [
        ("collector", {}, "'collector' is not an OTLP endpoint: write http://host:port"),
        ("ftp://c:1", {}, "'ftp://c:1' is not an OTLP endpoint"),
        ("http://[::1", {}, "'http://[::1' is not an OTLP endpoint"),
        ("", {}, "'' is not an OTLP endpoint"),
        (
            None,
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4318"},
            "OTEL_EXPORTER_OTLP_ENDPOINT='c:4318' is not an OTLP endpoint",
        ),
        (
            "http://c:1",
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
            "OTEL_EXPORTER_OTLP_PROTOCOL='http/json' is not supported: use http/protobuf or grpc",
        ),
        (
            "http://c:1",
            {"OTEL_METRIC_EXPORT_INTERVAL": "1m"},
            "OTEL_METRIC_EXPORT_INTERVAL='1m' is not a positive number of milliseconds",
        ),
        (
            "http://c:1",
            {"OTEL_EXPORTER_OTLP_TIMEOUT": "0"},
            "OTEL_EXPORTER_OTLP_TIMEOUT='0' is not a positive number of seconds",
        ),
        (
            "https://c:1",
            {"OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/such/ca.pem"},
            "OTEL_EXPORTER_OTLP_CERTIFICATE='/no/such/ca.pem' cannot be read: No such file",
        ),
    ],
)
def test_what_cannot_be_used_is_named(
    endpoint: str | None, environ: dict[str, str], message: str
) -> None:
    """An error names the variable and its value, and says what would do."""
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is what is tested
        resolve(endpoint, environ=environ)
    assert message in str(raised.value)


def test_a_readable_certificate_is_no_error(tmp_path: Path) -> None:
    """What is in the file is the exporter's concern."""
    file = tmp_path / "ca.pem"
    file.touch()
    assert resolve("https://c:1", environ={"OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE": str(file)})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"endpoint": "c:4318"}, "is not an OTLP endpoint: write http://host:port/v1/metrics or"),
        ({"endpoint": "http://:4318"}, "endpoint='http://:4318' is not an OTLP endpoint"),
        ({"endpoint": "http://c:port"}, "endpoint='http://c:port' is not an OTLP endpoint"),
        ({"endpoint": "http://c:70000"}, "endpoint='http://c:70000' is not an OTLP endpoint"),
        ({"endpoint": None}, "endpoint=None is not an OTLP endpoint"),
        ({"endpoint": "c", "protocol": "grpc"}, "endpoint='c' is not an OTLP endpoint"),
        ({"protocol": "http"}, "protocol='http' is not supported: use http/protobuf or grpc"),
        ({"interval_seconds": 0}, "interval_seconds=0 is not a time to wait: give a number of sec"),
        ({"interval_seconds": -1.5}, "interval_seconds=-1.5 is not a time to wait"),
        ({"interval_seconds": float("nan")}, "interval_seconds=nan is not a time to wait"),
        ({"interval_seconds": float("inf")}, "interval_seconds=inf is not a time to wait"),
        ({"interval_seconds": 1e12}, "interval_seconds=1000000000000.0 is not a time to wait"),
        ({"interval_seconds": "60"}, "interval_seconds='60' is not a time to wait"),
        ({"timeout_seconds": 0}, "timeout_seconds=0 is not a time to wait"),
        ({"timeout_seconds": None}, "timeout_seconds=None is not a time to wait"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, Any], message: str) -> None:
    """The Python API says at once which field is wrong, before anything is started."""
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is what is tested
        PushOptions(**{"endpoint": "http://c:4318/v1/metrics", **options})
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("endpoint", "protocol"),
    [
        ("http://c/v1/metrics", "http/protobuf"),
        ("https://[::1]:4318/in", "http/protobuf"),
        ("https://c:4317", "grpc"),
        ("c:4317", "grpc"),
        ("[::1]:4317", "grpc"),
    ],
)
def test_options_are_taken_as_they_are(endpoint: str, protocol: OtlpProtocol) -> None:
    """What is given in Python is complete: the environment neither adds nor changes anything."""
    options = PushOptions(endpoint, protocol)
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense", "OTEL_METRIC_EXPORT_INTERVAL": "1"}
    assert resolve(options, environ=environ) is options
    assert (options.endpoint, options.interval_seconds, options.timeout_seconds) == (
        endpoint,
        60,
        10,
    )


def test_disabled_sdk_forbids_even_complete_options() -> None:
    """The operator's OTEL_SDK_DISABLED is stronger than what a program says."""
    options = PushOptions("http://c:4318/v1/metrics")
    assert resolve(options, environ={"OTEL_SDK_DISABLED": "true"}) is None
