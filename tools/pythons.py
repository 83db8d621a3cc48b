"""Run the tests that need no server on every Python from 3.11 on that this machine has.

Usage: ``python tools/pythons.py``; the exit status is that of the worst.

Looked for on PATH, among pyenv's versions and, in CI, among Debian's packages. What cannot be
had is named at the end, and is no failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MINORS = (11, 12, 13, 14)
TESTS = (
    "tests/unit",
    "tests/parity",
    "tests/behaviour/test_command_line.py",
    "tests/behaviour/test_otlp_push.py",
)


def candidates(minor: int) -> list[Path]:
    """Return programs that may be a Python of a minor version."""
    found = shutil.which(f"python3.{minor}")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    versions = sorted(pyenv.glob(f"3.{minor}.*/bin/python3.{minor}"), reverse=True)
    return [*versions, *([Path(found)] if found else [])]


def find(minor: int) -> Path | None:
    """Return a Python of a minor version that runs and can make virtual environments."""
    for program in candidates(minor):
        code = f"import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, {minor}))"
        if subprocess.run([program, "-c", code], capture_output=True, check=False).returncode == 0:
            return program
    return None


def from_debian(minor: int) -> Path | None:
    """Return a Python of a minor version out of Debian's packages; only CI's machine is ours."""
    if not os.environ.get("CI") or shutil.which("apt-get") is None or os.geteuid() != 0:
        return None
    packages = [f"python3.{minor}", f"python3.{minor}-venv"]
    command = ["apt-get", "install", "-qq", "--no-install-recommends", *packages]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=600)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return find(minor)


def run_tests(minor: int, program: Path) -> int:
    """Return the exit status of the tests in an environment of a Python's own."""
    home = ROOT / ".venvs" / f"3.{minor}"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([program, "-m", "venv", home], check=True)
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "install",
    ]
    requirements = ["--require-hashes", "-r", "requirements.txt", "-r", "requirements-dev.txt"]
    subprocess.run([*pip, *requirements], cwd=ROOT, check=True)
    subprocess.run([*pip, "--no-deps", "--editable", "."], cwd=ROOT, check=True)
    command: list[str | Path] = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main() -> int:
    """Run the program and return its exit status."""
    worst, said = 0, []
    for minor in MINORS:
        if sys.version_info[:2] == (3, minor):
            said.append(f"Python 3.{minor}: the one that everything runs on")
            continue
        program = find(minor) or from_debian(minor)
        if program is None:
            said.append(f"Python 3.{minor}: NOT TESTED, it cannot be had on this machine")
            continue
        status = run_tests(minor, program)
        worst = max(worst, status)
        said.append(f"Python 3.{minor}: {'passed' if status == 0 else 'FAILED'} ({program})")
    print(*said, sep="\n")
    return worst


if __name__ == "__main__":
    sys.exit(main())
