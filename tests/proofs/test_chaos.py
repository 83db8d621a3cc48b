"""Six plays in which everything is killed and restarted, at the same time; about ten minutes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.stack import agreement
from tests.stack.chaos import LONG, RECORDING, Play
from tests.stack.conftest import stack_tool  # noqa: F401 - a fixture

SEEDS = range(1, 7)
SEED_WITH_HOOK = 6
SPEED = 0.5

Plays = dict[int, Future[Play]]


@pytest.fixture(scope="module")
def plays(
    stack_tool: Callable[[str], Path],  # noqa: F811 - the fixture
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Plays]:
    """Begin all plays."""
    home = tmp_path_factory.mktemp("chaos")
    hook = (sys.executable, "-m", "tests.proofs.trainer", "replay", RECORDING, str(SPEED))

    def perform(seed: int, running: ExitStack) -> Play:
        folder = home / str(seed)
        folder.mkdir()
        with_hook = hook if seed == SEED_WITH_HOOK else ()
        play = Play(stack_tool, folder, running, seed, SPEED, with_hook)
        play.perform(LONG)
        return play

    with ExitStack() as running, ThreadPoolExecutor(len(SEEDS)) as stage:
        yield {seed: stage.submit(perform, seed, running) for seed in SEEDS}


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_agrees_after_chaos(plays: Plays, seed: int) -> None:
    """The values are the recording's, no counter went back, one page came and one end of it."""
    play = plays[seed].result()
    agreement.assert_prometheus_and_exporter_have_the_end_of_the_recording(play)
    agreement.assert_no_counter_went_back(play)
    agreement.assert_one_page_and_its_end(play)
    agreement.assert_alerts_are_as_they_should_be(play)
