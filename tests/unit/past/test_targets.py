from __future__ import annotations

import pytest

from sanctum_exporter.past.targets import block_seconds

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("span", "expected"),
    [(0, 2 * HOUR), (20 * HOUR, 2 * HOUR), (21 * HOUR, 6 * HOUR), (7 * DAY, 18 * HOUR)],
)
def test_blocks_are_so_long_that_a_run_is_read_ten_times_at_most(span: int, expected: int) -> None:
    """They are of the lengths that Prometheus itself makes, each three times the one before."""
    assert block_seconds(1e9, 1e9 + span) == expected
    assert span / expected <= 10


def test_no_block_is_longer_than_a_week() -> None:
    """However long a run is."""
    assert block_seconds(0.0, 3650.0 * DAY) == 162 * HOUR
