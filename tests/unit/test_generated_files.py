from __future__ import annotations

from pathlib import Path

import pytest

from grafana import FOLDER
from tests.recordings import ROOT
from tools import generate


@pytest.mark.parametrize(
    ("path", "text"),
    [pytest.param(p, t, id=str(p.relative_to(ROOT))) for p, t in generate.documents().items()],
)
def test_a_committed_file_is_what_the_code_writes(path: Path, text: str) -> None:
    """Whoever changes the code also commits what `make generate` then writes."""
    assert path.read_text("utf-8") == text


@pytest.mark.parametrize("pattern", ["rules/*.yml", "grafana/dashboards/*"])
def test_nothing_is_written_by_hand_where_files_are_generated(pattern: str) -> None:
    """Every file of rules, and every dashboard that Grafana finds, is written by the code."""
    assert set(ROOT.glob(pattern)) <= set(generate.documents())


def test_the_dashboards_are_in_the_folder_that_grafana_reads() -> None:
    """All are there, and named by their uid."""
    written = {path.name for path in generate.documents() if path.parent == FOLDER}
    assert written == {f"sanctum-{x}.json" for x in ("slots", "fleet", "compare", "runbooks")}
