"""A scraper as Prometheus is one: it comes at its interval, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from tests.asking import ask
from tests.waiting import eventually


class Scraper:
    """A thread that scrapes an address at an interval, and what it was answered."""

    def __init__(self, url: str, interval_seconds: float) -> None:
        self.answers: list[str] = []
        self._url = url
        self._interval_seconds = interval_seconds
        self._over = Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def wait_for(self, count: int) -> None:
        """Wait until it has been answered so many times from the beginning."""
        eventually(lambda: len(self.answers) >= count)

    def end(self) -> None:
        """Scrape no more."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            answer = ask(self._url)
            if answer.ok:
                self.answers.append(answer.text)
            if self._over.wait(self._interval_seconds):
                return


@contextmanager
def scraping(url: str, interval_seconds: float = 1.0) -> Iterator[Scraper]:
    """Scrape the metrics of an exporter inside the block, which begins with the second scrape."""
    scraper = Scraper(f"{url}/metrics", interval_seconds)
    try:
        scraper.wait_for(2)
        # An answer arrives a moment before the exporter has noted whose it was.
        assert ask(f"{url}/-/healthy").ok
        yield scraper
    finally:
        scraper.end()
