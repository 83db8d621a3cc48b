"""The day of history that the compose file's demo begins with, by its own commands."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests import recordings
from tests.stack.backfilling import StackTool, prometheus_with, series
from tests.stack.composed import PROGRAM, interpolated

pytestmark = pytest.mark.stack

HOUR = 3600


def run_service(service: dict[str, Any], home: Path, promtool: Path, follow: str = "") -> None:
    """Run a service that ends; what it has as its root is a folder here."""
    script = service["command"][0].replace("$$", "$")
    for mount in service["volumes"]:
        inside = mount["target"]
        here = home / inside.lstrip("/")
        if mount["type"] == "volume":
            here.mkdir(exist_ok=True)
        else:
            here = Path(mount["source"])
        script = script.replace(inside, str(here))
    folders = (PROGRAM.parent, promtool.parent, os.environ["PATH"])
    env = os.environ | {"PATH": os.pathsep.join(map(str, folders)), "FOLLOW": follow}
    subprocess.run([*service["entrypoint"], script], check=True, env=env)


def names(home: Path) -> set[str]:
    """Return what is in the database."""
    return {path.name for path in (home / "prometheus").iterdir()}


def test_prometheus_starts_with_a_day_of_runs(stack_tool: StackTool, tmp_path: Path) -> None:
    """Every hour of the last day has both groups of a run; to start again adds nothing."""
    services = interpolated(stack_tool("docker-compose"))["services"]
    promtool = stack_tool("promtool")
    for name in ("history", "history-blocks"):
        run_service(services[name], tmp_path, promtool)
    before = names(tmp_path)
    assert ".history-taken" in before
    for name in ("history", "history-blocks"):
        run_service(services[name], tmp_path, promtool)
    assert names(tmp_path) == before
    now = time.time()
    with prometheus_with(stack_tool, tmp_path / "prometheus") as server:
        found = series(
            server, 'sanctum_total_slots{job="sanctum"}', now - 24 * HOUR, now - HOUR, HOUR / 4
        )
    assert len({dict(labels)["run"] for _, labels in found}) == 4
    for group in ("A", "B"):
        hours = {
            int((now - at) // HOUR)
            for (_, labels), points in found.items()
            if ("group_id", group) in labels
            for at in points
        }
        # Each run is of five hours, and the next one begins an hour later.
        assert len(hours) >= 20


def test_a_real_run_has_no_made_up_past(stack_tool: StackTool, tmp_path: Path) -> None:
    """With TELEMETRY_DIR nothing is simulated, and the database stays empty."""
    services = interpolated(stack_tool("docker-compose"), TELEMETRY_DIR=str(tmp_path))["services"]
    for name in ("history", "history-blocks"):
        assert services[name]["environment"] == {"FOLLOW": "/telemetry"}
        run_service(services[name], tmp_path, stack_tool("promtool"), follow="/telemetry")
    assert names(tmp_path) == set()


def test_prometheus_waits_for_it(stack_tool: StackTool) -> None:
    """The samples come first, then their blocks, then the server that has them."""
    services = interpolated(stack_tool("docker-compose"))["services"]
    done = "service_completed_successfully"
    assert services["history-blocks"]["depends_on"]["history"]["condition"] == done
    assert services["prometheus"]["depends_on"]["history-blocks"]["condition"] == done
    simulated = services["history"]["volumes"][0]["source"]
    assert Path(simulated) == recordings.ROOT / "examples" / "simulate_runs.py"
