from __future__ import annotations

from pathlib import Path

import pytest

from sanctum_exporter.files.lines import SourceError
from sanctum_exporter.past.backfill import backfill
from sanctum_exporter.past.ledger import LedgerError
from sanctum_exporter.past.recordings import Recording
from sanctum_exporter.past.targets import TextFiles
from sanctum_exporter.past.workplace import working_in
from tests import events
from tests.rundirs import write_run


def test_what_is_written_while_it_is_read_is_a_change(tmp_path: Path) -> None:
    """A run that goes on is not taken for done as it is at the end of the reading."""
    recording = Recording(write_run(tmp_path, "one", events.started()), "one")

    grown: list[float] = []

    def grow(share: float) -> None:
        if not grown:
            grown.append(share)
            with recording.path.open("ab") as file:
                file.write(events.germinated() + b"\n")

    with working_in(tmp_path / "out") as workplace:
        target = TextFiles()
        assert backfill(recording, target, workplace, step=15, labels={}, how="text", told=grow)
        with pytest.raises(LedgerError, match="has changed since it was done"):
            workplace.is_done(recording, "text")


def test_a_recording_that_is_gone_is_an_error_of_its_own(tmp_path: Path) -> None:
    """It names the path: the disk is not full."""
    recording = Recording(tmp_path / "gone.jsonl", "gone")
    with (
        working_in(tmp_path / "out") as workplace,
        pytest.raises(SourceError, match=r"cannot read .*gone.jsonl: No such file or directory"),
    ):
        workplace.is_done(recording, "text")
