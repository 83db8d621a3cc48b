"""``/api/v1``: the documents of a source as JSON, the same for every client within a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import msgspec

from sanctum_exporter._version import __version__
from sanctum_exporter.readings import ReadingSource
from sanctum_exporter.view.document import (
    Exporter,
    Overview,
    RunView,
    by_run,
    encode,
    overview,
    run_view,
)
from sanctum_exporter.view.history import History
from sanctum_exporter.web.content import JSON, Content, Page, Query, etag
from sanctum_exporter.web.freshness import Freshness

RUNS_PATH: Final = "/api/v1/runs"
RUN_PATH: Final = "/api/v1/run"


class Api:
    """Answers for the documents of a source; for any thread.

    Args:
        source: what they are of.
        history: the last minutes of its groups.
        origin: where the values come from, for people.
        not_ready: why the exporter does not do its job, None while it does.
        telemetry_path: where the metrics are.
        clock: seconds since the epoch.
        freshness: keeps what was answered.
    """

    def __init__(
        self,
        source: ReadingSource,
        history: History,
        *,
        origin: Callable[[], str],
        not_ready: Callable[[], str | None],
        telemetry_path: str,
        clock: Callable[[], float] = time.time,
        freshness: Freshness | None = None,
    ) -> None:
        self._source = source
        self._history = history
        self._origin = origin
        self._not_ready = not_ready
        self._telemetry_path = telemetry_path
        self._clock = clock
        self._freshness = freshness or Freshness()

    def pages(self) -> dict[str, Page]:
        """Return what answers at which path."""
        return {RUNS_PATH: self._runs, RUN_PATH: self._run}

    def overview(self) -> Overview:
        """Return every run in a line."""
        return overview(self._exporter(), self._source.readings(), self._clock())

    def run(self, name: str | None) -> RunView | None:
        """Return a run by its name, None for the newest; None if there is no such run."""
        readings = self._source.readings()
        runs = by_run(readings)
        groups = next(iter(runs.values()), None) if name is None else runs.get(name)
        if groups is None:
            return None
        now = self._clock()
        self._history.note(readings, now)
        histories = {
            group.group_id: self._history.series(group.run, group.group_id) for group in groups
        }
        return run_view(self._exporter(), groups, histories, now, len(runs))

    def _runs(self, _query: Query) -> Content:
        return self._freshness.get("runs", lambda: _content(self.overview()))

    def _run(self, query: Query) -> Content:
        name = chosen_run(query)
        key = "run" if name is None else f"run {name}"
        return self._freshness.get(key, lambda: _content(self.run(name)))

    def _exporter(self) -> Exporter:
        return Exporter(__version__, self._origin(), self._not_ready(), self._telemetry_path)


def chosen_run(query: Query) -> str | None:
    """Return the name of the run that is asked for, None for none."""
    return query.get("run", [None])[0]


def _content(document: Overview | RunView | None) -> Content:
    if document is None:
        body = msgspec.json.encode({"error": f"no such run; {RUNS_PATH} lists those there are"})
        return Content(JSON, body, status=HTTPStatus.NOT_FOUND)
    # That time has passed is no news.
    timeless = msgspec.structs.replace(document, now=0.0)
    return Content(JSON, encode(document), etag(encode(timeless))).packed()
