"""The push as a user of the command line has it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests import collectors, events, recordings
from tests.collectors import GrpcCollector, HttpCollector
from tests.processes import exporter
from tests.waiting import eventually

FILE = str(recordings.path("ppo_single"))
LAST = recordings.golden("ppo_single")[-1]
GROUP = frozenset({("group_id", "default")})


def listening_ports(pid: int) -> set[int]:
    """Return the TCP ports of IPv4 and IPv6 that a process listens on."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    ports = set()
    for table in ("tcp", "tcp6"):
        rows = Path(f"/proc/{pid}/net/{table}").read_text("ascii").splitlines()[1:]
        for row in (row.split() for row in rows):
            if row[3] == "0A" and f"socket:[{row[9]}]" in sockets:
                ports.add(int(row[1].rpartition(":")[2], 16))
    return ports


@pytest.mark.parametrize("collect", [HttpCollector, GrpcCollector])
def test_replay_pushes_its_last_values(collect: type[HttpCollector] | type[GrpcCollector]) -> None:
    """A recording that is over between two pushes still arrives whole, over both protocols."""
    protocol = "grpc" if collect is GrpcCollector else "http/protobuf"
    with collect() as collector:
        push = ("--otlp.endpoint", collector.url, "--otlp.protocol", protocol)
        with exporter("replay", FILE, "--speed", "1e9", "--linger", "0s", *push) as child:
            assert child.process.wait(collectors.DEADLINE_SECONDS) == 0
        found = collectors.values(collector.inbox.last)
    assert found["sanctum.seeds_germinated", GROUP] == LAST["seed_lifecycle"]["germination_count"]
    assert found["sanctum.total_slots", GROUP] == LAST["total_slots"]
    assert found["sanctum.current_episode", GROUP] == LAST["current_episode"]


def test_scrape_and_push_at_once(tmp_path: Path) -> None:
    """Both ways are open at the same time, and carry the same."""
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(recordings.lines("ppo_single")) + b"\n")
    with (
        HttpCollector() as collector,
        exporter("watch", str(file), "--otlp.endpoint", collector.url) as child,
    ):
        eventually(lambda: "sanctum_total_slots" in "".join(child.samples()))
        _, page = child.get()
        child.stop()
        found = collectors.values(collector.inbox.last)
    germinated = found["sanctum.seeds_germinated", GROUP]
    assert f'sanctum_seeds_germinated_total{{group_id="default"}} {germinated:.1f}' in page


def test_watch_of_all_runs_says_which_run(tmp_path: Path) -> None:
    """With several runs at once, every value of a group says which run it is of."""
    run = "telemetry_2026-11-23_120000"
    (tmp_path / run).mkdir()
    (tmp_path / run / "events.jsonl").write_bytes(
        b"\n".join(recordings.lines("ppo_single")) + b"\n"
    )
    with (
        HttpCollector() as collector,
        exporter("watch", str(tmp_path), "--all-runs", "--otlp.endpoint", collector.url) as child,
    ):
        eventually(lambda: "sanctum_total_slots" in "".join(child.samples()))
        child.stop()
        found = collectors.values(collector.inbox.last)
    assert found["sanctum.total_slots", GROUP | {("run", run)}] == LAST["total_slots"]


def test_push_alone_opens_no_port() -> None:
    """With --no-web, no port is opened."""
    with (
        HttpCollector() as collector,
        exporter("demo", "--no-web", "--otlp.endpoint", collector.url) as child,
    ):
        collector.inbox.wait(1)
        assert listening_ports(child.process.pid) == set()
        assert child.stop() == 0
        assert not any("serving" in line for line in child.said)
    with exporter("demo") as child:
        served = int(child.url.rpartition(":")[2])
        assert listening_ports(child.process.pid) == {served}


def test_the_environment_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint, protocol, headers, interval and resource come from OpenTelemetry's variables."""
    with HttpCollector() as collector:
        for name, value in {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20abc,x-scope-orgid=lab",
            "OTEL_METRIC_EXPORT_INTERVAL": "50",
            "OTEL_SERVICE_NAME": "sanctum-lab",
            "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=node7,deployment.environment=lab",
        }.items():
            monkeypatch.setenv(name, value)
        with exporter("demo", "--no-web") as child:
            request, headers = collector.inbox.wait(3)[0]
            child.stop()
    assert headers[":path"] == "/v1/metrics"
    assert headers["authorization"] == "Bearer abc"
    assert headers["x-scope-orgid"] == "lab"
    described = collectors.resource(request)
    assert described["service.name"] == "sanctum-lab"
    assert described["service.instance.id"] == "node7"
    assert described["deployment.environment"] == "lab"
    assert described["process.pid"] == child.process.pid


