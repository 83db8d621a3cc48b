"""Who scrapes and how often, so that the values of the end can wait for whoever comes regularly."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from threading import Condition
from typing import Final

LONGEST_WAIT_SECONDS: Final = 20.0
"""How long anybody may wait for the last scrape: Kubernetes kills after 30 s."""

# A scrape may be late by what the network and a busy machine take.
_MARGIN_SECONDS: Final = 2.0
_INTERVALS_UNTIL_GONE: Final = 2
# Whoever asks under ever new names must not fill the memory.
_MOST_KNOWN: Final = 100


class Scrapers:
    """The scrapers that were answered, each with the times at which it comes; for any thread.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._changed = Condition()
        self._known: dict[Hashable, _Scraper] = {}

    def note(self, who: Hashable, came_at: float) -> None:
        """Note that a scraper has its whole answer.

        Args:
            who: what it is known by.
            came_at: when it asked, by our clock.
        """
        with self._changed:
            scraper = self._known.pop(who, None)
            if scraper is None:
                scraper = _Scraper(came_at)
            else:
                scraper.come_again(came_at)
            # The last of them is the one that came last.
            self._known[who] = scraper
            if len(self._known) > _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._changed.notify_all()

    def last_scrapes(self, limit_seconds: float) -> LastScrapes:
        """Return the scrapes that are to be waited for from now on.

        They are those of every scraper that comes regularly and is due within the limit. One of
        its own intervals is what each is given, and two seconds for being late.
        """
        with self._changed:
            now = self.clock()
            deadlines = {
                who: now + min(scraper.interval_seconds + _MARGIN_SECONDS, limit_seconds)
                for who, scraper in self._known.items()
                if scraper.is_due_within(limit_seconds, now)
            }
        return LastScrapes(self, now, deadlines)

    def came_since(self, who: Hashable, moment: float) -> bool:
        """Tell whether a scraper has asked since a moment, and been answered."""
        with self._changed:
            # Whoever is not known any more has not come for a long time.
            scraper = self._known.get(who)
            return scraper is not None and scraper.came_at > moment

    def wait_for_any(self, is_enough: Callable[[], float]) -> None:
        """Wait while a function returns seconds above 0; it is asked again at every scrape."""
        with self._changed:
            while (seconds := is_enough()) > 0:
                self._changed.wait(seconds)


class LastScrapes:
    """The scrapes that are still to come before an exporter ends."""

    def __init__(
        self, scrapers: Scrapers, since: float, deadlines: Mapping[Hashable, float]
    ) -> None:
        self._scrapers = scrapers
        self._since = since
        self._deadlines = deadlines

    def seconds_left(self) -> float:
        """Return how long to wait at most; 0 where nobody is waited for any more."""
        # A scrape that was under way at the beginning may hold values from before it.
        now = self._scrapers.clock()
        left = (
            deadline - now
            for who, deadline in self._deadlines.items()
            if not self._scrapers.came_since(who, self._since)
        )
        return max([0.0, *left])

    def wait(self) -> None:
        """Wait until all have come or their time is over."""
        self._scrapers.wait_for_any(self.seconds_left)


class _Scraper:
    """When one scraper came."""

    def __init__(self, came_at: float) -> None:
        self.came_at = came_at
        # Two, because two that look alike, such as a pair behind one address, come in turns.
        self._gaps: deque[float] = deque(maxlen=2)

    def come_again(self, came_at: float) -> None:
        # Answers may end in another order than they were asked for.
        self._gaps.append(abs(came_at - self.came_at))
        self.came_at = max(came_at, self.came_at)

    @property
    def interval_seconds(self) -> float:
        """From one of its scrapes to the next; 0 after the first."""
        return max(self._gaps, default=0.0)

    def is_due_within(self, limit_seconds: float, now: float) -> bool:
        """Tell whether it is regular, not gone, and its next scrape comes soon enough."""
        away = now - self.came_at
        if not self._gaps or away > _INTERVALS_UNTIL_GONE * self.interval_seconds:
            return False
        missed = away > self.interval_seconds
        due = (_INTERVALS_UNTIL_GONE if missed else 1) * self.interval_seconds
        return due - away <= limit_seconds
