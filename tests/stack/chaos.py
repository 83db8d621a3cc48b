"""Servers that are killed and restarted in any order while a recorded run is written.

A seed is a play: who is ended by which signals, for how many lines of the recording, and who comes
back first. Meanwhile a second run starts without slots, which pages, and is given some.

Alertmanager is ended when it has saved what it sent, and when nothing is about to be sent. What
becomes of it otherwise is in docs/alerting.md: no setting prevents a second page then.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

from tests.growing import Replay, Run
from tests.stack.composed import Composed, Deployment
from tests.stack.receiver import Receiver
from tests.stack.servers import Prometheus, Server, get
from tests.waiting import wait_for

RECORDING = "ab"
ALERT = "SanctumNoSlots"
NO_SLOTS, SLOTS = "a run starts without slots", "the run is given slots"
PATIENCE_SECONDS = 600
_SIGNALS = ((SIGKILL,), (SIGTERM,), (SIGTERM, SIGKILL))
_LONGEST_OUTAGE_LINES = 200
# A notification is logged a moment after its receiver has answered.
_LOGGED_WITHIN_SECONDS = 5
# An alert ends in Alertmanager after four times as long without a word from Prometheus; an outage
# is shorter, as it is at the minute that is the default.
_RESEND_DELAY = "20s"
_QUICK = {
    "group_wait": "5s",
    "group_interval": "5s",
    "scrape_interval": "1s",
    "scrape_timeout": "1s",
    "evaluation_interval": "1s",
}


@dataclass(frozen=True)
class Outage:
    """Servers that are ended, what happens meanwhile, and in what order they come back."""

    ended: tuple[tuple[str, tuple[Signals, ...]], ...]
    lines: int
    back: tuple[str, ...]
    change: str | None = None

    def __str__(self) -> str:
        """Say who is ended how."""
        ended = (f"{name} {'+'.join(s.name for s in signals)}" for name, signals in self.ended)
        return f"{', '.join(ended)}, for {self.lines} lines"


@dataclass(frozen=True)
class Scenes:
    """How many outages there are before the page, until it, until its end, and after that."""

    before: int
    pending: int
    firing: int
    after: int


SHORT = Scenes(before=1, pending=1, firing=2, after=1)
LONG = Scenes(before=3, pending=2, firing=4, after=3)


class Author:
    """Makes up the outages of a seed; everybody has their turn before anybody has a second."""

    def __init__(self, seed: int, servers: list[str]) -> None:
        self._random = Random(seed)  # noqa: S311 - no secrets here
        self._servers = servers
        self._next: list[str] = []

    def outage(self, change: str | None = None) -> Outage:
        """Return the next outage."""
        if not self._next:
            self._next = self._random.sample(self._servers, len(self._servers))
        victims = {self._next.pop()}
        victims |= {name for name in self._servers if self._random.random() < 1 / 4}
        if change == SLOTS and victims >= {"prometheus", "alertmanager"}:
            # Then nobody is left who knows of an alert that it has ended.
            victims.remove(self._random.choice(["prometheus", "alertmanager"]))
        order = self._random.sample(sorted(victims), len(victims))
        ended = [(name, self._random.choice(_SIGNALS)) for name in order]
        # It may have to be waited for; the others would be away the longer.
        ended.sort(key=lambda ending: ending[0] != "alertmanager")
        return Outage(
            tuple(ended),
            self._random.randrange(_LONGEST_OUTAGE_LINES),
            tuple(self._random.sample(order, len(order))),
            change,
        )


class Play:
    """The servers as docker-compose.yml starts them, at quick intervals, and what befalls them.

    Args:
        stack_tool: finds a program of this machine.
        home: where their files are.
        running: closes what was started.
        seed: what to play.
        speed: how many times faster the recording is written than it was recorded.
        hook: the command of a training process that plays the recording through the hook, too; it
            is given its address and begins anew when it was ended.
    """

    def __init__(
        self,
        stack_tool: Callable[[str], Path],
        home: Path,
        running: ExitStack,
        seed: int,
        speed: float,
        hook: tuple[str, ...] = (),
    ) -> None:
        self.endings = 0
        self.receiver = Receiver()
        running.callback(self.receiver.close)
        self._seed = seed
        self._began = time.monotonic()
        self._tool = stack_tool
        self._hook = hook
        self._deployment = Deployment(stack_tool, home, running)
        exporters = ["watch", "slotless"] + (["hook"] if hook else [])
        self._places = {name: self._deployment.place("exporter", name) for name in exporters}
        self.instances = {name: place.address for name, place in self._places.items()}
        self._deployment.addresses |= {
            "receiver:8080": self.receiver.address,
            "exporter:10500": tuple(self.instances.values()),
        }
        alertmanager = self._deployment.place("alertmanager")
        self._deployment.addresses["alertmanager:9093"] = alertmanager.address
        prometheus = self._deployment.place("prometheus")
        self._places |= {"alertmanager": alertmanager, "prometheus": prometheus}
        for name in ("alertmanager", "prometheus"):
            _quicken(self._places[name], f"/etc/{name}/{name}.yml")
        self.prometheus = Prometheus(self._places["prometheus"].url)
        self._author = Author(seed, list(self._places))
        self._slotless = Run(home / "slotless.jsonl")
        self._replay = Replay(RECORDING, home / "recording.jsonl", speed)
        running.callback(self._replay.close)
        self._files = {"watch": home / "recording.jsonl", "slotless": self._slotless.file}
        self._servers: dict[str, Server] = {}
        for name in self._places:
            self._start(name)

    def perform(self, scenes: Scenes) -> None:
        """Play all of it, and return when everybody had the time to know how it ended."""
        self._suffer(scenes.before)
        self._undergo(self._author.outage(NO_SLOTS))
        self._suffer(scenes.pending)
        self._await("the page", lambda: self.receiver.all(ALERT, "firing"))
        self._suffer(scenes.firing)
        self._await("Prometheus and Alertmanager to have the alert", self._both_have_the_alert)
        self._undergo(self._author.outage(SLOTS))
        self._await("the end of the page", lambda: self.receiver.all(ALERT, "resolved"))
        self._slotless.finish()
        self._suffer(scenes.after)
        self._await("the end of the recording", lambda: self._replay.over)
        if self._hook:
            assert self._servers["hook"].wait(PATIENCE_SECONDS) == 0, self._servers["hook"].said()
        self._await("Alertmanager to hear from Prometheus", lambda: "Watchdog" in self.active())
        self._await("Alertmanager to have sent all", self._is_settled)
        self._say(f"{self.endings} endings, {len(self.receiver.notifications)} notifications")

    def active(self) -> list[str]:
        """Return the names of the alerts that Alertmanager has."""
        url = f"{self._places['alertmanager'].url}/api/v2/alerts"
        alerts = json.loads(wait_for("Alertmanager to answer", partial(get, url)))
        return sorted(alert["labels"]["alertname"] for alert in alerts)

    def firing(self) -> list[str]:
        """Return the names of the alerts that fire in Prometheus."""
        alerts = self.prometheus.ask("alerts")["alerts"]
        return sorted(a["labels"]["alertname"] for a in alerts if a["state"] == "firing")

    def exposed(self, name: str) -> str:
        """Return what an exporter answers."""
        return get(f"{self._places[name].url}/metrics") or ""

    def _suffer(self, outages: int) -> None:
        for _ in range(outages):
            self._undergo(self._author.outage())

    def _undergo(self, outage: Outage) -> None:
        # A run that says nothing for ten minutes would be an alert of its own.
        self._slotless.write("TAMIYO_INITIATED", {"env_id": 0, "stable_count": 3})
        self._say(str(outage))
        for name, signals in outage.ended:
            if name == "alertmanager":
                self._await("Alertmanager to have sent all, and saved that", self._is_settled)
            self._servers[name].end(*signals)
            self.endings += 1
        if outage.change is not None:
            self._slotless.start([] if outage.change == NO_SLOTS else ["r0c0", "r0c1"])
            self._say(outage.change)
        until = self._replay.lines + outage.lines
        self._await("those lines", lambda: self._replay.over or self._replay.lines >= until)
        for name in outage.back:
            self._start(name)
        self._say(f"{', '.join(outage.back)} back")

    def _start(self, name: str) -> None:
        place = self._places[name]
        if name in self._files:
            self._servers[name] = self._deployment.start_exporter(place, self._files[name])
        elif name == "hook":
            command = [*self._hook, place.address]
            self._servers[name] = self._deployment.start(place, command, "/metrics")
        else:
            command = place.command(self._tool(name))
            if name == "prometheus":
                command.append(f"--rules.alert.resend-delay={_RESEND_DELAY}")
            self._servers[name] = self._deployment.start(place, command, "/-/ready")

    def _both_have_the_alert(self) -> bool:
        return ALERT in self.firing() and ALERT in self.active()

    def _is_settled(self) -> bool:
        """Tell whether Alertmanager has nothing to send, and has saved what it sent."""
        if ALERT in self.active() and not self.receiver.all(ALERT, "firing"):
            return False
        newest = max((n.at for n in self.receiver.notifications.copy()), default=None)
        if newest is None:
            return True
        log = self._places["alertmanager"].inside("/alertmanager/nflog")
        return log.exists() and log.stat().st_mtime > newest + _LOGGED_WITHIN_SECONDS

    def _await(self, what: str, condition: Callable[[], Any]) -> None:
        wait_for(f"seed {self._seed}: {what}", condition, PATIENCE_SECONDS)
        self._say(f"waited for {what}")

    def _say(self, what: str) -> None:
        sys.stdout.write(f"seed {self._seed}, {time.monotonic() - self._began:5.1f} s: {what}\n")


def _quicken(place: Composed, path: str) -> None:
    """Set the intervals of a configuration."""
    file = place.inside(path)
    text = file.read_text("utf-8")
    for name, value in _QUICK.items():
        text = re.sub(rf"\b{name}: \w+", f"{name}: {value}", text)
    file.write_text(text, "utf-8")
