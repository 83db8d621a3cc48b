"""What is secret of an endpoint goes to the collector, and into no log, page or metric."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler

import pytest

from sanctum_exporter import SanctumExporter
from sanctum_exporter.cli import main
from sanctum_exporter.sinks.otlp import PushOptions, resolve
from sanctum_exporter.sinks.otlp.delivery import ExporterDelivery
from tests import collectors
from tests.collectors import HttpCollector
from tests.processes import exporter

SECRET = "S3CR3Tp4ss"  # noqa: S105 - of the tests only
BASIC = "dXNlcjpTM0NSM1RwNHNz"
"""``user:S3CR3Tp4ss`` as basic auth sends it."""
HEADERS = {"OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={SECRET},authorization=Bearer%20{SECRET}"}
MALFORMED_HEADERS = {"OTEL_EXPORTER_OTLP_HEADERS": f'"{SECRET}",Bearer {SECRET}'}


def tell_back(status: int) -> collectors.Answer:
    """Return a way to answer with all that the request said."""

    def respond(handler: BaseHTTPRequestHandler) -> None:
        said = f"{handler.path} {handler.headers}"
        # Whoever cuts it after 200 characters cuts the secret in two.
        body = f"{'.' * (195 - said.index(SECRET))}{said}".encode()
        location = f"http://127.0.0.1:9{handler.path}" if status < 400 else "/"
        collectors.answer(status, body, Location=location)(handler)

    return respond


@contextmanager
def telling_back(status: int) -> Iterator[str]:
    """Give the address of a collector that answers with all that the request said."""
    with HttpCollector(tell_back(status)) as collector:
        yield f"127.0.0.1:{collector.port}"


def refusing() -> AbstractContextManager[str]:
    """Give an address where nothing listens."""
    return nullcontext(collectors.refusing_url().removeprefix("http://"))


@contextmanager
def garbage() -> Iterator[str]:
    """Give the address of a server that speaks no HTTP."""
    with collectors.raw_endpoint(collectors.say_garbage) as url:
        yield url.removeprefix("http://")


Place = Callable[[], AbstractContextManager[str]]
FAULTS: dict[str, tuple[Place, str, dict[str, str], str]] = {
    "refusing": (refusing, f"http://user:{SECRET}@{{}}/?token={SECRET}", {}, "Connection refused"),
    "no such scheme in TLS": (garbage, f"https://user:{SECRET}@{{}}?token={SECRET}", {}, "SSL"),
    "garbage": (garbage, f"http://user:{SECRET}@{{}}?token={SECRET}", {}, "fails"),
    "told back": (
        lambda: telling_back(401),
        f"http://user:{SECRET}@{{}}/base?token={SECRET}",
        HEADERS,
        "401 Unauthorized",
    ),
    "redirected": (lambda: telling_back(302), f"http://{{}}?token={SECRET}", {}, "302 Found to"),
    "no host": (lambda: nullcontext("a..b"), f"http://user:{SECRET}@{{}}?t={SECRET}", {}, "fails"),
    "malformed headers": (refusing, "http://{}", MALFORMED_HEADERS, "Header format invalid"),
    "a header that cannot be sent": (
        refusing,
        "http://{}",
        {"OTEL_EXPORTER_OTLP_HEADERS": f"x-key={SECRET}%0A{SECRET}"},
        "fails",
    ),
    "gRPC refusing": (
        refusing,
        "http://{}",
        {**HEADERS, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        "UNAV",
    ),
    "gRPC metadata": (
        refusing,
        "http://{}",
        {
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={SECRET}%0A{SECRET}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        },
        "etadata",
    ),
    "a malformed proxy": (
        refusing,
        "http://{}",
        {"HTTP_PROXY": f"http://u:{SECRET}@127.0.0.1:99999", "NO_PROXY": ""},
        "fails",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_failure_tells_a_secret(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails, neither the log at its loudest nor a page or metric shows the secret."""
    place, endpoint, environ, reason = FAULTS[fault]
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with place() as address:
        arguments = ("--otlp.endpoint", endpoint.format(address), "--otlp.interval", "1s")
        with exporter("--log.level", "debug", "demo", *arguments) as running:
            running.wait_for("pushing to http")
            running.wait_for(reason)
            running.wait_for("OTLP push to")
            pages = [running.get(path)[1] for path in ("/", "/metrics", "/-/ready")]
            running.stop()
    said = "\n".join([*running.said, *pages])
    assert SECRET not in said
    assert BASIC not in said
    assert SECRET[:5] not in said


