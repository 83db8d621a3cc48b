"""Conditions that the rules are made of.

Nothing is aggregated and nothing matched by job or instance: two conditions on one group match by
all the labels that there are, so an alert keeps the cluster, namespace, pod, node and rank that
somebody gave the series, and no two of them are taken for each other.
"""

from __future__ import annotations

from typing import Final

from sanctum_exporter import thresholds

WINDOW: Final = "4m"
"""How far back the last value counts: two scrapes in a row may fail at an interval of a minute."""
MEMORY: Final = "1h"
"""How long something that has gone is remembered."""


def last(selector: str) -> str:
    """Return the last value of a series, also of one whose last scrapes failed."""
    return f"last_over_time({selector}[{WINDOW}])"


def gone(metric: str) -> str:
    """Return what a metric of a process was when it was last seen, if it is not seen any more."""
    return f"""
last_over_time({metric}[{MEMORY}]) > 0
unless present_over_time({metric}[{WINDOW}])
"""


_NEWEST: Final = last("sanctum_last_event_timestamp_seconds")
_STATE: Final = last('sanctum_run_state{state="running"}')
_RUNNING: Final = f"and ignoring (state, sanctum_run_state) {_STATE} == 1"
_HEARD_OF: Final = f"and {_NEWEST} > time() - {thresholds.FORGOTTEN_SECONDS}"
UNDER_WAY: Final = f"{_RUNNING}\n{_HEARD_OF}"
"""Of a run that is neither completed nor the past."""
IN_TRAINING: Final = f"{_RUNNING}\nand {_NEWEST} > time() - {thresholds.SILENCE_SECONDS}"
"""Of a run whose events come: seeds of a run that is paused or over are not judged."""
SILENCE: Final = f"time() - {_NEWEST}"
