"""Play every scenario in every setup, and write the table of docs/alerting.md.

Usage: ``python -m tests.rehearsals [SCENARIO]``; with the beginning of a name, only those.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path

from tests import recordings
from tests.rehearsals.playing import play
from tests.rehearsals.scenarios import SETUPS, STAGES, Result, Setup, promised

PAGE = recordings.ROOT / "docs" / "alerting.md"
TABLE = re.compile(r"(<!-- rehearsals -->\n).*?(<!-- end of rehearsals -->)", re.DOTALL)


def played(name: str, setup: Setup) -> tuple[str, Setup, Result]:
    """Play one scenario, quietly: what the exporter logs of it is no news."""
    logging.disable(logging.CRITICAL)
    return name, setup, play(name, setup)


since = cache(promised)


def table(times: dict[str, dict[tuple[str, str], list[float]]]) -> str:
    """Return what fired in each scenario, with the fewest and the most minutes until it did."""
    rows = [
        "| What happens, and how the exporter is attached | What fires, after how many minutes |"
    ]
    rows.append("| --- | --- |")
    for name, fired in times.items():
        cells = [
            f"{alert} ({severity}) {_minutes(seconds)}"
            for (alert, severity), seconds in sorted(fired.items(), key=lambda item: min(item[1]))
        ]
        rows.append(f"| {name} | {', '.join(cells) or 'nothing'} |")
    return "\n".join(rows) + "\n"


def _minutes(seconds: list[float]) -> str:
    least, most = (f"{value / 60:.1f}" for value in (min(seconds), max(seconds)))
    return least if least == most else f"{least} to {most}"


def main() -> int:
    """Play, write the table if everything was played, and return the exit status."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    names = [name for name in STAGES if name.startswith(wanted)]
    times: dict[str, dict[tuple[str, str], list[float]]] = {name: {} for name in names}
    wrong = 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        plays = [pool.submit(played, name, setup) for name in names for setup in SETUPS]
        for number, done in enumerate(as_completed(plays), 1):
            name, setup, result = done.result()
            for alert, at in result.fired.items():
                times[name].setdefault(alert, []).append(at - since(name, alert))
            for complaint in result.wrong:
                wrong += 1
                _say(f"{name}, {setup}: {complaint}")
            if number % 100 == 0 or number == len(plays):
                _say(f"{number} of {len(plays)} played, {wrong} complaints")
    if not wanted and not wrong:
        _write(PAGE, table(times))
    return 1 if wrong else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _write(page: Path, text: str) -> None:
    page.write_text(TABLE.sub(lambda found: found[1] + text + found[2], page.read_text("utf-8")))


if __name__ == "__main__":
    sys.exit(main())
