"""On what it was measured."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tools.stack import known

PACKAGES = (
    "sanctum-exporter",
    "prometheus-client",
    "opentelemetry-sdk",
    "opentelemetry-exporter-prometheus",
    "msgspec",
    "duckdb",
)


def describe_machine() -> str:
    """Return processor, cores, operating system, and how much else is running."""
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text("utf-8").splitlines()
        names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
        cpu = next(iter(names), cpu)
    system = platform.system()
    if system == "Linux":
        system = f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}"
    return f"{cpu}, {os.cpu_count()} cores, {system}, load {os.getloadavg()[0]:.1f}"


def describe_versions(esper: str | None) -> str:
    """Return the versions of what is compared, as far as it is here.

    Args:
        esper: esper-lite's src folder, or several folders, if it is compared.
    """
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    project = Path((esper or "").split(os.pathsep)[-1]).parent / "pyproject.toml"
    if esper and project.exists():
        declared = tomllib.loads(project.read_text("utf-8"))["project"]
        found.append(f"{declared['name']} {declared['version']}")
    if "mtail" in known():
        found.append(f"mtail {known()['mtail']}")
    found.append(_said("wc", "--version"))
    return ", ".join(filter(None, found))


def _said(program: str, *arguments: str) -> str:
    """Return the first line that a program prints, nothing if it cannot be run."""
    path = shutil.which(program)
    if path is None:
        return ""
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0]
