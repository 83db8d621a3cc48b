"""The parcel: what a build gives, in an environment that has nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from tests import recordings
from tests.asking import ask
from tests.stack.conftest import missing
from tests.stack.servers import Prometheus, Server, free_port
from tests.waiting import wait_for

pytestmark = pytest.mark.stack

ROOT = recordings.ROOT
RELEASED = "1700000000"
_FIRES_SECONDS = 120
"""What holds for half a minute fires within; machines may be slow."""


def build(source: Path, output: Path) -> dict[str, bytes]:
    """Build sdist and wheel of a source tree, and return them by their names."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--quiet", "--outdir", str(output), str(source)],
        env=os.environ | {"SOURCE_DATE_EPOCH": RELEASED},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        missing(f"no build of {source.name}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return {path.name: path.read_bytes() for path in output.iterdir()}


@pytest.fixture(scope="module")
def parcel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the repository builds."""
    output = tmp_path_factory.mktemp("parcel")
    build(ROOT, output)
    return output


@pytest.fixture(scope="module")
def program(parcel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, installed from the wheel alone."""
    home = tmp_path_factory.mktemp("empty")
    venv.create(home, with_pip=True)
    (wheel,) = parcel.glob("*.whl")
    done = subprocess.run(
        [home / "bin" / "python", "-m", "pip", "install", "--quiet", str(wheel)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        missing(f"what the wheel needs cannot be had: {done.stderr[-500:]}")
    return home / "bin" / "sanctum-exporter"


def test_a_build_can_be_repeated_to_the_byte(parcel: Path, tmp_path: Path) -> None:
    """From the sdist, by another user, at another time and place: the same sdist and wheel."""
    (sdist,) = parcel.glob("*.tar.gz")
    subprocess.run(["tar", "-xf", sdist, "-C", tmp_path], check=True)  # noqa: S607
    (source,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    for path in source.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(path.stat().st_mode & 0o700)
    again = build(source, tmp_path / "again")
    first = {path.name: path.read_bytes() for path in parcel.iterdir()}
    assert {name: sha256(data).hexdigest() for name, data in again.items()} == {
        name: sha256(data).hexdigest() for name, data in first.items()
    }
    assert sorted(path.suffix for path in parcel.iterdir()) == [".gz", ".whl"]


def test_the_wheel_holds_the_package_its_license_and_its_man_page(parcel: Path) -> None:
    """Everything of the package is in it, once, and nothing of the tests."""
    (wheel,) = parcel.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    package = ROOT / "src" / "sanctum_exporter"
    sources = {
        str(path.relative_to(package.parent))
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    extras = {name.split("/", 1)[1] for name in names if not name.startswith("sanctum_exporter/")}
    assert {name for name in names if name.startswith("sanctum_exporter/")} == sources
    assert extras == {
        *("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"),
        "data/share/man/man1/sanctum-exporter.1",
    }
    assert len(names) == len(set(names))


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and the address of a server of it."""
    folder = tmp_path_factory.mktemp("assets")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_from_the_wheel_alone_an_alert_leads_to_its_runbook_and_its_dashboard(
    program: Path,
    stack_tool: Callable[[str], Path],
    docs: tuple[Path, str],
    tmp_path: Path,
) -> None:
    """Demo, assets, and a Prometheus started on these as they are written: the links are right."""
    folder, docs_url = docs
    exporter, prometheus = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    subprocess.run(
        [
            *(program, "assets", folder, "--target", exporter, "--job", "gpu"),
            *("--grafana-url", "http://grafana:3000", "--docs-url", docs_url),
        ],
        check=True,
        capture_output=True,
    )
    promtool, amtool = stack_tool("promtool"), stack_tool("amtool")
    for check in (
        (promtool, "check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"),
        (amtool, "check-config", "alertmanager.yml"),
    ):
        done = subprocess.run([*check], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    with ExitStack() as running:
        serving = ["--web.listen-address", exporter, "--no-panel"]
        demo = Server([program, "demo", "--slots", "0", *serving], tmp_path / "demo.log")
        running.callback(demo.close)
        demo.wait_until_it_answers(f"http://{exporter}/metrics")
        server = Server(
            [
                stack_tool("prometheus"),
                "--config.file=prometheus.yml",
                f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                f"--web.listen-address={prometheus}",
            ],
            tmp_path / "prometheus.log",
            cwd=folder,
        )
        running.callback(server.close)
        server.wait_until_it_answers(f"http://{prometheus}/-/ready")
        api = Prometheus(f"http://{prometheus}")

        def annotations() -> dict[str, str] | None:
            found = [
                alert
                for alert in api.ask("alerts")["alerts"]
                if alert["labels"]["alertname"] == "SanctumNoSlots" and alert["state"] == "firing"
            ]
            assert all(alert["labels"]["job"] == "gpu" for alert in found)
            return dict(found[0]["annotations"]) if found else None

        links = wait_for("SanctumNoSlots", annotations, _FIRES_SECONDS)
    runbook = ask(links["runbook_url"])
    assert runbook.ok, links["runbook_url"]
    assert runbook.text.startswith("# SanctumNoSlots\n")
    dashboard = urlsplit(links["dashboard_url"])
    assert f"{dashboard.scheme}://{dashboard.netloc}" == "http://grafana:3000"
    assert dashboard.path == "/d/sanctum-slots"
    assert (folder / "grafana" / "dashboards" / "sanctum-slots.json").is_file()
    assert parse_qs(dashboard.query) == {
        "var-job": ["gpu"],
        "var-instance": [exporter],
        "var-group_id": ["default"],
    }


def test_from_the_wheel_alone_a_run_is_watched(program: Path, tmp_path: Path) -> None:
    """A file of esper-lite becomes metrics, a page and its runbooks, without the repository."""
    at = f"127.0.0.1:{free_port()}"
    recording = tmp_path / "events.jsonl"
    recording.write_bytes(b"\n".join(recordings.lines("ppo_single")) + b"\n")
    with ExitStack() as running:
        watch = Server(
            [program, "watch", recording, "--web.listen-address", at], tmp_path / "watch.log"
        )
        running.callback(watch.close)
        watch.wait_until_it_answers(f"http://{at}/-/ready")
        expected = 'sanctum_total_slots{group_id="default"} 12.0\n'
        wait_for(expected, lambda: expected in ask(f"http://{at}/metrics").text)
        assert "cifar_baseline" in ask(f"http://{at}/").text
        assert ask(f"http://{at}/-/runbooks/SanctumNoSlots").ok
