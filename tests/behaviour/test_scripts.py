"""What others run of this repository, shells and hosted CI, is free of the mistakes of its kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.recordings import ROOT

BIN = Path(sys.executable).parent
SCRIPTS = [ROOT / ".ci" / "run", ROOT / "deploy" / "slurm" / "train.sbatch"]
WORKFLOWS = ROOT / ".github" / "workflows"


def shellcheck(script: Path) -> subprocess.CompletedProcess[str]:
    """Return what ShellCheck says of a script."""
    command = [str(BIN / "shellcheck"), "--norc", str(script)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def zizmor(workflows: Path) -> subprocess.CompletedProcess[str]:
    """Return what zizmor says of workflows, which it also refuses where GitHub would."""
    command = [
        str(BIN / "zizmor"),
        "--offline",
        "--persona",
        "pedantic",
        "--no-config",
        str(workflows),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_of_the_shell_is_sound(script: Path) -> None:
    """ShellCheck has nothing to say of it."""
    done = shellcheck(script)
    assert done.returncode == 0, done.stdout


def test_an_unquoted_name_is_noticed(tmp_path: Path) -> None:
    """The check above is able to fail: what breaks at a space is said."""
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nrm $1\n", "utf-8")
    assert "SC2086" in shellcheck(script).stdout


def test_workflows_give_nothing_away() -> None:
    """Actions are named by hash, permissions are the least and explained, nothing is injected."""
    done = zizmor(WORKFLOWS)
    assert done.returncode == 0, done.stdout


def test_a_careless_workflow_is_noticed(tmp_path: Path) -> None:
    """The check above is able to fail: an action by its tag is said."""
    text = (WORKFLOWS / "release.yml").read_text("utf-8")
    workflow = tmp_path / "release.yml"
    workflow.write_text(text.replace("@11bd71901bbe5b1630ceea73d27597364c9af683 #", "@"), "utf-8")
    done = zizmor(workflow)
    assert done.returncode != 0
    assert "unpinned-uses" in done.stdout


def test_what_is_published_is_what_make_release_has_checked() -> None:
    """The workflow builds in one way only, for the tag, and publishes those same files."""
    jobs = yaml.safe_load((WORKFLOWS / "release.yml").read_text("utf-8"))["jobs"]
    commands = {name: [step.get("run", "") for step in job["steps"]] for name, job in jobs.items()}
    assert 'make release ARGS="--tag $GITHUB_REF_NAME"' in commands["build"]
    assert jobs["publish"]["needs"] == "build"
    assert "sha256sum --check --strict SHA256SUMS" in commands["publish"]
