"""What the hook costs a real training: its command run with and without, in turn, by hand.

Usage: ``python -m benchmarks.training [--rounds N] [--python PYTHON] NAME PROGRAM [ARGUMENT...]``,
where PYTHON can import what the program needs and ``sanctum_exporter``; for esper-lite, PROGRAM is
``-m esper.scripts.train``. It writes ``benchmarks/training.json``, rows of docs/performance.md.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from benchmarks.harness import Comparison, Row, Way, measure
from benchmarks.machine import describe_machine

RESULT = Path(__file__).with_suffix(".json")
WHAT = "A real training with the hook"
WITHOUT = "without the hook"
QUANTITIES = ("s a run", "CPU s a run")
HOOK = ("-m", "sanctum_exporter", "run", "--web.listen-address", "127.0.0.1:0")


def rows() -> list[Row]:
    """Return what was measured by hand, or that nothing was."""
    if not RESULT.exists():
        return [Row(WHAT, QUANTITIES[0], WITHOUT, "by hand: `python -m benchmarks.training`")]
    return [Row.from_dict(row) for row in json.loads(RESULT.read_text("utf-8"))]


def comparison(name: str, python: str, program: Sequence[str]) -> Comparison:
    """Compare a training with the hook and without it, which is the floor, too."""

    def way(label: str, *before: str) -> Way:
        def sample() -> list[float]:
            began, cpu_before = time.perf_counter(), _cpu_seconds()
            done = subprocess.run([python, *before, *program], capture_output=True, check=False)
            if done.returncode:
                raise click.ClickException(done.stderr.decode(errors="replace")[-2_000:])
            return [time.perf_counter() - began, _cpu_seconds() - cpu_before]

        return Way(label, sample)

    without = way(WITHOUT)
    today = datetime.now(UTC).date()
    what = f"{WHAT}, by hand on {today} ({describe_machine()}): {name}"
    return Comparison(what, QUANTITIES, way("ours", *HOOK), [without], without)


def _cpu_seconds() -> float:
    """Return what ended children have used of processors so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--rounds", default=5, show_default=True)
@click.option("--python", default=sys.executable)
@click.argument("name")
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED)
def main(rounds: int, python: str, name: str, program: tuple[str, ...]) -> None:
    """Run PROGRAM with and without the hook, in turn, and keep what came of it."""
    rows = measure(comparison(name, python, program), rounds)
    RESULT.write_text(json.dumps([row.to_dict() for row in rows], indent=2) + "\n", "utf-8")
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
