"""Whatever the collector does, the training process neither notices nor waits."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

import grpc
import pytest
import trustme

from tests import collectors, recordings
from tests.collectors import GrpcCollector, HttpCollector
from tests.pushing import Child

# It takes three on a machine that does nothing else, and OpenTelemetry alone would take ten.
LONGEST_EXIT_SECONDS = 9.0
LARGEST_MEMORY_KIB = 100 * 1024
GERMINATED = recordings.golden("ppo_single")[-1]["seed_lifecycle"]["germination_count"]
GERMINATED_KEY = ("sanctum.seeds_germinated", frozenset({("group_id", "default")}))


@pytest.fixture
def start() -> Iterator[Callable[..., Child]]:
    """Start children, and leave none behind."""
    children: list[Child] = []

    def start_child(*args: Any, **kwargs: Any) -> Child:
        children.append(Child(*args, **kwargs))
        return children[-1]

    yield start_child
    for child in children:
        child.kill()


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str, object], None]:
    """Put a figure into the report of the test run (--junitxml)."""
    # Not record_property, which warns about some forms of that report.
    return lambda name, value: request.node.user_properties.append((name, value))


class Authority(NamedTuple):
    """A certificate authority that the client trusts, and certificates for ``localhost``."""

    file: str
    trusted: trustme.LeafCert
    foreign: trustme.LeafCert


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that the client trusts."""
    ours, theirs = trustme.CA(), trustme.CA()
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ours.cert_pem.write_to_path(str(file))
    return Authority(str(file), ours.issue_cert("localhost"), theirs.issue_cert("localhost"))


