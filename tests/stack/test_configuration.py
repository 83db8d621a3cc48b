"""The servers' own tools accept what the repository ships."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sanctum_exporter import __version__
from tests import recordings
from tests.stack.composed import interpolated

pytestmark = pytest.mark.stack

ROOT = recordings.ROOT
Tool = Callable[[str], Path]
ONCE = ("history", "history-blocks")
"""Services that do something and end, in their order."""


def run(tool: Path, *arguments: str) -> str:
    """Run a tool in the repository; its complaint is the failure."""
    done = subprocess.run([tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_accepts_configuration_and_rules(stack_tool: Tool) -> None:
    """`promtool check` finds nothing, not even with every lint as an error."""
    promtool = stack_tool("promtool")
    rules = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "rules").glob("*.yml"))
    run(promtool, "check", "config", "--lint=all", "--lint-fatal", "prometheus.yml")
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", *rules)


@pytest.mark.parametrize("linked", [True, False], ids=["with links", "without"])
def test_an_alert_leads_somewhere_true_or_nowhere(
    stack_tool: Tool, tmp_path: Path, linked: bool
) -> None:
    """Where nobody says where dashboards and runbooks are, the links of an alert are empty."""
    hosts = {"docs_url": "https://docs", "grafana_url": "https://grafana"} if linked else {}
    links = {
        "runbook_url": "https://docs/docs/runbooks/SanctumSourceDown.md",
        "dashboard_url": "https://grafana/d/sanctum-fleet?var-job=gpu&var-instance=a%3A1",
    }
    alert = {
        "exp_labels": {"severity": "warning", "job": "gpu", "instance": "a:1"},
        "exp_annotations": {
            "summary": "An exporter cannot read its telemetry",
            "description": "gpu at a:1 has not been able to read its telemetry for 10 minutes "
            "(up: 0), so its numbers stand still. Its log, its page and /-/ready say why.",
            **(links if linked else dict.fromkeys(links, "")),
        },
    }
    series = {"series": 'sanctum_exporter_source_up{job="gpu",instance="a:1"}', "values": "0x15"}
    expected = {"eval_time": "12m", "alertname": "SanctumSourceDown", "exp_alerts": [alert]}
    test = {
        "rule_files": [str(ROOT / "rules" / "alerts.yml")],
        "tests": [
            {"external_labels": hosts, "input_series": [series], "alert_rule_test": [expected]}
        ],
    }
    path = tmp_path / "test.yml"
    path.write_text(yaml.safe_dump(test))
    run(stack_tool("promtool"), "test", "rules", str(path))


def test_amtool_accepts_the_configuration(stack_tool: Tool) -> None:
    """`amtool check-config` finds nothing wrong with the file as shipped."""
    run(stack_tool("amtool"), "check-config", "alertmanager.yml")


@pytest.mark.parametrize(
    ("severity", "alert", "receiver"),
    [
        ("critical", "SanctumAny", "pager"),
        ("warning", "SanctumAny", "warnings"),
        ("info", "SanctumAny", "nobody"),
        ("none", "Watchdog", "watchdog"),
        ("critical", "AlertmanagerFailedToSendAlerts", "everybody"),
    ],
)
def test_every_alert_reaches_its_receiver(
    stack_tool: Tool, severity: str, alert: str, receiver: str
) -> None:
    """Critical alerts page, warnings wait, notes go nowhere; a broken pager is told to both."""
    routes = ["config", "routes", "test", "--config.file=alertmanager.yml"]
    labels = [f"severity={severity}", f"alertname={alert}", "job=sanctum", "instance=a:10500"]
    run(stack_tool("amtool"), *routes, f"--verify.receivers={receiver}", *labels)


def test_without_a_telemetry_dir_compose_runs_the_demo(stack_tool: Tool) -> None:
    """Nothing set: the exporter follows nothing, so its command takes the demo."""
    exporter = interpolated(stack_tool("docker-compose"))["services"]["exporter"]
    assert exporter["environment"] == {"FOLLOW": ""}
    (mount,) = exporter["volumes"]
    assert Path(mount["source"]).is_dir()


def test_with_a_telemetry_dir_compose_follows_it(stack_tool: Tool, tmp_path: Path) -> None:
    """TELEMETRY_DIR is mounted read-only, has to exist, and the exporter follows it."""
    config = interpolated(stack_tool("docker-compose"), TELEMETRY_DIR=str(tmp_path))
    exporter = config["services"]["exporter"]
    assert exporter["environment"] == {"FOLLOW": "/telemetry"}
    (mount,) = exporter["volumes"]
    assert (mount["type"], mount["source"], mount["target"]) == (
        "bind",
        str(tmp_path),
        "/telemetry",
    )
    assert mount["read_only"] is True
    assert not mount["bind"].get("create_host_path")


def test_receivers_take_their_addresses_from_files_that_can_be_replaced(
    stack_tool: Tool, tmp_path: Path
) -> None:
    """PAGER_URL_FILE and WARNINGS_URL_FILE become the secrets that alertmanager.yml reads."""
    config = interpolated(
        stack_tool("docker-compose"),
        PAGER_URL_FILE=str(tmp_path / "pager"),
        WARNINGS_URL_FILE=str(tmp_path / "warnings"),
    )
    assert {name: secret["file"] for name, secret in config["secrets"].items()} == {
        "pager_url": str(tmp_path / "pager"),
        "warnings_url": str(tmp_path / "warnings"),
    }
    mounted = {s["target"] for s in config["services"]["alertmanager"]["secrets"]}
    receivers = yaml.safe_load((ROOT / "alertmanager.yml").read_text("utf-8"))["receivers"]
    assert {hook["url_file"] for r in receivers for hook in r.get("webhook_configs", [])} == mounted


def test_compose_publishes_on_loopback_only_and_writes_only_to_volumes(stack_tool: Tool) -> None:
    """Every port is on 127.0.0.1, every root file system read-only, every server checked."""
    services = interpolated(stack_tool("docker-compose"))["services"]
    servers = {"exporter", "prometheus", "alertmanager", "grafana", "receiver"}
    assert set(services) == servers | set(ONCE)
    for name, service in services.items():
        assert {port["host_ip"] for port in service.get("ports", [])} <= {"127.0.0.1"}, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        checked = "build" in service or "healthcheck" in service
        assert checked if name in servers else service["restart"] == "no", name
        for mount in service["volumes"]:
            writable = mount["type"] == "volume"
            assert writable or mount["read_only"], (name, mount)
            assert writable or Path(mount["source"]).exists(), (name, mount)


def test_images_are_pinned_to_what_is_tested(stack_tool: Tool) -> None:
    """Tags are versions: of the package, of the servers these tests ran, and of Grafana."""
    config = interpolated(stack_tool("docker-compose"))
    images = {name: service["image"] for name, service in config["services"].items()}
    for name, service in (
        ("prometheus", "prometheus"),
        ("prometheus", "history-blocks"),
        ("alertmanager", "alertmanager"),
    ):
        version = re.search(r"version (\d+\.\d+)", run(stack_tool(name), "--version"))
        assert version is not None
        assert images.pop(service).startswith(f"prom/{name}:v{version[1]}."), service
    assert re.fullmatch(r"grafana/grafana:\d+\.\d+\.\d+", images.pop("grafana"))
    assert set(images.values()) == {f"sanctum-exporter:{__version__}"}


def test_prometheus_scrapes_the_port_that_the_exporter_serves(stack_tool: Tool) -> None:
    """Targets of prometheus.yml are services of the compose file at the ports they listen on."""
    services = interpolated(stack_tool("docker-compose"))["services"]
    jobs = yaml.safe_load((ROOT / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    for job in jobs:
        for target in (t for group in job["static_configs"] for t in group["targets"]):
            name, _, port = target.replace("localhost", "prometheus").partition(":")
            command = json.dumps(services[name]["command"])
            assert f"--web.listen-address=:{port}" in command, target
