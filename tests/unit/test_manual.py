"""The man page, made of what the commands say for --help."""

from __future__ import annotations

import re
import shutil
import subprocess

import click
import pytest

from sanctum_exporter.cli import program
from tools.manual import man_page


@pytest.fixture
def shown() -> str:
    """The page as man shows it, which had nothing to complain about."""
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not here: a man page cannot be shown")
    done = subprocess.run(
        [groff, "-man", "-ww", "-Tascii", "-P-cbou", "-rLL=500n"],
        input=man_page(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return re.sub(r" +", " ", done.stdout)


def test_every_command_and_option_is_on_the_man_page(shown: str) -> None:
    """Names, variables and paragraphs are whole, and examples keep their lines."""
    for name, command in program.commands.items():
        assert f"\n {name} [OPTIONS]" in shown
        section = shown[shown.index(f"\n {name} [OPTIONS]") :]
        for option in command.params:
            if isinstance(option, click.Option):
                assert f"\n {max(option.opts, key=len)}" in re.sub(r"(?m)^ -\w, ", " ", section), (
                    option.opts
                )
                assert option.envvar is None or f"[env var: {option.envvar}" in section
    assert "\n sanctum-exporter rehearse events.jsonl --kill-at 10m\n" in shown


def test_nothing_that_a_command_says_is_taken_for_a_command_of_roff() -> None:
    """No line of the page begins with a sign that only roff reads, but for its own."""
    requests = {line.split()[0] for line in man_page().splitlines() if line[0] in ".'"}
    assert requests == {
        *('.\\"', ".TH", ".SH", ".SS", ".nh", ".TP", ".B", ".PP", ".nf", ".fi"),
    }
