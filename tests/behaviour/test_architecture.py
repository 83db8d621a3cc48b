from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.recordings import ROOT

PROJECT = ("src", "grafana", "rules", "tools", "benchmarks", "examples")


def imports(path: Path) -> set[str]:
    """Return the names of the modules that a file imports anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
    return found


@pytest.mark.parametrize("folder", PROJECT)
def test_the_project_never_imports_its_tests(folder: str) -> None:
    """What is tested stands without its tests, and without the equipment for testing."""
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    guilty = [
        str(path) for path in files if any(name.split(".")[0] == "tests" for name in imports(path))
    ]
    assert guilty == []
