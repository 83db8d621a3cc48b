"""Real servers: a skip that says so where one is missing, a failure where they are required."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.grafana.display import Grafana
from tools.stack import locate


def missing(message: str) -> NoReturn:
    """Skip, saying so, or fail where everything has to be there."""
    if os.environ.get("REQUIRE_STACK") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def stack_tool() -> Callable[[str], Path]:
    """Return a function from the name of a tool to its program."""

    def find(name: str) -> Path:
        path = locate(name)
        if path is None:
            missing(f"{name} is not here: python tools/stack.py {name} would get it")
        return path

    return find


@pytest.fixture(scope="session")
def grafana() -> Iterator[Grafana]:
    """Grafana's own code, in a Node process."""
    try:
        running = Grafana()
    except FileNotFoundError as error:
        missing(str(error))
    with running:
        yield running
