"""The judge: ``promtool`` evaluates rules over samples, as Prometheus itself would.

https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sanctum_exporter.durations import parse_duration
from sanctum_exporter.history.sampling import STALE, Samples

_FOUND: Final = re.compile(r"time: (\S+?),\s+exp: nil\s+got: (.*?)(?=\n\s*expr: |\Z)", re.DOTALL)
_ALERT: Final = re.compile(r'\{__name__="ALERTS", (.*?)\} 1E\+00')
_LABEL: Final = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*")')
_METRIC: Final = re.compile(r"\b(?:up|sanctum_\w+)\b")


class PromtoolError(Exception):
    """Rules cannot be judged; the message says why and what to do."""


@dataclass(frozen=True)
class FiredAlert:
    """An alert from when its condition first held until it ended.

    Attributes:
        alert: its name.
        severity: its severity.
        labels: its other labels.
        active_at: when its condition came to hold, in seconds.
        fired_at: when it fired; None if it was only pending.
        resolved_at: when it ended; None if it had not at the end.
    """

    alert: str
    severity: str
    labels: tuple[tuple[str, str], ...]
    active_at: float
    fired_at: float | None
    resolved_at: float | None


def metric_names(rules: Iterable[Path]) -> set[str]:
    """Return the metrics that files of rules may read.

    Raises:
        PromtoolError: if a file cannot be read.
    """
    try:
        return {name for path in rules for name in _METRIC.findall(path.read_text("utf-8"))}
    except (OSError, UnicodeDecodeError) as error:
        raise PromtoolError(f"cannot read the rules: {error}") from None


def judge(
    samples: Samples, rules: Sequence[Path], evaluation_interval: int, until: float
) -> list[FiredAlert]:
    """Return the alerts that files of rules make of samples, in the order in which they came.

    Args:
        samples: what Prometheus has, at whole seconds.
        rules: the files.
        evaluation_interval: from one evaluation to the next, in seconds; the first is at 0.
        until: when the last is, at most.

    Raises:
        PromtoolError: if there is no ``promtool``, or it cannot use the rules.
    """
    promtool = shutil.which("promtool")
    if promtool is None:
        raise PromtoolError(
            "promtool is not on PATH: it comes with Prometheus, "
            "https://prometheus.io/download/#prometheus"
        )
    moments = range(0, int(until) + 1, evaluation_interval)
    test = {
        "rule_files": [str(path.resolve()) for path in rules],
        "evaluation_interval": f"{evaluation_interval}s",
        "tests": [
            {
                "interval": f"{_grid(samples)}s",
                "input_series": list(_input_series(samples)),
                "promql_expr_test": [
                    # Nothing is expected, so it prints what it has.
                    {"expr": "ALERTS", "eval_time": f"{moment}s", "exp_samples": []}
                    for moment in moments
                ],
            }
        ],
    }
    with tempfile.TemporaryDirectory(prefix="sanctum-exporter-") as directory:
        path = Path(directory) / "rehearsal.json"
        # JSON is YAML, and quicker to write.
        path.write_text(json.dumps(test), "utf-8")
        done = subprocess.run(  # noqa: S603 - nothing of a user's is run
            [promtool, "test", "rules", path], capture_output=True, text=True, check=False
        )
    said = done.stdout + done.stderr
    states = _states(said)
    if done.returncode and not states:
        raise PromtoolError(f"promtool cannot use the rules: {' '.join(said.split())}")
    return sorted(_episodes(states, moments), key=lambda each: each.active_at)


def _grid(samples: Samples) -> int:
    """Return the largest step, in seconds, that every sample is on."""
    times = {int(at) for values in samples.by_series.values() for at, _ in values}
    return math.gcd(*times) or 1


def _input_series(samples: Samples) -> Iterator[dict[str, str]]:
    step = _grid(samples)
    for (name, labels), values in samples.by_series.items():
        selector = ",".join(f"{label}={json.dumps(value)}" for label, value in labels)
        yield {"series": f"{name}{{{selector}}}", "values": " ".join(_notation(values, step))}


def _notation(values: Iterable[tuple[float, float | None]], step: int) -> Iterator[str]:
    """Yield samples in promtool's notation."""
    position = 0
    for at, value in values:
        index = int(at) // step
        if index > position:
            yield f"_x{index - position}"
        yield "stale" if value is STALE else repr(float(value))
        position = index + 1


def _states(said: str) -> dict[tuple[tuple[str, str], ...], dict[float, str]]:
    """Return the state of every alert, by its labels, at each moment at which it has one."""
    states: dict[tuple[tuple[str, str], ...], dict[float, str]] = {}
    for moment, found in _FOUND.findall(said):
        for alert in _ALERT.findall(found):
            labels = {name: json.loads(value) for name, value in _LABEL.findall(alert)}
            state = labels.pop("alertstate")
            states.setdefault(tuple(sorted(labels.items())), {})[parse_duration(moment)] = state
    return states


def _episodes(
    states: dict[tuple[tuple[str, str], ...], dict[float, str]], moments: Iterable[int]
) -> Iterator[FiredAlert]:
    for labels, by_moment in states.items():
        active_at: float | None = None
        fired_at: float | None = None
        for moment in moments:
            state = by_moment.get(float(moment))
            if state is None and active_at is not None:
                yield _fired(labels, active_at, fired_at, float(moment))
                active_at = fired_at = None
            elif state is not None:
                active_at = float(moment) if active_at is None else active_at
                if state == "firing" and fired_at is None:
                    fired_at = float(moment)
        if active_at is not None:
            yield _fired(labels, active_at, fired_at, None)


def _fired(
    labels: tuple[tuple[str, str], ...],
    active_at: float,
    fired_at: float | None,
    resolved_at: float | None,
) -> FiredAlert:
    named = dict(labels)
    alert, severity = named.pop("alertname"), named.pop("severity", "")
    return FiredAlert(alert, severity, tuple(named.items()), active_at, fired_at, resolved_at)
