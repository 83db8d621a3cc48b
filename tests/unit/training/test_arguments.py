from __future__ import annotations

import sys
from fractions import Fraction
from typing import Any

import pytest

from sanctum_exporter.training.arguments import seconds_above_zero, seconds_up_to, whole_number


class Index:
    """An integer of another library's."""

    def __index__(self) -> int:
        """Return it."""
        return 7


@pytest.mark.parametrize(("value", "number"), [(0, 0), (16, 16), (Index(), 7)])
def test_whole_numbers_of_every_kind_are_taken(value: Any, number: int) -> None:
    """Whatever counts as an integer becomes one."""
    taken = whole_number("num_envs", value)
    assert (taken, type(taken)) == (number, int)


@pytest.mark.parametrize("value", [-1, 1.0, "1", None, True, [1]])
def test_what_is_no_whole_number_is_refused_by_its_name(value: Any) -> None:
    """The error names the argument, shows the value and says what would do."""
    with pytest.raises(ValueError, match=r"^num_envs is .*; give a whole number, 0 or more$"):
        whole_number("num_envs", value)


@pytest.mark.parametrize(
    ("value", "seconds"), [(5, 5.0), (0.25, 0.25), (Fraction(1, 2), 0.5), (float("inf"),) * 2]
)
def test_seconds_of_every_kind_are_taken(value: Any, seconds: float) -> None:
    """Whatever is a number above 0 becomes a float; without end is long, too."""
    taken = seconds_above_zero("refresh_seconds", value)
    assert (taken, type(taken)) == (seconds, float)


@pytest.mark.parametrize(
    "value", [0, -1, float("nan"), "5", "5s", None, True, [], 10 ** (sys.float_info.max_10_exp + 1)]
)
def test_what_are_no_seconds_is_refused_by_its_name(value: Any) -> None:
    """The error names the argument, shows the value and says what would do."""
    with pytest.raises(ValueError, match=r"^refresh_seconds is .*; give seconds above 0, for ex"):
        seconds_above_zero("refresh_seconds", value)


@pytest.mark.parametrize(("value", "seconds"), [(0, 0.0), (20, 20.0), (Fraction(1, 2), 0.5)])
def test_seconds_up_to_the_most_are_taken(value: Any, seconds: float) -> None:
    """None and the most are among them."""
    taken = seconds_up_to(20.0, "wait_seconds", value)
    assert (taken, type(taken)) == (seconds, float)


@pytest.mark.parametrize("value", [-0.1, 20.1, float("nan"), float("inf"), "5", None, True, []])
def test_seconds_beyond_the_most_are_refused_by_their_name(value: Any) -> None:
    """The error names the argument, shows the value and says what would do."""
    with pytest.raises(ValueError, match=r"^wait_seconds is .*; give seconds from 0 to 20$"):
        seconds_up_to(20.0, "wait_seconds", value)
