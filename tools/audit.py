"""Compare the pinned dependencies with advisories, and what is installed with what is pinned.

Usage: ``python -m tools.audit``

The exit status is 1 for a package with a known weakness, a dependency that is missing or does not
fit, and an installed version that is not the pinned one. Advisories come from PyPI, by pip-audit.
Where nothing answers, a line says that nothing was audited: a failure only with REQUIRE_AUDIT=1, so
that a machine without a network can still pass, and nobody takes its silence for a result.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from packaging.version import Version

ROOT: Final = Path(__file__).resolve().parent.parent
LOCKS: Final = ("requirements.txt", "requirements-dev.txt")
_ELSEWHERE: Final = ("docs/requirements.txt", "requirements-release.txt")
"""Locks of environments of their own, which this one is not compared with."""
_PATIENCE_SECONDS: Final = 300


class Verdict(NamedTuple):
    """What was found: lines for people, and whether they are a failure."""

    lines: list[str]
    failed: bool


def pinned(text: str) -> dict[str, str]:
    """Return the version of each package in the text of a lock."""
    return dict(re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.MULTILINE))


def compare(locked: Mapping[str, str], installed: Mapping[str, str]) -> Verdict:
    """Compare what is installed with what is pinned; what is not installed is not needed here."""
    lines = [
        f"{name} {installed[name]} is installed, and {version} is pinned: make .venv/dev"
        for name, version in locked.items()
        if Version(installed.get(name, version)) != Version(version)
    ]
    return Verdict(lines, bool(lines))


def judge(lock: str, report: Mapping[str, Any] | None, *, required: bool) -> Verdict:
    """Judge what pip-audit says of a lock.

    Args:
        lock: its name.
        report: the document that ``pip-audit --format json`` writes, None where it wrote none.
        required: whether a package that could not be audited is a failure.
    """
    packages = report["dependencies"] if report else []
    weak = [
        f"{each['name']} {each['version']}: {weakness['id']}, fixed in "
        f"{', '.join(weakness['fix_versions']) or 'no version yet'}"
        for each in packages
        for weakness in each.get("vulns", ())
    ]
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    audited = len(packages) - len(skipped)
    lines = [*weak, f"{lock}: {audited} packages audited, {len(weak)} advisories"]
    if not audited:
        lines = [f"{lock}: NOT AUDITED, no source of advisories answers"]
    elif skipped:
        lines.append(f"{lock}: NOT AUDITED: {', '.join(skipped)}")
    return Verdict(lines, bool(weak) or (required and (not audited or bool(skipped))))


def ask(lock: str) -> dict[str, Any] | None:
    """Return pip-audit's report of a lock, None if there is none."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", lock, "--require-hashes"]
    options = ["--disable-pip", "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(
            [*command, *options],
            cwd=ROOT,
            capture_output=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )
        report: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return report


def find_installed(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that this Python has."""
    found = {}
    for name in names:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def check_installed() -> Verdict:
    """Return what ``pip check`` finds: dependencies that are missing or do not fit."""
    command = [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Verdict(done.stdout.splitlines(), done.returncode != 0)


def main() -> int:
    """Run the program and return its exit status."""
    locked: dict[str, str] = {}
    for lock in LOCKS:
        locked |= pinned((ROOT / lock).read_text("utf-8"))
    required = os.environ.get("REQUIRE_AUDIT") == "1"
    verdicts = [
        check_installed(),
        compare(locked, find_installed(locked)),
        *(judge(lock, ask(lock), required=required) for lock in (*LOCKS, *_ELSEWHERE)),
    ]
    for verdict in verdicts:
        print(*verdict.lines, sep="\n", end="\n" if verdict.lines else "")
    return int(any(verdict.failed for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
