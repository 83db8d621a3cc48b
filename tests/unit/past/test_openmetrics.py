from __future__ import annotations

from pathlib import Path

import pytest

from sanctum_exporter.past import openmetrics
from sanctum_exporter.past.moments import moments
from sanctum_exporter.past.openmetrics import Spool
from sanctum_exporter.past.recordings import Recording
from tests import recordings


def text_of(spooled: Path) -> bytes:
    """Return the text of a recording at each second."""
    path = spooled.parent / "text"
    with Spool(spooled, {"job": "x"}) as spool, path.open("wb") as file:
        for moment in moments(Recording(recordings.path("ab"), "ab"), 1.0):
            spool.add(moment)
        spool.write(file)
    return path.read_bytes()


def test_what_goes_to_the_disk_and_what_stays_in_memory_make_one_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little may stay, the text is the same; what was spooled is removed."""
    whole = text_of(tmp_path / "memory")
    monkeypatch.setattr(openmetrics, "_MOST_BUFFERED_BYTES", 100_000)
    assert text_of(tmp_path / "disk") == whole
    assert len(whole) > 1_000_000
    assert [path.name for path in tmp_path.iterdir()] == ["text"]
