"""The documentation is a site without a broken link, built by what builds it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.recordings import ROOT
from tests.stack.conftest import missing

pytestmark = pytest.mark.stack

MKDOCS = ROOT / ".venvs" / "docs" / "bin" / "mkdocs"


def build(configuration: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build a site."""
    if not MKDOCS.exists():
        missing("mkdocs is not here: make .venvs/docs would get it")
    return subprocess.run(
        [MKDOCS, "build", "--strict", "--config-file", configuration, "--site-dir", site],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_site_is_whole_and_asks_no_other_host(tmp_path: Path) -> None:
    """Every page is on it, links and pictures are there, and no file comes from elsewhere."""
    done = build(ROOT / "mkdocs.yml", tmp_path)
    assert done.returncode == 0, done.stderr
    built = {path.relative_to(tmp_path).with_suffix("") for path in tmp_path.rglob("*.html")}
    written = {
        path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")
    }
    assert {path for path in written if path.name != "README"} <= built
    for page in tmp_path.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(
            r'<(?:script|img|link rel="stylesheet")[^>]*(?:src|href)="(http[^"]*)"', text
        )
        assert loaded == [], page
        for picture in re.findall(r'(?:src|srcset)="([^"#:]*\.(?:png|svg|gif))"', text):
            assert (page.parent / picture).exists(), f"{page}: {picture}"


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    """The check above is able to fail: a heading that is not there is a failure."""
    for name in ("docs", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for file in [*ROOT.glob("*.md"), ROOT / "mkdocs.yml", ROOT / "pyproject.toml"]:
        shutil.copy(file, tmp_path)
    page = tmp_path / "docs" / "hook.md"
    page.write_text(page.read_text("utf-8") + "\n[x](otlp.md#no-such-heading)\n", "utf-8")
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode != 0
    assert "no-such-heading" in done.stderr
