"""Real scrapers before an exporter that asks for certificates and passwords, as docs/access.md."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests import recordings
from tests.asking import ask
from tests.processes import ExporterProcess, exporter
from tests.stack.composed import interpolated
from tests.stack.conftest import missing
from tests.stack.servers import Prometheus
from tests.stack.storage import DEPLOY, Stack, StackTool
from tests.waiting import eventually, wait_for

pytestmark = pytest.mark.stack

ROOT = recordings.ROOT
PASSWORD, CERTIFICATE = 0, 1


def blocks(kind: str) -> list[str]:
    """Return the blocks of a kind in docs/access.md: by password first, then by certificate."""
    text = (ROOT / "docs" / "access.md").read_text("utf-8")
    found = re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    if kind == "sh":
        found = [block for block in found if block.startswith("openssl")]
    assert len(found) == 2
    return found


def program(name: str) -> str:
    """Return a program of this machine."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not here: install it with the system's package manager")
    return found


def make(folder: Path, *scripts: str) -> None:
    """Run scripts of the documentation in a folder."""
    program("openssl")
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for script in scripts:
        subprocess.run(
            [program("sh"), "-e", "-c", script],
            cwd=folder,
            env={"PATH": search},
            check=True,
            capture_output=True,
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the first script of the documentation makes."""
    make(tmp_path, blocks("sh")[PASSWORD])
    return tmp_path


@pytest.fixture
def stack(stack_tool: StackTool, folder: Path) -> Iterator[Stack]:
    """Servers that find the files of the documentation beside their configuration."""
    servers = Stack(stack_tool, folder)
    try:
        yield servers
    finally:
        servers.close()


def guarded(folder: Path) -> Any:
    """Run an exporter with the web configuration file of the folder."""
    return exporter("demo", "--web.config.file", str(folder / "web.yml"))


def scrape_configuration(folder: Path, running: ExporterProcess, which: int) -> Path:
    """Return a file with the scrape configuration of the documentation, every second."""
    text = blocks("yaml")[which].replace("gpu7:10500", running.url.removeprefix("https://"))
    assert "gpu7" not in text
    config = yaml.safe_load(text) | {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}}
    path = folder / "scrape.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def up(server: Prometheus) -> float | None:
    """Return whether the newest scrape went well, None before the first."""
    values = list(server.query('up{job="sanctum"}').values())
    return values[0] if values else None


@pytest.mark.parametrize("which", [PASSWORD, CERTIFICATE], ids=["password", "certificate"])
def test_prometheus_and_vmagent_scrape_as_the_documentation_says(
    stack: Stack, folder: Path, which: int
) -> None:
    """By TLS, with a password or with a certificate; both have every series of the demo."""
    make(folder, *blocks("sh")[1 : which + 1])
    with guarded(folder) as running:
        config = scrape_configuration(folder, running, which)
        by_prometheus, by_vmagent = stack.prometheus(config), stack.victoria_metrics()
        stack.vmagent(config, by_vmagent)
        for server in (by_prometheus, by_vmagent):
            wait_for("a scrape that went well", lambda server=server: up(server))  # type: ignore[misc]
            slots = wait_for(
                "the slots",
                lambda server=server: server.query("sum(sanctum_slots)"),  # type: ignore[misc]
            )
            assert list(slots.values()) == [12.0]


def test_prometheus_with_a_wrong_password_sees_nothing(stack: Stack, folder: Path) -> None:
    """Its target is down, and its page of targets says why."""
    (folder / "password").write_text("wrong")
    with guarded(folder) as running:
        server = stack.prometheus(scrape_configuration(folder, running, PASSWORD))

        def problem() -> str:
            targets = server.ask("targets")["activeTargets"]
            return str(targets[0]["lastError"]) if targets else ""

        assert wait_for("a refused scrape", problem).endswith("HTTP status 401 Unauthorized")
        assert up(server) == 0.0
        assert server.query("sanctum_slots") == {}


def test_curl_is_refused_without_credentials(folder: Path) -> None:
    """Neither without a password, nor without the authority, nor without TLS."""
    curl = [program("curl"), "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]

    def status(*arguments: str) -> tuple[int, str]:
        done = subprocess.run([*curl, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    with guarded(folder) as running:
        url, trusting = f"{running.url}/metrics", ("--cacert", str(folder / "ca.crt"))
        password = (folder / "password").read_text()
        assert status(url, *trusting) == (0, "401")
        assert status(url, *trusting, "--user", "prometheus:wrong") == (0, "401")
        assert status(url, *trusting, "--user", f"root:{password}") == (0, "401")
        assert status(url, *trusting, "--user", f"prometheus:{password}") == (0, "200")
        assert status(f"{running.url}/-/healthy", *trusting) == (0, "200")
        cannot_verify = 60
        assert status(url)[0] == cannot_verify
        assert status(url.replace("https", "http"))[1] == "000"


def test_the_certificate_is_changed_under_way(
    stack: Stack, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Prometheus, told of the new authority too, goes on; nobody is restarted."""
    renewed = tmp_path_factory.mktemp("renewed")
    make(renewed, blocks("sh")[PASSWORD])
    with guarded(folder) as running:
        server = stack.prometheus(scrape_configuration(folder, running, PASSWORD))
        wait_for("a scrape that went well", lambda: up(server))
        before = ssl.create_default_context(cafile=folder / "ca.crt")
        for name in ("ca.crt", "tls.crt", "tls.key"):
            shutil.copy(renewed / name, folder / name)
        after = ssl.create_default_context(cafile=folder / "ca.crt")

        def is_new() -> bool:
            return ask(f"{running.url}/-/healthy", context=after).status == 200

        eventually(is_new)
        assert ask(f"{running.url}/-/healthy", context=before).status == 0
        since = time.time()
        eventually(lambda: bool(server.query(f"up == 1 and timestamp(up) > {since}")))
        running.wait_for("web.yml: read anew")


def test_compose_puts_it_before_the_exporter(stack_tool: StackTool, folder: Path) -> None:
    """The folder is mounted read-only in both, and Prometheus's configuration is the other one."""
    config = interpolated(
        stack_tool("docker-compose"), "deploy/compose.access.yml", ACCESS_DIR=str(folder)
    )
    services = config["services"]
    assert services["exporter"]["environment"]["WEB_CONFIG_FILE"] == "/etc/sanctum-exporter/web.yml"
    mounts = {
        (name, mount["target"]): mount
        for name in ("exporter", "prometheus")
        for mount in services[name]["volumes"]
    }
    for where in (
        ("exporter", "/etc/sanctum-exporter"),
        ("prometheus", "/etc/prometheus/access"),
    ):
        assert mounts[where]["source"] == str(folder)
        assert mounts[where]["read_only"] is True
    prometheus = mounts["prometheus", "/etc/prometheus/prometheus.yml"]
    assert prometheus["source"] == str(DEPLOY / "access" / "prometheus.yml")
    script = services["exporter"]["command"][0]
    assert '"--web.config.file=$$WEB_CONFIG_FILE"' in script


def test_the_services_of_compose_work_with_it(
    stack: Stack, stack_tool: StackTool, folder: Path
) -> None:
    """The exporter's own start script and the job of deploy/access/prometheus.yml fit together."""
    config = interpolated(
        stack_tool("docker-compose"), "deploy/compose.access.yml", ACCESS_DIR=str(folder)
    )
    script = config["services"]["exporter"]["command"][0].replace("$$", "$")
    recorder = folder / "sanctum-exporter"
    recorder.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    recorder.chmod(0o755)
    environment = {"FOLLOW": "", "WEB_CONFIG_FILE": str(folder / "web.yml")}
    said = subprocess.run(
        [program("sh"), "-c", script],
        env={**environment, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert said.pop() == "--web.listen-address=:10500"
    (folder / "access").mkdir()
    for name in ("ca.crt", "password"):
        shutil.copy(folder / name, folder / "access" / name)
    with exporter(*said) as running:
        address = running.url.removeprefix("https://")
        path = stack.configured(DEPLOY / "access" / "prometheus.yml", {"exporter:10500": address})
        server = stack.prometheus(path)
        wait_for("a scrape that went well", lambda: up(server))


def test_the_other_jobs_are_those_of_prometheus_yml() -> None:
    """What is not of the job sanctum is the same in both files."""
    with_access = yaml.safe_load((DEPLOY / "access" / "prometheus.yml").read_text("utf-8"))
    without = yaml.safe_load((ROOT / "prometheus.yml").read_text("utf-8"))
    secured = with_access["scrape_configs"][0]
    for field in ("scheme", "tls_config", "basic_auth"):
        del secured[field]
    assert with_access == without


def test_the_kubernetes_component_fits_both_kustomizations(
    stack_tool: StackTool, tmp_path: Path
) -> None:
    """Probes go by HTTPS, the Secret is mounted, and the operator knows the password."""
    found: dict[str, Any] = {}
    shutil.copytree(DEPLOY / "kubernetes", tmp_path / "kubernetes")
    for folder in ("trainer", "monitoring"):
        file = tmp_path / "kubernetes" / folder / "kustomization.yaml"
        file.write_text(f"{file.read_text('utf-8')}components: [../access]\n", "utf-8")
        rendered = subprocess.run(
            [stack_tool("kubectl"), "kustomize", file.parent], capture_output=True, check=True
        ).stdout
        found |= {each["kind"]: each for each in yaml.safe_load_all(rendered)}
    kubernetes_validate.validate(found["Job"], "1.37", strict=True)
    pod = found["Job"]["spec"]["template"]["spec"]
    (sidecar,) = pod["initContainers"]
    for probe in ("startupProbe", "livenessProbe"):
        assert sidecar[probe]["httpGet"] == {
            "path": "/-/healthy",
            "port": "sanctum",
            "scheme": "HTTPS",
        }
    (mount,) = (each for each in sidecar["volumeMounts"] if each["name"] == "access")
    assert f"--web.config.file={mount['mountPath']}/web.yml" in sidecar["args"]
    (volume,) = (each for each in pod["volumes"] if each["name"] == "access")
    assert volume["secret"] == {"secretName": "sanctum-exporter-access", "defaultMode": 0o440}
    (endpoint,) = found["PodMonitor"]["spec"]["podMetricsEndpoints"]
    assert endpoint["scheme"] == "https"
    assert endpoint["basicAuth"]["password"] == {
        "name": "sanctum-exporter-scrape",
        "key": "password",
    }
    script = blocks("sh")[PASSWORD]
    assert f"DNS:{endpoint['tlsConfig']['serverName']}," in script
