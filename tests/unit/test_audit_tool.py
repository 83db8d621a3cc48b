"""The audit of dependencies: what it cannot tell, it says."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from tests import recordings
from tools.audit import Verdict, compare, judge, pinned
from tools.costs import MODULES

SOUND = {"name": "click", "version": "8.5.1", "vulns": []}
SKIPPED = {"name": "rich", "skip_reason": "Dependency not found on PyPI"}
WEAK = {
    "name": "flask",
    "version": "0.5",
    "vulns": [
        {"id": "PYSEC-2019-179", "fix_versions": ["1.0"], "aliases": [], "description": "x"},
        {"id": "GHSA-562c-5r94-xh97", "fix_versions": [], "aliases": [], "description": "y"},
    ],
}


def report(*dependencies: dict[str, Any]) -> dict[str, Any]:
    """Return a report in the form that pip-audit documents."""
    return {"dependencies": list(dependencies), "fixes": []}


def test_a_weakness_is_a_failure_and_names_its_remedy() -> None:
    """Each advisory is a line with package, version, number and the version that is without it."""
    assert judge("r.txt", report(SOUND, WEAK), required=False) == Verdict(
        [
            "flask 0.5: PYSEC-2019-179, fixed in 1.0",
            "flask 0.5: GHSA-562c-5r94-xh97, fixed in no version yet",
            "r.txt: 2 packages audited, 2 advisories",
        ],
        failed=True,
    )


@pytest.mark.parametrize("nothing", [None, report(), report(SKIPPED)])
@pytest.mark.parametrize("required", [True, False])
def test_an_audit_that_did_not_happen_says_so(
    nothing: dict[str, Any] | None, required: bool
) -> None:
    """Where no advisory could be asked for, no line speaks of 0 advisories; it may be a failure."""
    verdict = judge("r.txt", nothing, required=required)
    assert verdict == Verdict(["r.txt: NOT AUDITED, no source of advisories answers"], required)


def test_packages_that_were_left_out_are_named() -> None:
    """Half an audit is not taken for a whole one."""
    lines = ["r.txt: 1 packages audited, 0 advisories", "r.txt: NOT AUDITED: rich"]
    assert judge("r.txt", report(SOUND, SKIPPED), required=False) == Verdict(lines, failed=False)
    assert judge("r.txt", report(SOUND, SKIPPED), required=True).failed


def test_what_is_installed_is_what_is_pinned() -> None:
    """Another version is named; what a machine has not, it does not need."""
    lock = (
        "click==8.5.1 \\\n    --hash=sha256:0\n    # via x\ncoverage[toml]==7.1 ; python_version\n"
    )
    assert pinned(lock) == {"click": "8.5.1", "coverage": "7.1"}
    assert compare(pinned(lock), {"click": "8.5.1"}) == Verdict([], failed=False)
    lines, failed = compare(pinned(lock), {"click": "8.1.0"})
    assert failed
    assert re.match(r"click 8\.1\.0 is installed, and 8\.5\.1 is pinned", lines[0])


def test_every_dependency_is_accounted_for() -> None:
    """Each that pyproject.toml declares is pinned, is measured, and has its reason in the docs."""
    project = tomllib.loads((recordings.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {re.split("[>=]", each)[0] for each in project["dependencies"]}
    rows = (recordings.ROOT / "docs" / "dependencies.md").read_text("utf-8").splitlines()
    explained = {row.split(" | ")[0].removeprefix("| ") for row in rows if row.startswith("| ")}
    assert declared == set(MODULES)
    assert declared <= explained
    assert declared <= pinned((recordings.ROOT / "requirements.txt").read_text("utf-8")).keys()
