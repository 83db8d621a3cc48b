"""SlotsPanel's texts are in tests/parity; here are its colours and the shortened counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sanctum_exporter import panel
from sanctum_exporter.readings import SeedLifecycleStats, SlotSnapshot, Trend

SLOTS = SlotSnapshot(
    total_slots=12,
    active_slots=4,
    slot_stage_counts={
        "DORMANT": 8,
        "GERMINATED": 1,
        "TRAINING": 1,
        "BLENDING": 1,
        "HOLDING": 0,
        "FOSSILIZED": 1,
    },
    n_envs=4,
    avg_epochs_in_stage=1.0,
    current_episode=1,
    seed_lifecycle=SeedLifecycleStats(active_count=4, total_slots=12),
)


def styles(slots: SlotSnapshot | None, line: int) -> list[tuple[str, str]]:
    """Return texts and styles of a line."""
    return [(span.text.strip(), span.style) for span in panel.lines(slots)[line]]


def with_seeds(**values: Any) -> SlotSnapshot:
    """Return the slots with other values of the seeds."""
    return replace(SLOTS, seed_lifecycle=replace(SLOTS.seed_lifecycle, **values))


def test_every_stage_has_its_colour_and_is_dim_at_zero() -> None:
    """Stages have the colours of esper-lite's STAGE_COLORS, and none where nothing is in them."""
    assert [styles(SLOTS, line)[1][1] for line in range(6)] == [
        "dim",
        "bright_blue",
        "cyan",
        "yellow",
        "dim",
        "green",
    ]
    assert styles(SLOTS, 4)[3] == ("·", "dim")


@pytest.mark.parametrize(("pruned", "style"), [(3, "dim"), (4, "red")])
def test_prune_is_red_when_more_are_pruned_than_fossilized(pruned: int, style: str) -> None:
    """Pruned seeds turn red when they are more than the fossilized, and not when as many."""
    slots = with_seeds(prune_count=pruned, fossilize_count=3)
    assert styles(slots, 8)[3] == (str(pruned), style)


@pytest.mark.parametrize(
    ("trend", "arrow", "style"),
    [("rising", "↗", "green"), ("stable", "→", "dim"), ("falling", "↘", "red")],
)
def test_trends_have_arrows_and_colours(trend: Trend, arrow: str, style: str) -> None:
    """Each of the three rates has the arrow and the colour of its trend."""
    slots = with_seeds(germination_trend=trend, prune_trend=trend, fossilize_trend=trend)
    line = styles(slots, 9)
    assert [line[0], line[3], line[6]] == [
        (f"{name}{arrow}", style) for name in ("Germ", "Prune", "Foss")
    ]


@pytest.mark.parametrize(
    ("rate", "style"), [(0.7, "green"), (0.699, "yellow"), (0.5, "yellow"), (0.499, "red")]
)
def test_blend_success_has_three_colours(rate: float, style: str) -> None:
    """Green from 70 %, yellow from 50 %, red below."""
    assert styles(with_seeds(blend_success_rate=rate), 10)[3][1] == style


@pytest.mark.parametrize(
    ("count", "text"),
    [(999, "999"), (1000, "1.00k"), (1500, "1.50k"), (9999, "10.00k"), (12345, "12.3k")],
)
def test_large_counts_are_shortened(count: int, text: str) -> None:
    """Two digits after the point below ten thousand, one from there."""
    assert styles(with_seeds(germination_count=count), 8)[1] == (text, "green")


def test_no_snapshot_and_no_slots_have_their_own_texts() -> None:
    """Without a snapshot, and without slots, the panel is one dim text."""
    assert styles(None, 0) == [("[no data]", "dim")]
    assert styles(replace(SLOTS, total_slots=0), 0) == [("[no environments]", "dim")]
