"""The load test, as a program that prints its figures: ``make load``.

Usage: ``python -m tests.load [--scrapers N] [--slow N] [--events N] [--seconds N]``. Its status is
1 if a scrape or a probe failed, or an event was lost.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from tests.load.trial import Asker, Load, bear


def main() -> int:
    """Print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--scrapers", type=int, default=200)
    parser.add_argument("--slow", type=int, default=500)
    parser.add_argument("--events", type=int, default=10_000, help="a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    outcome = bear(Load(given.scrapers, given.slow, given.events, given.seconds))
    answered = outcome.crowd.get("answered", 0)
    print(f"{given.scrapers} scrapers: {answered} answers, {answered / given.seconds:.0f} a second")
    for name, asker in (("a scrape as usual", outcome.scrapes), ("/-/healthy", outcome.probes)):
        print(f"{name}: {len(asker.seconds)} asked, {_percentiles(asker)}")
    rate = outcome.emitted / outcome.emitting_seconds
    print(f"events: {rate:.0f} a second, {outcome.emitted - outcome.counted} lost")
    for failure in outcome.failures():
        print(f"FAILED: {failure}")
    return bool(outcome.failures())


def _percentiles(asker: Asker) -> str:
    cuts = statistics.quantiles(asker.seconds, n=100)
    shown = {f"p{percent}": cuts[percent - 1] for percent in (50, 90, 99)}
    shown["most"] = max(asker.seconds)
    return ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in shown.items())


if __name__ == "__main__":
    sys.exit(main())
