"""One short play in which every server is killed; tests/proofs has six long ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.stack import agreement
from tests.stack.chaos import SHORT, Play

pytestmark = pytest.mark.stack

SEED = 12123
"""It kills the most, and Prometheus and Alertmanager by SIGKILL while the page is out."""
SPEED = 1.25


@pytest.fixture(scope="module")
def play(
    stack_tool: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Play]:
    """Play it once for all tests."""
    with ExitStack() as running:
        play = Play(stack_tool, tmp_path_factory.mktemp("chaos"), running, SEED, SPEED)
        play.perform(SHORT)
        yield play


def test_exporter_and_prometheus_end_with_what_the_recording_says(play: Play) -> None:
    """Their values are those that esper-lite computed, although each was away for parts of it."""
    agreement.assert_prometheus_and_exporter_have_the_end_of_the_recording(play)


def test_a_restarted_exporter_takes_nothing_back(play: Play) -> None:
    """Its counters are never seen below what they were, so no increase is counted twice."""
    agreement.assert_no_counter_went_back(play)


def test_a_page_comes_once_and_ends_once(play: Play) -> None:
    """No restart of Prometheus or Alertmanager repeats a notification or loses it."""
    agreement.assert_one_page_and_its_end(play)


def test_an_alert_that_fired_fires_on_after_a_restart(play: Play) -> None:
    """It does not wait for its time again, and when it is over no server has it."""
    agreement.assert_alerts_are_as_they_should_be(play)
