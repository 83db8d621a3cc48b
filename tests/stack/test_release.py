"""What `make release` makes is what somebody can use who has nothing else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from sanctum_exporter import __version__
from tests.recordings import ROOT
from tests.stack.conftest import missing

pytestmark = pytest.mark.stack

PYTHON = ROOT / ".venvs" / "release" / "bin" / "python"


def test_a_release_is_built_and_checked(tmp_path: Path) -> None:
    """Its demo was scraped; checksums name its files, and an SBOM what it brings along."""
    if not PYTHON.exists():
        missing("the tools of a release are not here: make .venvs/release would get them")
    dist = tmp_path / "dist"
    command = [str(PYTHON), "-m", "tools.release", "--dist", str(dist)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sbom = f"sanctum_exporter-{__version__}.cdx.json"
    assert {path.name for path in dist.iterdir()} == {
        "SHA256SUMS",
        sbom,
        f"sanctum_exporter-{__version__}-py3-none-any.whl",
        f"sanctum_exporter-{__version__}.tar.gz",
    }
    subprocess.run(
        ["/usr/bin/sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=dist, check=True
    )
    document = json.loads((dist / sbom).read_text("utf-8"))
    assert document["metadata"]["component"]["version"] == __version__
    names = {component["name"].lower().replace("_", "-") for component in document["components"]}
    assert {"click", "grpcio", "prometheus-client", "textual"} <= names
    assert not {"pip", "pytest", "twine"} & names
