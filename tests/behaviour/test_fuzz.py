"""A thousandth of what ``make fuzz`` tries, and the states of a file that is followed."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fuzz.__main__ import TARGETS, fuzz
from tests.fuzz.files import Play
from tests.fuzz.lines import recorded


@pytest.mark.parametrize("name", TARGETS)
def test_random_inputs_do_nothing_that_none_may_do(name: str) -> None:
    """Whatever comes is counted once, raises nothing, and leaves values that can be."""
    inputs = int(2000 * TARGETS[name].share)
    assert fuzz(name, inputs, seed=7) >= inputs


class FollowedFile(RuleBasedStateMachine):
    """A file to which anything is done, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(mkdtemp())
        self._play = Play(Random(7), recorded(), self._folder)  # noqa: S311 - no secret

    @rule()
    def append(self) -> None:
        """Write on."""
        self._play.append()

    @rule()
    def rewrite(self) -> None:
        """Write it anew."""
        self._play.rewrite()

    @rule()
    def replace(self) -> None:
        """Put another in its place."""
        self._play.replace()

    @rule()
    def truncate(self) -> None:
        """Cut it off."""
        self._play.truncate()

    @rule()
    def remove(self) -> None:
        """Remove it."""
        self._play.remove()

    @rule()
    def leave_a_hole(self) -> None:
        """Leave a hole, and write on."""
        self._play.hole()

    @rule()
    def pack(self) -> None:
        """Put gzip in its place."""
        self._play.pack()

    @rule(polls=st.integers(1, 3))
    def poll(self, polls: int) -> None:
        """Look at it."""
        for _ in range(polls):
            self._play.poll()

    @precondition(lambda self: self._play.path.exists())
    @rule()
    def check(self) -> None:
        """Catch up, and compare with reading it whole."""
        self._play.check()

    @invariant()
    def says_what_is_wrong_in_one_line(self) -> None:
        """A failure or a wait is told in a line that names the file."""
        follower = self._play.follower
        for text in (follower.failure, follower.waiting):
            assert text is None or (str(self._play.path) in text and "\n" not in text)

    def teardown(self) -> None:
        """Check once more, and tidy up."""
        self._play.check()
        shutil.rmtree(self._folder)


TestFollowedFile = FollowedFile.TestCase
TestFollowedFile.settings = settings(
    max_examples=min(60, settings().max_examples), stateful_step_count=30, deadline=None
)
