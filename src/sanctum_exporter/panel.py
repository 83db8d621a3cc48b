"""SlotsPanel as text: the widget of esper-lite's terminal, character for character.

Every line is a row of spans, a text and a style name that terminals, ``rich`` and the web page
share, so plain text and colours cannot differ.

Source: ``esper.karn.sanctum.widgets.tamiyo.slots_panel``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sanctum_exporter import thresholds
from sanctum_exporter.readings import SeedLifecycleStats, SlotSnapshot, Stage, Trend

_BAR_WIDTH: Final = 24
_RULE_WIDTH: Final = 40
_KILO: Final = 1000
_TEN_KILO: Final = 10_000

BORDER_TITLE: Final = "CURRENT SLOTS"
NO_DATA: Final = "[no data]"
"""Stands in the panel before there is a snapshot."""
NO_ENVIRONMENTS: Final = "[no environments]"
"""Stands in the panel where there are no slots."""
ARROWS: Final[dict[Trend, tuple[str, str]]] = {
    "rising": ("↗", "green"),
    "stable": ("→", "dim"),
    "falling": ("↘", "red"),
}


class StageRow(NamedTuple):
    """How a stage is written, the style of its count and bar, and what happens in it."""

    stage: Stage
    abbreviation: str
    style: str
    meaning: str


STAGE_ROWS: Final = (
    StageRow("DORMANT", "DORM", "dim", "the slot is empty, or what was in it was pruned"),
    StageRow("GERMINATED", "GERM", "bright_blue", "a seed has been planted, it does not act yet"),
    StageRow("TRAINING", "TRAIN", "cyan", "the seed learns beside the host"),
    StageRow("BLENDING", "BLEND", "yellow", "its output is faded into the host's"),
    StageRow("HOLDING", "HOLD", "magenta", "fully in, on probation"),
    StageRow("FOSSILIZED", "FOSS", "green", "kept for good, part of the host"),
)


class Span(NamedTuple):
    """A piece of a line, and the name of its style."""

    text: str
    style: str


def border_title(slots: SlotSnapshot) -> str:
    """Return the title in the panel's border."""
    return f"{BORDER_TITLE} ─ {slots.total_slots} across {slots.n_envs} envs"


def text(slots: SlotSnapshot | None) -> str:
    """Return the panel's lines as plain text; None stands for no snapshot yet."""
    return "\n".join("".join(span.text for span in line) for line in lines(slots))


def lines(slots: SlotSnapshot | None) -> list[list[Span]]:
    """Return the panel's lines with their styles; None stands for no snapshot yet."""
    if slots is None:
        return [[Span(NO_DATA, "dim")]]
    if slots.total_slots == 0:
        return [[Span(NO_ENVIRONMENTS, "dim")]]
    seeds = slots.seed_lifecycle
    return [
        *(_stage_line(slots, row) for row in STAGE_ROWS),
        [Span("─" * _RULE_WIDTH, "dim")],
        [Span("Active:", "dim"), Span(f"{seeds.active_count}/{seeds.total_slots}", "cyan")],
        _count_line(seeds),
        _rate_line(seeds),
        _quality_line(seeds),
    ]


def _stage_line(slots: SlotSnapshot, row: StageRow) -> list[Span]:
    count = slots.slot_stage_counts.get(row.stage, 0)
    style = row.style if count else "dim"
    dot = "○" if row.stage == "DORMANT" else "●"
    bar = dot * int(count / slots.total_slots * _BAR_WIDTH)
    return [
        Span(f"{row.abbreviation:<5}", "dim"),
        Span(f"{count:>3}", style),
        Span(" ", "dim"),
        Span(bar, style) if bar else Span("·", "dim"),
    ]


def _count_line(seeds: SeedLifecycleStats) -> list[Span]:
    prune_style = "red" if seeds.prune_count > seeds.fossilize_count else "dim"
    return [
        Span("Germ: ", "dim"),
        Span(f"{_kilo(seeds.germination_count):>6}", "green"),
        Span("  Prune:", "dim"),
        Span(f"{_kilo(seeds.prune_count):>6}", prune_style),
        Span("  Foss: ", "dim"),
        Span(f"{_kilo(seeds.fossilize_count):>6}", "blue"),
    ]


def _rate_line(seeds: SeedLifecycleStats) -> list[Span]:
    germination, germination_style = ARROWS[seeds.germination_trend]
    prune, prune_style = ARROWS[seeds.prune_trend]
    fossilize, fossilize_style = ARROWS[seeds.fossilize_trend]
    return [
        Span(f"Germ{germination}", germination_style),
        Span(f"{seeds.germination_rate:>4.1f}/ep", "dim"),
        Span("  ", "dim"),
        Span(f"Prune{prune}", prune_style),
        Span(f"{seeds.prune_rate:>3.1f}/ep", "dim"),
        Span("  ", "dim"),
        Span(f" Foss{fossilize}", fossilize_style),
        Span(f"{seeds.fossilize_rate:>4.2f}/ep", "dim"),
    ]


def _quality_line(seeds: SeedLifecycleStats) -> list[Span]:
    blend = seeds.blend_success_rate
    if blend >= thresholds.BLEND_SUCCESS_HEALTHY:
        style = "green"
    else:
        style = "yellow" if blend >= thresholds.BLEND_SUCCESS_CRITICAL else "red"
    return [
        Span("Lifespan:", "dim"),
        Span(f"μ{seeds.avg_lifespan_epochs:.0f} eps", "cyan"),
        Span("  Blend:", "dim"),
        Span(f"{blend * 100:.0f}%", style),
        Span(" success", "dim"),
    ]


def _kilo(count: int) -> str:
    if count < _KILO:
        return str(count)
    return f"{count / _KILO:.2f}k" if count < _TEN_KILO else f"{count / _KILO:.1f}k"
