"""Try random inputs by the million, and stop at the first that does what none may do.

Usage: ``python -m tests.fuzz [--inputs N] [--seed N] [TARGET...]``; a finding is told with the seed
that makes it again.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Final, NamedTuple

from tests.fuzz import files, lines, objects, webconfig


class Target(NamedTuple):
    """What is tried, and how large its part of all inputs is."""

    run: Callable[[Random], Iterator[int]]
    share: float


TARGETS: Final = {
    "lines": Target(lines.run, 0.60),
    "objects": Target(objects.run, 0.25),
    "files": Target(files.run, 0.10),
    "webconfig": Target(webconfig.run, 0.05),
}


def fuzz(name: str, inputs: int, seed: int) -> int:
    """Try so many inputs of a target at least; return how many it were."""
    tried = 0
    for count in TARGETS[name].run(Random(f"{name} {seed}")):
        tried += count
        if tried >= inputs:
            break
    return tried


def main() -> None:
    """Run the targets one after another."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of all targets together")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    logging.disable()
    for name in options.targets or TARGETS:
        began = time.monotonic()
        inputs = int(options.inputs * TARGETS[name].share)
        try:
            tried = fuzz(name, inputs, options.seed)
        except BaseException:
            print(f"{name}: found with --seed {options.seed}", file=sys.stderr)
            raise
        print(f"{name:<9} {tried:>9,} inputs, {time.monotonic() - began:.0f} s, nothing found")


if __name__ == "__main__":
    main()
