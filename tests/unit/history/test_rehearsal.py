"""When a recording that is rehearsed began and ended."""

from __future__ import annotations

from pathlib import Path

from sanctum_exporter.history.rehearsal import Recording
from tests import events


def test_an_event_of_the_far_future_does_not_make_a_recording_longer(tmp_path: Path) -> None:
    """A time that the exporter does not believe is not rehearsed either."""
    path = tmp_path / "events.jsonl"
    far_ahead = events.line("PLATEAU_DETECTED", timestamp="2200-01-01T00:00:00+00:00")
    path.write_bytes(b"\n".join([events.started(), far_ahead, events.germinated()]))
    recording = Recording.at(path)
    assert recording.first == recording.last == events.EPOCH_SECONDS
    assert len(list(recording.lines(shift=0.0))) == 3
