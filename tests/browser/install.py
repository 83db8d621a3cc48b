#!/usr/bin/env python3
"""Put axe-core in place, which judges accessibility: ``python -m tests.browser.install``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.browser.chromium import AXE
from tests.grafana.install import npm


def main() -> None:
    """Install what is not there yet, exactly as the lock file has it."""
    if not AXE.is_file():
        home = Path(__file__).resolve().parent
        subprocess.run([*npm(), "ci", "--loglevel=error"], cwd=home, check=True)


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"no axe-core, so accessibility is not looked at: {error}")
