"""Real servers: a skip that says so where one is missing, a failure where they are required."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.stack import locate


@pytest.fixture(scope="session")
def stack_tool() -> Callable[[str], Path]:
    """Return a function from the name of a tool to its program."""

    def find(name: str) -> Path:
        path = locate(name)
        if path is None:
            message = f"{name} is not here: python tools/stack.py {name} would get it"
            if os.environ.get("REQUIRE_STACK") == "1":
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find
