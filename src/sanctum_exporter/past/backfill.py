"""Recordings of any age as what Prometheus and VictoriaMetrics take, run by run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sanctum_exporter.past.moments import moments
from sanctum_exporter.past.openmetrics import Spool
from sanctum_exporter.past.recordings import Recording, file_name
from sanctum_exporter.past.targets import Target
from sanctum_exporter.past.workplace import Workplace


def backfill(
    recording: Recording,
    target: Target,
    workplace: Workplace,
    *,
    step: float,
    labels: Mapping[str, str],
    how: str,
    told: Callable[[float], object] = lambda _share: None,
) -> bool:
    """Put the samples of a run where they belong; tell whether that was not done already.

    Args:
        recording: the run.
        target: where to.
        workplace: where results go, and what is done is noted.
        step: from one moment to the next, in seconds.
        labels: what every series gets besides its own labels.
        how: the settings in words, for the ledger.
        told: is told how much of the recording has been read, 0 to 1.

    Raises:
        BackfillError: if the target does not take it.
        LedgerError: if the recording has changed since it was done.
        OSError: if the disk is full.
        SourceError: if it cannot be read, or none of its events tells its time.
    """
    if workplace.is_done(recording, how):
        return False
    first = last = 0.0
    identity = {"instance": recording.run, **labels}
    with workplace.aside() as aside:
        text = aside / f"{file_name(recording.run)}.om"
        with Spool(aside / "series", identity) as spool:
            for moment in moments(recording, step, told):
                first, last = first or moment.at, moment.at
                spool.add(moment)
            target.check(first, last)
            with text.open("wb") as file:
                spool.write(file)
        made = {path.name: path for path in target.take(text, first, last)}
        workplace.keep(recording, aside, made)
    return True
