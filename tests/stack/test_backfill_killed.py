"""Blocks of a call that was killed, with the real promtool."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import recordings
from tests.rundirs import write_run
from tests.stack.backfilling import StackTool, backfill

pytestmark = pytest.mark.stack

NAMES = ("ppo_single", "proof", "lifecycle_only")
KILLING = """#!/bin/sh
echo again >> "$CALLS"
if [ "$(wc -l < "$CALLS")" -eq "$KILL_AT" ] && [ "$WHEN" = before ]; then kill -9 $PPID; fi
"$PROMTOOL" "$@" || exit
if [ "$(wc -l < "$CALLS")" -eq "$KILL_AT" ] && [ "$WHEN" = after ]; then kill -9 $PPID; fi
"""
"""Stands for promtool: kills whoever calls it, before or after it has made the blocks of a run."""


def dump(promtool: Path, data: Path) -> list[str]:
    """Return every sample of a database, by promtool itself."""
    # It does not open one that no Prometheus has used yet.
    (data / "wal").mkdir(exist_ok=True)
    done = subprocess.run(
        [promtool, "tsdb", "dump", data], capture_output=True, text=True, check=True
    )
    return sorted(done.stdout.splitlines())


def blocks(data: Path) -> list[Path]:
    """Return the blocks of a database."""
    return [path for path in data.iterdir() if (path / "meta.json").exists()]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kill_at", [1, 2, 3])
def test_blocks_are_those_of_a_call_that_was_never_killed(
    stack_tool: StackTool, tmp_path: Path, kill_at: int, when: str
) -> None:
    """Every sample once, no block twice, and nothing is left of what was half-done."""
    promtool = stack_tool("promtool")
    for name in NAMES:
        write_run(tmp_path / "runs", name, *recordings.lines(name))
    whole, out = tmp_path / "whole", tmp_path / "out"
    options = ("--blocks", "--step", "5s")
    assert backfill(stack_tool, tmp_path / "runs", "-o", whole, *options).returncode == 0
    killing = tmp_path / "bin" / "promtool"
    killing.parent.mkdir()
    killing.write_text(KILLING)
    killing.chmod(0o755)
    killed = subprocess.run(
        [
            *(sys.executable, "-m", "sanctum_exporter", "backfill", tmp_path / "runs"),
            *("-o", out, *options),
        ],
        env=os.environ
        | {
            "PATH": f"{killing.parent}{os.pathsep}{os.environ['PATH']}",
            "PROMTOOL": str(promtool),
            "CALLS": str(tmp_path / "calls"),
            "KILL_AT": str(kill_at),
            "WHEN": when,
        },
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(blocks(out)) == kill_at - 1
    again = backfill(stack_tool, tmp_path / "runs", "-o", out, *options)
    assert again.returncode == 0, again.stderr
    assert len(blocks(out)) == len(blocks(whole)) == len(NAMES)
    assert dump(promtool, out) == dump(promtool, whole) != []
    assert {path.name for path in out.glob(".*")} == {path.name for path in whole.glob(".*")}
    assert backfill(stack_tool, tmp_path / "runs", "-o", out, *options).stdout.startswith("0 of 3")