def test_headers_reach_a_grpc_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_EXPORTER_OTLP_METRICS_HEADERS are the call's metadata."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x-token=secret")
    with GrpcCollector() as collector:
        push = ("--otlp.endpoint", collector.url, "--otlp.protocol", "grpc")
        with exporter("demo", "--no-web", *push) as child:
            _, headers = collector.inbox.wait(1)[0]
            child.stop()
    assert headers["x-token"] == "secret"


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        (("--no-web",), {}, "--no-web leaves no way out; give --otlp.endpoint"),
        (("--otlp.endpoint", "nonsense"), {}, "'nonsense' is not an OTLP endpoint"),
        (("--otlp.interval", "0s"), {}, "'0s' is no interval"),
        (
            ("--otlp.endpoint", "http://localhost:4317", "--otlp.protocol", "grpc"),
            {"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"},
            'no OTLP exporter with these settings: Invalid value "zstd"',
        ),
        (
            (),
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense"},
            "OTEL_EXPORTER_OTLP_ENDPOINT='nonsense' is not an OTLP endpoint",
        ),
    ],
)
def test_what_cannot_be_pushed_is_an_error_at_the_start(
    arguments: tuple[str, ...],
    environ: dict[str, str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The program says what is wrong and ends with status 2."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with exporter("demo", *arguments) as child:
        child.wait_for(message)
        assert child.process.wait(collectors.DEADLINE_SECONDS) == 2


def test_disabled_sdk_says_that_nothing_is_pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_SDK_DISABLED wins over the option, aloud."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with exporter("demo", "--otlp.endpoint", "http://localhost:1") as child:
        child.wait_for("nothing is pushed to http://localhost:1: OTEL_SDK_DISABLED is true")
        assert child.url


def test_the_program_ends_within_five_seconds_of_being_told_to() -> None:
    """A collector that never answers does not keep the program, which has more to close."""
    with (
        collectors.raw_endpoint(collectors.say_nothing) as url,
        exporter("demo", "--otlp.endpoint", url) as child,
    ):
        child.wait_for("pushing to")
        began = time.monotonic()
        assert child.stop() == 0
        assert time.monotonic() - began < 5


EVENTS = ("sanctum.exporter.events", frozenset({("event_type", "SEED_GERMINATED")}))


def write_run(directory: Path, name: str, germinated: int) -> Path:
    """Write a run of so many seeds whole, and return its directory."""
    run = directory / name
    run.mkdir()
    lines = [events.started(), *[events.germinated()] * germinated]
    unseen = run / "unseen"
    unseen.write_bytes(b"\n".join(lines) + b"\n")
    unseen.rename(run / "events.jsonl")
    return run


def starts(collector: HttpCollector, series: collectors.Series) -> dict[float, list[int]]:
    """Return the starts that each value of a counter was pushed with, oldest first."""
    found: dict[float, list[int]] = {}
    for request, _ in collector.inbox.wait(0):
        values = collectors.values(request)
        if series in values:
            start = collectors.start_times(request)[series]
            found.setdefault(values[series], []).append(start)
    return found


def wait_for_pushes(collector: HttpCollector, series: collectors.Series, value: float) -> None:
    """Wait until a value was pushed three times."""
    eventually(lambda: len(starts(collector, series).get(value, ())) >= 3)


@pytest.mark.parametrize("germinated", [3, 30])
def test_a_newer_run_is_a_reset(germinated: int, tmp_path: Path) -> None:
    """What it counts starts anew, even where it counts more; otherwise a start stays."""
    old, new = 20.0, float(germinated)
    seeds = ("sanctum.seeds_germinated", GROUP)
    write_run(tmp_path, "telemetry_2026-11-22_120000", 20)
    push = ("--no-web", "--otlp.interval", "50ms", "--otlp.endpoint")
    with (
        HttpCollector() as collector,
        exporter("watch", str(tmp_path), *push, collector.url) as child,
    ):
        wait_for_pushes(collector, seeds, old)
        write_run(tmp_path, "telemetry_2026-11-23_120000", germinated)
        wait_for_pushes(collector, seeds, new)
        child.stop()
    for series in (seeds, EVENTS):
        found = starts(collector, series)
        assert len(set(found[old])) == len(set(found[new])) == 1
        assert found[old][0] < found[new][0]


def test_a_run_that_is_deleted_resets_nothing(tmp_path: Path) -> None:
    """The sums over all runs keep what it counted, and the other runs go on."""
    gone = write_run(tmp_path, "telemetry_2026-11-22_120000", 20)
    kept = write_run(tmp_path, "telemetry_2026-11-23_120000", 3)
    push = ("--all-runs", "--no-web", "--otlp.interval", "50ms", "--otlp.endpoint")
    of_the_gone, of_the_kept = (
        ("sanctum.seeds_germinated", GROUP | {("run", run.name)}) for run in (gone, kept)
    )
    with (
        HttpCollector() as collector,
        exporter("watch", str(tmp_path), *push, collector.url) as child,
    ):
        wait_for_pushes(collector, EVENTS, 23)
        shutil.rmtree(gone)
        eventually(lambda: of_the_gone not in collectors.values(collector.inbox.last))
        child.stop()
    assert collectors.values(collector.inbox.last)[EVENTS] == 23
    assert len(set(starts(collector, EVENTS)[23])) == 1
    assert len(set(starts(collector, of_the_kept)[3])) == 1
