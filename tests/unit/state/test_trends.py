"""When a rate rises or falls (TELE-509 to TELE-511)."""

from __future__ import annotations

import pytest

from sanctum_exporter.state.trends import trend


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([], "stable"),
        ([0.0, 0.0, 0.0, 9.0], "stable"),
        ([1.0] * 5 + [1.2] * 5, "stable"),
        ([1.0] * 5 + [1.21] * 5, "rising"),
        ([1.0] * 5 + [0.79] * 5, "falling"),
        ([0.0] * 5 + [0.0021] * 5, "rising"),
        ([0.0] * 5 + [0.0019] * 5, "stable"),
        ([1.0, 1.0, 1.0, 1.0, 1.0, 9.0], "rising"),
        ([9.0] * 10 + [1.0] * 10, "stable"),
    ],
)
def test_trend_compares_the_last_five_with_the_five_before(
    rates: list[float], expected: str
) -> None:
    """A change of more than a fifth of the older mean, which is at least 0.01, is a trend."""
    assert trend(rates) == expected


def test_a_change_of_just_the_threshold_is_none() -> None:
    """With an older mean of 0 the threshold is 0.002, and only more than that is a change."""
    assert trend([0.0] * 5 + [0.002] * 5) == "stable"
    assert trend([0.002] * 5 + [0.0] * 5) == "stable"
    assert trend([0.0] * 5 + [0.0021] * 5) == "rising"
