"""A training, a crowd of clients, and somebody who scrapes and probes as usual and takes times."""

from __future__ import annotations

import json
import time
from collections import Counter
from threading import Event, Thread
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.asking import ask
from tests.programs import program

_SCRAPES_A_SECOND = 4
_PROBES_A_SECOND = 10


class Load(NamedTuple):
    """What the server has to bear.

    Attributes:
        scrapers: that come again as soon as they have their answer.
        slow: clients, of four kinds.
        events_a_second: that the training emits.
        seconds: how long.
    """

    scrapers: int
    slow: int
    events_a_second: int
    seconds: float


class Asker:
    """Asks for a page at a steady rate until it is told to end.

    Args:
        url: of the page.
        a_second: how often.
    """

    def __init__(self, url: str, a_second: int) -> None:
        self.seconds: list[float] = []
        self.failures: Counter[int] = Counter()
        self._url = url
        self._pause_seconds = 1 / a_second
        self._ended = Event()
        self._thread = Thread(target=self._ask)
        self._thread.start()

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._ended.wait(self._pause_seconds):
            began = time.perf_counter()
            answer = ask(self._url)
            self.seconds.append(time.perf_counter() - began)
            if not answer.ok:
                self.failures[answer.status] += 1


class Outcome(NamedTuple):
    """What came of it.

    Attributes:
        crowd: how often a scraper of the crowd was ``answered``, or what happened instead.
        scrapes: who scraped as usual.
        probes: who asked whether the process is healthy.
        emitted: events.
        counted: of them, by the exporter.
        emitting_seconds: how long the training took for them.
    """

    crowd: dict[str, int]
    scrapes: Asker
    probes: Asker
    emitted: int
    counted: int
    emitting_seconds: float

    def failures(self) -> list[str]:
        """Return what should not have happened, a line each."""
        failures = [
            f"{times} scrapes of the crowd: {what}"
            for what, times in self.crowd.items()
            if what != "answered"
        ]
        for name, asker in (("scrapes as usual", self.scrapes), ("probes", self.probes)):
            failures += [f"{times} {name}: {what}" for what, times in asker.failures.items()]
        if self.counted != self.emitted:
            failures.append(f"{self.emitted - self.counted} events are lost")
        return failures


def bear(load: Load) -> Outcome:
    """Put a load on a server, and return what came of it."""
    with program("-m", "tests.load.training", str(load.events_a_second)) as training:
        url = training.say()
        host, port = str(urlsplit(url).hostname), str(urlsplit(url).port)
        numbers = str(load.scrapers), str(load.slow)
        with program("-m", "tests.load.clients", host, port, *numbers) as clients:
            askers = (
                Asker(f"{url}/metrics", _SCRAPES_A_SECOND),
                Asker(f"{url}/-/healthy", _PROBES_A_SECOND),
            )
            Event().wait(load.seconds)
            for asker in askers:
                asker.end()
            crowd = json.loads(clients.end().out)
        emitted, counted, seconds = training.end().out.split()
    return Outcome(crowd, *askers, int(emitted), int(counted), float(seconds))