def tls_http(certificate: trustme.LeafCert) -> HttpCollector:
    """Return a collector that speaks HTTPS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return HttpCollector(tls=context)


def tls_grpc(certificate: trustme.LeafCert) -> GrpcCollector:
    """Return a collector that speaks gRPC over TLS."""
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    return GrpcCollector(
        credentials=grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
    )


@contextmanager
def http(respond: collectors.Answer) -> Iterator[str]:
    """Give the URL of a collector that answers so."""
    with HttpCollector(respond) as collector:
        yield collector.url


@contextmanager
def grpc_failing(status: grpc.StatusCode) -> Iterator[str]:
    """Give the URL of a gRPC collector that answers so."""
    with GrpcCollector(fail=status) as collector:
        yield collector.url


HTTP, GRPC = "http/protobuf", "grpc"
FAULTS: dict[str, tuple[str, Callable[[], AbstractContextManager[str]], str]] = {
    "refusing": (HTTP, lambda: nullcontext(collectors.refusing_url()), "Connection refused"),
    "hanging": (HTTP, lambda: collectors.raw_endpoint(collectors.say_nothing), "no answer"),
    "slow": (HTTP, lambda: collectors.raw_endpoint(collectors.say_it_slowly), "no answer"),
    "not HTTP": (HTTP, lambda: collectors.raw_endpoint(collectors.say_garbage), "garbage"),
    "endless answer": (HTTP, lambda: http(collectors.answer_without_end), "too long"),
    "a web page": (
        HTTP,
        lambda: http(collectors.answer(200, b"<html>Sign in</html>", Content_Type="text/html")),
        "not OTLP's",
    ),
    "a redirect": (
        HTTP,
        lambda: http(collectors.answer(302, Location="http://127.0.0.1:9/login")),
        "302 Found to http://127.0.0.1:9/login",
    ),
    "overloaded": (
        HTTP,
        lambda: http(collectors.answer(429, b"slow down", Retry_After="300")),
        "429 Too Many Requests: slow down",
    ),
    "broken": (HTTP, lambda: http(collectors.answer(500)), "500 Internal Server Error"),
    "gRPC refusing": (GRPC, lambda: nullcontext(collectors.refusing_url()), "UNAVAILABLE"),
    "gRPC hanging": (GRPC, lambda: collectors.raw_endpoint(collectors.say_nothing), "no answer"),
    "not gRPC": (GRPC, lambda: collectors.raw_endpoint(collectors.say_garbage), "UNAVAILABLE"),
    "gRPC denying": (
        GRPC,
        lambda: grpc_failing(grpc.StatusCode.PERMISSION_DENIED),
        "PERMISSION_DENIED",
    ),
    "gRPC overloaded": (
        GRPC,
        lambda: grpc_failing(grpc.StatusCode.RESOURCE_EXHAUSTED),
        "RESOURCE_EXHAUSTED",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_process_ends_soon_and_small_whatever_the_collector_does(
    start: Callable[..., Child], fault: str, measured: Callable[[str, object], None]
) -> None:
    """A process that is told to end does so before a push would time out, with one line of log."""
    protocol, endpoint, reason = FAULTS[fault]
    # Where the fault is reported before the end, the report need not take its full time.
    environ = {} if reason == "no answer" else {"OTEL_EXPORTER_OTLP_TIMEOUT": "2"}
    with endpoint() as url:
        child = start(url, protocol, interval=60, **environ)
        if reason != "no answer":
            child.wait_for_log(reason)
        ending = child.end()
    measured("exit_seconds", round(ending.exit_seconds, 2))
    measured("memory_mib", ending.memory_kib // 1024)
    assert ending.status == 0
    assert ending.exit_seconds < LONGEST_EXIT_SECONDS
    assert ending.memory_kib < LARGEST_MEMORY_KIB
    (line,) = ending.log
    assert reason in line


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_a_process_that_ends_during_the_first_attempts_ends_soon(
    start: Callable[..., Child], protocol: str, measured: Callable[[str, object], None]
) -> None:
    """A process that ends while the exporter waits to try again does not wait with it."""
    ending = start(collectors.refusing_url(), protocol, interval=60).end()
    measured("exit_seconds", round(ending.exit_seconds, 2))
    assert ending.status == 0
    assert ending.exit_seconds < LONGEST_EXIT_SECONDS
    assert len(ending.log) <= 1


@pytest.mark.parametrize(("protocol", "collect"), [(HTTP, HttpCollector), (GRPC, GrpcCollector)])
def test_a_short_run_delivers_its_last_values(
    start: Callable[..., Child], protocol: str, collect: type[HttpCollector] | type[GrpcCollector]
) -> None:
    """A run that ends between two pushes still delivers the values of its end, and only those."""
    with collect() as collector:
        child = start(collector.url, protocol, interval=3600)
        collector.inbox.wait(1)
        ending = child.end()
        requests = collector.inbox.wait(2)
    assert collectors.values(requests[-1][0])[GERMINATED_KEY] == GERMINATED
    assert len(requests) == 2
    assert ending.log == []


@pytest.mark.parametrize(("protocol", "collect"), [(HTTP, HttpCollector), (GRPC, GrpcCollector)])
def test_a_collector_that_dies_and_comes_back_gets_the_current_totals(
    start: Callable[..., Child], protocol: str, collect: type[HttpCollector] | type[GrpcCollector]
) -> None:
    """The log tells of the failure once and of the recovery once; totals are those of now."""
    with collect() as collector:
        child = start(collector.url, protocol, OTEL_EXPORTER_OTLP_TIMEOUT="0.5")
        before = collectors.values(collector.inbox.wait(2)[-1][0])[GERMINATED_KEY]
    child.wait_for_log("fails")
    with collect(port=collector.port) as collector:
        child.wait_for_log("works again")
        after = collectors.values(collector.inbox.wait(2)[-1][0])[GERMINATED_KEY]
        ending = child.end()
        final = collectors.values(collector.inbox.last)[GERMINATED_KEY]
    assert 0 < before == after < final == GERMINATED
    failure, recovery = ending.log
    assert "fails" in failure
    assert "works again" in recovery


@pytest.mark.parametrize(("protocol", "collect"), [(HTTP, HttpCollector), (GRPC, GrpcCollector)])
def test_a_collector_that_is_down_at_the_start_gets_the_totals_when_it_comes(
    start: Callable[..., Child], protocol: str, collect: type[HttpCollector] | type[GrpcCollector]
) -> None:
    """Nothing that happened before the collector came is missing from the totals."""
    url = collectors.refusing_url()
    child = start(url, protocol, OTEL_EXPORTER_OTLP_TIMEOUT="0.5")
    child.wait_for_log("fails")
    with collect(port=int(url.rpartition(":")[2])) as collector:
        child.wait_for_log("works again")
        child.end()
        assert collectors.values(collector.inbox.last)[GERMINATED_KEY] == GERMINATED


@pytest.mark.parametrize(("protocol", "collect"), [(HTTP, tls_http), (GRPC, tls_grpc)])
def test_a_certificate_of_a_foreign_authority_is_refused(
    start: Callable[..., Child],
    protocol: str,
    collect: Callable[[trustme.LeafCert], AbstractContextManager[HttpCollector]],
    authority: Authority,
) -> None:
    """Nothing is sent to an endpoint that cannot prove who it is; the log says so, once."""
    with collect(authority.foreign) as collector:
        child = start(
            collector.url,
            protocol,
            OTEL_EXPORTER_OTLP_CERTIFICATE=authority.file,
            OTEL_EXPORTER_OTLP_TIMEOUT="3",
        )
        child.wait_for_log("fails")
        ending = child.end()
    assert ending.exit_seconds < LONGEST_EXIT_SECONDS
    (line,) = ending.log
    assert "certificate verify failed" in line.lower().replace("_", " ")


@pytest.mark.parametrize(("protocol", "collect"), [(HTTP, tls_http), (GRPC, tls_grpc)])
def test_a_certificate_of_the_given_authority_is_accepted(
    start: Callable[..., Child],
    protocol: str,
    collect: Callable[[trustme.LeafCert], AbstractContextManager[HttpCollector]],
    authority: Authority,
) -> None:
    """OTEL_EXPORTER_OTLP_CERTIFICATE names the authority to trust."""
    with collect(authority.trusted) as collector:
        child = start(collector.url, protocol, OTEL_EXPORTER_OTLP_CERTIFICATE=authority.file)
        collector.inbox.wait(1)
        assert child.end().log == []


def test_an_endpoint_that_asks_for_time_gets_it(
    start: Callable[..., Child],
) -> None:
    """After a 429 with Retry-After the next request comes no sooner than was asked."""
    came_at: list[float] = []

    def throttle_once(handler: BaseHTTPRequestHandler) -> None:
        came_at.append(time.monotonic())
        reply = collectors.answer(429, Retry_After="2") if len(came_at) == 1 else collectors.accept
        reply(handler)

    with HttpCollector(throttle_once) as collector:
        # The exporter itself would not wait longer than its timeout.
        child = start(collector.url, OTEL_EXPORTER_OTLP_TIMEOUT="1")
        collector.inbox.wait(2)
        child.end()
    assert came_at[1] - came_at[0] >= 2


def test_memory_does_not_grow_while_pushes_fail(
    start: Callable[..., Child],
    measured: Callable[[str, object], None],
) -> None:
    """Hundreds of failed pushes leave nothing behind."""
    with HttpCollector(collectors.answer(500)) as collector:
        child = start(collector.url, interval=0.002)
        collector.inbox.wait(100)
        early = child.memory_kib()
        collector.inbox.wait(600)
        grown = child.memory_kib() - early
        ending = child.end()
    measured("grown_kib", grown)
    assert grown < 2048
    assert len(ending.log) == 1


FORKING = """
import os, sys
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.sinks.otlp import push, resolve
push(Intake(Groups()), resolve(sys.argv[1], sys.argv[2]))
sys.stdin.readline()
child = os.fork()
if child:
    os.waitpid(child, 0)
sys.exit()
"""


@pytest.mark.parametrize(("protocol", "collect"), [(HTTP, HttpCollector), (GRPC, GrpcCollector)])
def test_a_forked_child_pushes_nothing(
    protocol: str, collect: type[HttpCollector] | type[GrpcCollector]
) -> None:
    """A worker that training forks off neither pushes its parent's values nor hangs."""
    with collect() as collector:
        process = subprocess.Popen(
            [sys.executable, "-c", FORKING, collector.url, protocol], stdin=subprocess.PIPE
        )
        collector.inbox.wait(1)
        process.communicate(b"\n", timeout=collectors.DEADLINE_SECONDS)
        assert process.returncode == 0
        assert len(collector.inbox.wait(2)) == 2
