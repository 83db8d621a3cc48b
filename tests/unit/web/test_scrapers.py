from __future__ import annotations

from threading import Thread

import pytest

from sanctum_exporter.web.scrapers import LONGEST_WAIT_SECONDS, LastScrapes, Scrapers
from tests.clocks import Clock
from tests.waiting import DEADLINE_SECONDS


class Scraped:
    """Scrapers at a clock that a test sets."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.scrapers = Scrapers(self.clock)

    def comes(self, *times: float, who: str = "prometheus") -> None:
        """Let a scraper come at times after now, the last of which becomes now."""
        began = self.clock.now
        for time in times:
            self.clock.now = began + time
            self.scrapers.note(who, self.clock.now)

    def last_scrapes(self, after: float = 0.0, limit: float = LONGEST_WAIT_SECONDS) -> LastScrapes:
        """Return what is waited for from some time after now on."""
        self.clock.now += after
        return self.scrapers.last_scrapes(limit)


@pytest.fixture
def scraped() -> Scraped:
    """Give scrapers that nobody has asked anything yet."""
    return Scraped()


def test_nobody_is_waited_for_where_nobody_scrapes(scraped: Scraped) -> None:
    """Without a scrape, and after a single one, there is nothing to wait for."""
    assert scraped.last_scrapes().seconds_left() == 0
    scraped.comes(0)
    assert scraped.last_scrapes().seconds_left() == 0


def test_who_came_twice_is_given_one_of_its_intervals(scraped: Scraped) -> None:
    """A regular scraper is waited for from its one scrape to the next, and two seconds."""
    scraped.comes(0, 5)
    assert scraped.last_scrapes(after=2).seconds_left() == 7


def test_the_wait_gets_shorter_and_ends(scraped: Scraped) -> None:
    """Whoever does not come any more is given up after its interval."""
    scraped.comes(0, 5)
    last = scraped.last_scrapes(after=2)
    scraped.clock.now += 4
    assert last.seconds_left() == 3
    scraped.clock.now += 60
    assert last.seconds_left() == 0


def test_the_wait_is_over_when_everybody_has_come(scraped: Scraped) -> None:
    """Each of several scrapers comes once more, in whatever order."""
    scraped.comes(0, 15, who="there")
    scraped.comes(0, 5, who="here")
    last = scraped.last_scrapes(after=1)
    assert last.seconds_left() == 17
    scraped.comes(3, who="there")
    assert last.seconds_left() == 4
    scraped.comes(1, who="somebody else")
    assert last.seconds_left() == 3
    scraped.comes(1, who="here")
    assert last.seconds_left() == 0


def test_a_scrape_that_was_under_way_is_not_the_last(scraped: Scraped) -> None:
    """An answer that was asked for before the wait may hold older values, so it does not count."""
    scraped.comes(0, 5)
    asked_at = scraped.clock.now + 4
    last = scraped.last_scrapes(after=4.5)
    scraped.scrapers.note("prometheus", asked_at)
    assert last.seconds_left() == 7


def test_nobody_is_given_more_than_the_limit(scraped: Scraped) -> None:
    """The limit holds however seldom a scraper comes."""
    scraped.comes(0, 60)
    assert scraped.last_scrapes(after=45, limit=20).seconds_left() == 20


def test_who_is_not_due_within_the_limit_is_not_waited_for(scraped: Scraped) -> None:
    """A wait that must be in vain is none."""
    scraped.comes(0, 60)
    assert scraped.last_scrapes(after=39, limit=20).seconds_left() == 0
    assert scraped.last_scrapes(after=1, limit=20).seconds_left() == 20
    assert scraped.last_scrapes(limit=0).seconds_left() == 0


def test_who_has_been_away_for_two_intervals_is_gone(scraped: Scraped) -> None:
    """One scrape may be missed, and then the next is waited for; not after two."""
    scraped.comes(0, 10)
    assert scraped.last_scrapes(after=20).seconds_left() == 12
    assert scraped.last_scrapes(after=0.1).seconds_left() == 0


def test_who_has_missed_a_scrape_is_due_at_the_next(scraped: Scraped) -> None:
    """A scraper that is late by more than its interval comes when it would come anyway."""
    scraped.comes(0, 30)
    assert scraped.last_scrapes(after=31, limit=20).seconds_left() == 0
    assert scraped.last_scrapes(after=9, limit=20).seconds_left() == 20


def test_two_that_look_alike_are_waited_for_as_one_that_is_slow(scraped: Scraped) -> None:
    """Of a pair behind one address, the longer gap is the interval."""
    scraped.comes(0, 3, 15, 18)
    assert scraped.last_scrapes(after=7).seconds_left() == 14


def test_an_outage_is_forgotten_after_two_scrapes(scraped: Scraped) -> None:
    """A scraper that was away for long is as regular as it was soon after it is back."""
    scraped.comes(0, 5, 605, 610, 615)
    assert scraped.last_scrapes().seconds_left() == 7


def test_answers_that_overlap_are_no_negative_interval(scraped: Scraped) -> None:
    """Two answers that end in the other order than they began make one interval all the same."""
    scraped.comes(10)
    scraped.scrapers.note("prometheus", scraped.clock.now - 4)
    # It would be gone if the one that was noted last had come last.
    assert scraped.last_scrapes(after=5).seconds_left() == 6


def test_only_a_hundred_scrapers_are_remembered(scraped: Scraped) -> None:
    """Whoever asks under ever new names displaces those who have not come for longest."""
    scraped.comes(0, 5, who="first")
    scraped.comes(0, 0, who="second")
    scraped.comes(5, who="first")
    for number in range(99):
        scraped.comes(0, who=f"visitor {number}")
    assert scraped.last_scrapes().seconds_left() == 7
    scraped.comes(0, who="one more")
    assert scraped.last_scrapes().seconds_left() == 0


def test_waiting_ends_with_the_last_scrape(scraped: Scraped) -> None:
    """Whoever waits goes on as soon as all have come, whatever the clock says."""
    scraped.comes(0, 1000, who="there")
    scraped.comes(0, 500, who="here")
    last = scraped.last_scrapes(limit=1000)
    waiting = Thread(target=last.wait)
    waiting.start()
    scraped.comes(1, who="here")
    assert last.seconds_left() == 999
    scraped.comes(1, who="there")
    waiting.join(DEADLINE_SECONDS)
    assert not waiting.is_alive()


def test_waiting_ends_in_time_if_nobody_comes() -> None:
    """A scraper that stays away keeps nobody for longer than it was to be waited for."""

    class Ticking(Clock):
        def __call__(self) -> float:
            self.now += 0.01
            return self.now

    clock = Ticking()
    scrapers = Scrapers(clock)
    scrapers.note("prometheus", clock.now - 0.05)
    scrapers.note("prometheus", clock.now)
    last = scrapers.last_scrapes(0.05)
    assert last.seconds_left() > 0
    last.wait()
    assert last.seconds_left() == 0
