"""The files of deploy/ are what the programs that read them take."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests import recordings
from tests.stack.storage import DEPLOY, StackTool

pytestmark = pytest.mark.stack

SCRAPE = sorted((DEPLOY / "scrape").glob("*.yml"))
PROMETHEUS = sorted((DEPLOY / "prometheus").glob("*.yml"))
# A component is none by itself: test_access.py adds it to the others.
KUSTOMIZATIONS = sorted(
    file.parent
    for file in DEPLOY.rglob("kustomization.yaml")
    if "kind: Component" not in file.read_text("utf-8")
)


def name(path: Path) -> str:
    """Return the id of a test about a file."""
    return path.stem


def run(*command: str | Path) -> str:
    """Run a program that has to succeed, and return what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("file", PROMETHEUS, ids=name)
def test_prometheus_takes_its_configuration(file: Path, stack_tool: StackTool) -> None:
    """Prometheus accepts the file with every rule and scrape configuration that it names."""
    said = run(stack_tool("promtool"), "check", "config", file)
    for rules in (recordings.ROOT / "rules").glob("*.yml"):
        assert f"Checking {rules}" in said


@pytest.mark.parametrize("file", SCRAPE, ids=name)
def test_prometheus_takes_the_discovery(file: Path, stack_tool: StackTool) -> None:
    """Prometheus accepts each way of discovery as a configuration of its own."""
    run(stack_tool("promtool"), "check", "config", file)


@pytest.mark.parametrize("file", [*SCRAPE, DEPLOY / "vmagent.yml"], ids=name)
def test_vmagent_takes_the_discovery(file: Path, stack_tool: StackTool) -> None:
    """The same file, and not a field in it that vmagent does not know."""
    url = "-remoteWrite.url=http://127.0.0.1:9"
    relabelling = f"-remoteWrite.relabelConfig={DEPLOY / 'victoria-metrics' / 'relabel.yml'}"
    run(stack_tool("vmagent"), f"-promscrape.config={file}", url, relabelling, "-dryRun")


def test_vmalert_takes_the_rules(stack_tool: StackTool) -> None:
    """Vmalert accepts the same rules as Prometheus."""
    run(stack_tool("vmalert"), f"-rule={recordings.ROOT / 'rules' / '*.yml'}", "-dryRun")


@pytest.mark.parametrize("folder", KUSTOMIZATIONS, ids=name)
def test_kustomize_renders_what_kubernetes_takes(folder: Path, stack_tool: StackTool) -> None:
    """Built-in kinds fit their published schemas; of others the operator's CRDs are the judge."""
    kinds = set()
    for resource in yaml.safe_load_all(run(stack_tool("kubectl"), "kustomize", folder)):
        kinds.add(resource["kind"])
        if not resource["apiVersion"].startswith("monitoring.coreos.com/"):
            kubernetes_validate.validate(resource, "1.37", strict=True)
    assert kinds in ({"Job"}, {"PodMonitor", "PrometheusRule", "ConfigMap"})


def test_compose_takes_the_profile(stack_tool: StackTool) -> None:
    """VictoriaMetrics and vmagent belong to the profile, and listen on the loopback only."""
    file = DEPLOY / "compose.scale.yml"
    compose = (stack_tool("docker-compose"), "-f", file)
    config = json.loads(run(*compose, "--profile", "scale", "config", "--format", "json"))
    assert config["services"].keys() == {"victoria-metrics", "vmagent"}
    for service in config["services"].values():
        assert {port["host_ip"] for port in service["ports"]} == {"127.0.0.1"}
        mounted = (mount["source"] for mount in service["volumes"] if mount["type"] == "bind")
        assert all(Path(source).is_file() for source in mounted)
    assert run(*compose, "config", "--services") == ""