@pytest.mark.parametrize(
    "endpoint",
    [
        f"htp://user:{SECRET}@c:4318",
        f"http://user:{SECRET}@c:port/?token={SECRET}",
        f"http://user:{SECRET}@",
        f"http://user:{SECRET}?x@c:p",
        f"http://c:port?token=x@{SECRET}",
        f"http://c:port#{SECRET}",
        f"user:{SECRET}@c:4318",
        f"http://user:{SECRET}@[::1/",
    ],
)
def test_a_malformed_endpoint_tells_no_secret(
    endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the endpoint without what may be secret in it, whoever raises it."""
    with pytest.raises(SystemExit):
        main(["demo", "--otlp.endpoint", endpoint])
    said = capsys.readouterr()
    assert "is not an OTLP endpoint" in said.err
    assert SECRET not in said.out + said.err
    with pytest.raises(ValueError, match="is not an OTLP endpoint") as raised:
        PushOptions(endpoint)
    assert SECRET not in "".join(traceback.format_exception(raised.value, chain=True))


def test_the_hook_logs_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """What a training's own log gets of a push that fails has no secret in it."""
    caplog.set_level(logging.DEBUG)
    endpoint = collectors.refusing_url().replace("//", f"//user:{SECRET}@") + f"?token={SECRET}"
    hook = SanctumExporter(listen_address=None, otlp_endpoint=endpoint)
    hook.start()
    hook.close()
    assert "OTLP push to http://***@127.0.0.1" in caplog.text
    assert SECRET not in caplog.text


def test_options_that_are_written_out_tell_no_secret() -> None:
    """The repr of options, as debuggers and tracebacks show it, has no endpoint in it."""
    options = PushOptions(f"http://user:{SECRET}@c:4318/v1/metrics?token={SECRET}")
    assert SECRET not in repr(options)
    assert options.shown_endpoint == "http://***@c:4318/v1/metrics?***"


def test_an_exporter_with_wrong_settings_tells_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of the official exporter is passed on without secrets, and without its cause."""

    def broken(*_: object, **settings: object) -> None:
        raise RuntimeError(f"cannot use {settings['endpoint']!r}")

    options = PushOptions(f"http://user:{SECRET}@c:4318/v1/metrics")
    # The exporter is asked for once, so that its module is there to be changed.
    exporter_type = type(ExporterDelivery(options)._exporter)  # noqa: SLF001 - nothing else breaks it
    monkeypatch.setattr(exporter_type, "__init__", broken)
    with pytest.raises(ValueError, match="cannot use") as raised:
        ExporterDelivery(options)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_credentials_and_query_reach_the_collector() -> None:
    """User and password arrive as basic auth, and the query stays at the end of the URL."""
    with HttpCollector() as collector:
        url = f"http://user:{SECRET}@127.0.0.1:{collector.port}/base/?token={SECRET}&a=b"
        with exporter("demo", "--otlp.endpoint", url):
            (_, headers), *_ = collector.inbox.wait(1)
    assert headers["authorization"] == f"Basic {BASIC}"
    assert headers[":path"] == f"/base/v1/metrics?token={SECRET}&a=b"


@pytest.mark.parametrize("endpoint", [f"http://u:{SECRET}@c:4317", f"http://c:4317?t={SECRET}"])
def test_grpc_refuses_what_it_would_not_send(endpoint: str) -> None:
    """Credentials and a query in a gRPC endpoint are refused, with what to do instead."""
    with pytest.raises(ValueError, match="give them in OTEL_EXPORTER_OTLP_HEADERS") as raised:
        resolve(endpoint, "grpc", environ={})
    assert SECRET not in str(raised.value)
