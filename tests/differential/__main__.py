"""Random events through esper-lite and through us, compared after every event.

Usage: ``python -m tests.differential [--events N] [--seed S]``, by default 100,000 events, with
esper-lite's ``src`` on PYTHONPATH: ``make differential ESPER=path/to/esper-lite/src``, and
``ESPER_PYTHON=`` a Python that has the packages of both.

Its own event objects go to its own aggregator and its own SlotsPanel, and, as live objects and as
the lines that its writer writes, to ours. After every event every value of every group, and the
text and colours of its panel, must be the same. The differences that are on purpose
(docs/adr/0002) are kept out: envs are those of the run (R4), a group is compared from its first
TRAINING_STARTED on (R2, R7), and the original is given what R1 and R3 make of an event.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Iterable
from itertools import islice, product
from typing import Any

from sanctum_exporter import panel
from sanctum_exporter.readings import GroupReading, group_name
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from sanctum_exporter.telemetry.events import READ_EVENTS
from tests.differential.generator import Generator
from tests.differential.original import Original, Shown

PROCESSES = 20
"""Counts last as long as a process: many short ones, so that there are small numbers, too."""


def differences(reading: GroupReading | None, there: Shown) -> list[str]:
    """Return what is not the same, a line a field."""
    if reading is None:
        return ["the group is not published"]
    found = _compare("", reading.slots.to_dict(), there.values)
    styles = [span.style for line in panel.lines(reading.slots) for span in line for _ in span.text]
    for name, mine, theirs in (
        ("border title", panel.border_title(reading.slots), there.title),
        ("text", panel.text(reading.slots), there.text),
        ("styles", styles, there.styles),
    ):
        if mine != theirs:
            found.append(f"{name}:\n{mine}\nthere:\n{theirs}")
    return found


def _compare(where: str, ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    found = []
    if ours.keys() != theirs.keys():
        found.append(f"{where}fields: {sorted(ours.keys() ^ theirs.keys())}")
    for name in ours.keys() & theirs.keys():
        mine, other = ours[name], theirs[name]
        if isinstance(mine, dict):
            found += _compare(f"{where}{name}.", mine, other)
        elif isinstance(mine, float):
            if not math.isclose(mine, other, rel_tol=0, abs_tol=1e-12):
                found.append(f"{where}{name}: {mine!r}, there {other!r}")
        elif mine != other:
            found.append(f"{where}{name}: {mine!r}, there {other!r}")
    return found


class Comparison:
    """esper-lite and us, fed with the same events; counts what was compared."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.compared = 0
        self.rejected = 0

    def process(self, original: Original, events: Iterable[Any]) -> list[str]:
        """Take in the events of one process; return the first differences, [] for none."""
        intakes = {"live": Intake(Groups()), "line": Intake(Groups())}
        shown: dict[str, Shown] = {}
        for number, event in enumerate(events, start=1):
            line = original.line(event)
            intakes["live"].live(event)
            intakes["line"].line(line, number)
            self._take(original, event)
            group = group_name(event.group_id)
            if group in shown or event.event_type.name == "TRAINING_STARTED":
                shown[group] = original.read(group)
            # Every group: an event of one must not change another.
            for (way, intake), (each, there) in product(intakes.items(), shown.items()):
                found = differences(intake.read(each), there)
                if found:
                    where = f"event {number} of its process, {way}, group {each}"
                    return [f"{where}: {line.decode()}", *found]
                self.compared += 1
        self.rejected += sum(
            sum(intake.activity().rejected.values()) for intake in intakes.values()
        )
        return []

    def _take(self, original: Original, event: Any) -> None:
        name = event.event_type.name
        self.seen[name] += 1
        try:
            original.take(event)
        except Exception as error:
            if name in READ_EVENTS:
                raise
            # Of a payload that nobody's numbers here depend on, made up by its types alone.
            self.refused[f"{name}: {type(error).__name__}"] += 1


def compare(events: int, seed: int) -> int:
    """Return the exit status of a comparison: 1 at the first difference, which is printed."""
    comparison = Comparison()
    began = time.monotonic()
    germinations = events // 5
    lengths = [(events - germinations) // PROCESSES] * PROCESSES
    lengths[0] += events - germinations - sum(lengths)
    for process, length in enumerate([germinations, *lengths]):
        original = Original()
        generator = Generator(original, f"{seed}/{process}", germination=process == 0)
        found = comparison.process(original, islice(generator.events(), length))
        if found:
            print(f"--events {events} --seed {seed}, process {process}", *found, sep="\n")
            return 1
    spent = time.monotonic() - began
    print(f"seed {seed}: {events} events of {len(comparison.seen)} types in {spent:.0f} s")
    print(f"{comparison.compared} comparisons of a group's values and panel: none differs")
    refused = dict(comparison.refused) or "none"
    print(f"rejected by us: {comparison.rejected}; raised by the original: {refused}")
    return 1 if comparison.rejected else 0


def main() -> int:
    """Run the program and return its exit status."""
    parser = argparse.ArgumentParser(prog="differential", description="See the module's text.")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        Original()
    except ImportError as error:
        print(
            f"esper-lite cannot be imported ({error}): clone it, install torch, textual, pydantic, "
            "pyyaml, duckdb and psutil, and give ESPER=path/to/esper-lite/src",
            file=sys.stderr,
        )
        return 2
    return compare(arguments.events, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
