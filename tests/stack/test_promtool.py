"""The real promtool judges the exposition."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import recordings


@pytest.mark.stack
def test_promtool_has_no_complaint_about_the_exposition(
    stack_tool: Callable[[str], Path],
) -> None:
    """`promtool check metrics` lints names, helps and types of the golden text."""
    golden = recordings.ROOT / "tests" / "data" / "heuristic.prom"
    checked = subprocess.run(
        [stack_tool("promtool"), "check", "metrics", "--extended"],
        input=golden.read_bytes(),
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr.decode()) == (0, "")
