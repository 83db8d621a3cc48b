"""A URL whose kind is not known: an exporter, or a Prometheus."""

from __future__ import annotations

from sanctum_exporter.terminal.exporter import ExporterFeed, Site
from sanctum_exporter.terminal.feed import Feed, SourceLostError
from sanctum_exporter.terminal.prometheus import PREFIXES, PrometheusFeed, is_prometheus
from sanctum_exporter.view.document import Overview, RunView


class AddressFeed:
    """What is at a URL, found out as soon as it answers.

    Args:
        url: of an exporter, or of a Prometheus.
        match: chooses series of a Prometheus.
        at: the moment of a Prometheus's past, None for now.
    """

    def __init__(self, url: str, match: str = "", at: float | None = None) -> None:
        self._url = url
        self._match = match
        self._at = at
        self.name = Site(url).name
        self.period_seconds = ExporterFeed.period_seconds
        self.is_past = at is not None
        self._found: Feed | None = None

    def overview(self) -> Overview:
        """Return every run in a line."""
        return self._feed().overview()

    def run(self, name: str | None) -> RunView | None:
        """Return a run by its name."""
        return self._feed().run(name)

    def close(self) -> None:
        """Close its connections."""
        if self._found is not None:
            self._found.close()

    def _feed(self) -> Feed:
        if self._found is None:
            self._found = self._find()
            self.period_seconds = self._found.period_seconds
        return self._found

    def _find(self) -> Feed:
        for prefix in PREFIXES:
            site = Site(f"{Site(self._url).url}{prefix}")
            if is_prometheus(site):
                return PrometheusFeed(site, self._match, self._at)
            site.close()
        if self._match or self.is_past:
            raise SourceLostError(f"{self.name} is no Prometheus: --at and --match are for one")
        feed = ExporterFeed(Site(self._url))
        # Says, where it is none, that it is neither.
        feed.overview()
        return feed
