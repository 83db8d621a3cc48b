"""The load test of ``make load``, small enough for every run."""

from __future__ import annotations

from tests.load.trial import Load, bear


def test_no_scrape_and_no_probe_fails_under_load() -> None:
    """Slow clients of four kinds, scrapers without a pause and events cost nobody an answer."""
    outcome = bear(Load(scrapers=20, slow=60, events_a_second=2000, seconds=3))
    assert outcome.failures() == []
    assert outcome.crowd["answered"] > 20
    assert outcome.scrapes.seconds
    assert outcome.probes.seconds
