"""Print the lowest versions that pyproject.toml declares, as pip's constraints.

Usage: ``python tools/lowest.py``
"""

from __future__ import annotations

import re
import sys
import tomllib
from itertools import chain
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def constraints(dependencies: list[str]) -> str:
    """Return a line for each dependency, with the version that it asks for at least.

    Raises:
        ValueError: if a dependency is not of the form ``name>=version``.
    """
    lines = []
    for dependency in dependencies:
        match = re.fullmatch(r"([\w.-]+)>=([\w.]+)", dependency)
        if match is None:
            raise ValueError(f"{dependency!r} in pyproject.toml names no lowest version")
        lines.append(f"{match[1]}=={match[2]}\n")
    return "".join(lines)


if __name__ == "__main__":
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    sys.stdout.write(constraints([*project["dependencies"], *chain.from_iterable(extras)]))
