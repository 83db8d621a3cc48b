"""How values are written on the page, and the files that it is made of.

``assets/page/page.js`` writes them alike when they change: a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from sanctum_exporter.durations import describe_duration
from sanctum_exporter.panel import STAGE_ROWS
from sanctum_exporter.readings import Trend
from sanctum_exporter.view.document import GroupView
from sanctum_exporter.view.judgement import Severity

if TYPE_CHECKING:
    from jinja2 import Environment

NOTHING: Final = "\N{EN DASH}"
"""Stands where there is no value."""

FIXED: Final = {
    "icon.svg": "image/svg+xml",
    "page.js": "text/javascript; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
}
"""The files that the page asks for, with their types."""


class StageCount(NamedTuple):
    """How many slots are in a stage."""

    stage: str
    slots: int


class SeedCount(NamedTuple):
    """What became of seeds: how many, how many an episode, and where that is going."""

    event: str
    name: str
    seeds: int
    rate: float
    trend: Trend


def asset(*path: str) -> str:
    """Return the text of a file that is part of the package."""
    return files("sanctum_exporter").joinpath("assets", *path).read_text("utf-8")


def render(template: str, **values: Any) -> str:
    """Return a template with values, each escaped."""
    return _environment().get_template(template).render(values)


def stage_rows(group: GroupView) -> list[StageCount]:
    """Return the slots in each stage of a group."""
    counts = group.slots.slot_stage_counts
    return [StageCount(row.stage, counts.get(row.stage, 0)) for row in STAGE_ROWS]


def count_rows(group: GroupView) -> list[SeedCount]:
    """Return what became of the seeds of a group."""
    seeds = group.slots.seed_lifecycle
    return [
        SeedCount(
            "germinated",
            "Germinated",
            seeds.germination_count,
            seeds.germination_rate,
            seeds.germination_trend,
        ),
        SeedCount("pruned", "Pruned", seeds.prune_count, seeds.prune_rate, seeds.prune_trend),
        SeedCount(
            "fossilized",
            "Fossilized",
            seeds.fossilize_count,
            seeds.fossilize_rate,
            seeds.fossilize_trend,
        ),
    ]


def _age(timestamp: float, now: float) -> str:
    return f"{describe_duration(max(0.0, now - timestamp))} ago" if timestamp else "never"


def _left(seconds: float) -> str:
    return describe_duration(seconds) if seconds else NOTHING


def _when(timestamp: float) -> str:
    if not timestamp:
        return NOTHING
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _percent(ratio: float | None) -> str:
    return NOTHING if ratio is None else f"{int(ratio * 100)} %"


def _verdict(severity: Severity) -> str:
    return NOTHING if severity == "none" else severity


def _link(run: str | None) -> str:
    return "./" if run is None else f"?run={quote(run, safe='')}"


def _name(run: str | None) -> str:
    return NOTHING if run is None else run


def _runbook(name: str | None) -> str:
    return f"-/runbooks/{name or 'index'}"


def _title(task: str) -> str:
    return task or "Waiting for its start"


_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "age": _age,
    "count_rows": count_rows,
    "left": _left,
    "link": _link,
    "name": _name,
    "number": "{:,}".format,
    "percent": _percent,
    "rate": "{:.2f}".format,
    "runbook": _runbook,
    "stage_rows": stage_rows,
    "title": _title,
    "verdict": _verdict,
    "when": _when,
}


@cache
def _environment() -> Environment:
    # A training that nobody looks at does without it.
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 - see above

    environment = Environment(
        loader=FunctionLoader(lambda name: asset("page", name)),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )
    environment.filters.update(_FILTERS)
    # Who has a file of an earlier version asks for that of this one.
    environment.globals["fixed"] = {
        name: blake2b(asset("page", name).encode(), digest_size=6).hexdigest() for name in FIXED
    }
    return environment
