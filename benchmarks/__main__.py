"""Measure every subject and write docs/performance.md.

Usage: ``python -m benchmarks [--small] [--rounds N] [--output FILE] [SUBJECT...]``
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from benchmarks import emit, reading, scrape, serving, starting, training
from benchmarks.harness import FULL, SMALL, Comparison, Row, Scale, measure
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.page import render

ROOT = Path(__file__).resolve().parent.parent
SUBJECTS: dict[str, Callable[[Scale], Iterator[Comparison]]] = {
    "emit": emit.comparisons,
    "scrape": scrape.comparisons,
    "serving": serving.comparisons,
    "reading": reading.comparisons,
    "starting": starting.comparisons,
}


@click.command()
@click.option(
    "--small", is_flag=True, help="See that it works, in seconds; the numbers mean little."
)
@click.option("--rounds", type=click.IntRange(min=1), help="How often each way is measured.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=ROOT / "docs" / "performance.md",
    help="Where the page goes.",
)
@click.option("--esper", envvar="ESPER", help="esper-lite's src folder.")
@click.option("--esper-python", envvar="ESPER_PYTHON", help="A Python that can import it and us.")
@click.option("--rows", is_flag=True, help="Print the rows as JSON instead.")
@click.argument("subjects", nargs=-1, type=click.Choice(list(SUBJECTS)))
def main(
    small: bool,
    rounds: int | None,
    output: Path,
    esper: str | None,
    esper_python: str | None,
    rows: bool,
    subjects: tuple[str, ...],
) -> None:
    """Measure what the exporter costs beside what others cost; every subject by default."""
    scale = SMALL if small else FULL
    if rounds is not None:
        scale = scale._replace(rounds=rounds)
    machine = describe_machine()
    measured: list[Row] = []
    for name in subjects or SUBJECTS:
        click.echo(f"measuring: {name}", err=True)
        if name == "emit" and esper and not rows:
            measured += _emit_there(
                esper, esper_python or sys.executable, scale.rounds, small=small
            )
            continue
        for comparison in SUBJECTS[name](scale):
            measured += measure(comparison, scale.rounds)
    if rows:
        click.echo(json.dumps([row.to_dict() for row in measured]))
        return
    page = render(
        [*measured, *training.rows()],
        rounds=scale.rounds,
        machine=machine,
        versions=describe_versions(esper),
    )
    output.write_text(page, "utf-8")
    click.echo(f"written: {output}", err=True)


def _emit_there(esper: str, python: str, rounds: int, *, small: bool) -> list[Row]:
    """Measure where esper-lite can be imported: its own events are taken in by all ways then."""
    path = os.pathsep.join([esper, str(ROOT), str(ROOT / "src")])
    command = [python, "-m", "benchmarks", "--rows", "--rounds", str(rounds), "emit"]
    done = subprocess.run(
        command + ["--small"] * small,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(f"{python} cannot measure esper-lite in {esper}: see above")
    return [Row.from_dict(row) for row in json.loads(done.stdout.splitlines()[-1])]


if __name__ == "__main__":
    main()
