"""How the tests run: property tests the same way every time, and a summary for newcomers."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tools.stack import known

# The same examples on every machine and in every run: a failure is a change of the code's.
settings.register_profile("same", derandomize=True, database=None, deadline=None, print_blob=True)
# Other examples in every run, and many of them, for "make fuzz".
settings.register_profile(
    "fuzz", max_examples=20_000, database=None, deadline=None, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# A shell has what it starts in the background ignore Ctrl-C, and programs that tests start inherit
# that, who are to be interrupted.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_began = time.monotonic()


@pytest.fixture(autouse=True)
def _log_as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the level of our log as it was; a command that a test runs sets it.

    The thousands of warnings that random events provoke stay off the screen of a failure.
    """
    logger = logging.getLogger("sanctum_exporter")
    before = logger.level
    if hasattr(getattr(request.node, "obj", None), "hypothesis"):
        logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in words what was proved, with which servers, and what was left out."""
    stats = terminalreporter.stats
    passed, failed = len(stats.get("passed", ())), len(stats.get("failed", ()))
    broken, skipped = len(stats.get("error", ())), len(stats.get("skipped", ()))
    write = terminalreporter.write_line
    terminalreporter.section("what this run says")
    write(f"{passed} promises kept, {failed + broken} broken, {skipped} not looked at")
    if any("tests/stack/" in report.nodeid for report in stats.get("passed", ())):
        tools = ", ".join(f"{name} {version}" for name, version in known().items())
        write(f"real servers and tools that the tests of tests/stack had: {tools}")
    else:
        write("no real server took part: `make test` runs those tests too")
    if skipped:
        write("not looked at: see the reasons above; each says what is missing and how to get it")
    if failed or broken:
        write("broken: see FAILURES and ERRORS above; the docstring of a test is its promise")
    write(f"after {(time.monotonic() - _began) / 60:.1f} minutes")
