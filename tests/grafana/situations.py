"""Situations that the dashboards are drawn in: a lively one, and those that are awkward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Final, TypeAlias

from sanctum_exporter.readings import Activity, GroupReading
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import recordings
from tests.feeding import fed, steps
from tests.grafana import exporters, prometheus
from tests.grafana.dashboards import View, opened
from tests.grafana.shifting import as_of
from tests.recordings import ROOT

_JOB: Final = "sanctum"
_LINE: Final = 4651
_LINES_A_SCRAPE: Final = 90
_HOUR_SECONDS: Final = 3600
_SLOWER: Final = 600
_NO_SLOTS: Final = (
    b'{"event_type": "TRAINING_STARTED", "group_id": "default",'
    b' "timestamp": "2020-02-02T00:00:00+00:00",'
    b' "data": {"n_envs": 4, "slot_ids": [], "start_episode": 0, "n_episodes": 16,'
    b' "task": "cifar_baseline", "reward_mode": "shaped"}}'
)
_FLEET: Final = 50
_OLD_RUNS: Final = 30

Drawn: TypeAlias = tuple[prometheus.Prometheus, dict[str, View]]


class Watch:
    """What ``watch --all-runs`` publishes of its runs."""

    def __init__(self, runs: Sequence[Intake]) -> None:
        self._runs = runs

    def readings(self) -> Sequence[GroupReading]:
        """Return those of all runs."""
        return [reading for run in self._runs for reading in run.readings()]

    def activity(self) -> Activity:
        """Return the exporter's state, without counts of events."""
        return Activity(on_duty=True)


@contextmanager
def lively() -> Iterator[Drawn]:
    """Replay a recorded A/B run, scraped every second, to a lively moment; others stand beside."""
    run = Intake(Groups())
    half = recordings.lines("ppo_single")
    with ExitStack() as stack, ExitStack() as short_lived:
        first = "gpu-1:10500"
        served = [
            (first, run, stack),
            ("gpu-2:10500", fed(as_of(half[:1797], _HOUR_SECONDS / 2, slower=_SLOWER)), stack),
            ("gpu-3:10500", fed(as_of([_NO_SLOTS], 60)), stack),
            ("gpu-4:10500", fed(as_of(half[:900], 0, slower=_SLOWER)), short_lived),
            ("gpu-5:10500", fed(as_of(recordings.lines("lifecycle_only"), _HOUR_SECONDS)), stack),
            ("gpu-6:10500", fed(as_of(half[:1000], 0, slower=_SLOWER)), stack),
        ]
        server = stack.enter_context(_scraping(served))
        server.wait_for('sanctum_total_slots{instance="gpu-4:10500"}')
        lines = recordings.lines("ab")[:_LINE]
        for number, _ in steps(run, (as_of([line], 0)[0] for line in lines)):
            if number == len(lines) // 2:
                short_lived.close()
            if number % _LINES_A_SCRAPE == 0 or number == len(lines):
                events = f'sum(sanctum_exporter_events_total{{instance="{first}"}})'
                moment = server.wait_for(f"{events} == {number}")
        yield server, _views(server, moment, "", instance=first, a_instance=first, b_instance=first)


@contextmanager
def zero_slots() -> Iterator[Drawn]:
    """A run without slots, until its alert fires."""
    with ExitStack() as stack:
        run = fed(as_of([_NO_SLOTS], 60))
        server = stack.enter_context(_scraping([("gpu-3:10500", run, stack)]))
        moment = server.wait_for('ALERTS{alertname="SanctumNoSlots", alertstate="firing"}')
        yield server, _views(server, moment, "-zero-slots")


@contextmanager
def empty() -> Iterator[Drawn]:
    """A Prometheus that scrapes no exporter."""
    with prometheus.running([]) as server:
        yield server, _views(server, server.wait_for("vector(1)"), "-empty")


@contextmanager
def fifty() -> Iterator[Drawn]:
    """Fifty exporters, most of them well; one is stalled, one has no slots, and three died."""
    half = recordings.lines("ppo_single")
    with ExitStack() as stack, ExitStack() as short_lived:
        served: list[tuple[str, Intake, ExitStack]] = []
        for number in range(_FLEET):
            life = short_lived if number in (7, 8, 9) else stack
            lines = half[: 700 + 30 * number]
            run = fed(as_of(lines, 5 + number, slower=_SLOWER))
            if number == 20:
                run = fed(as_of([_NO_SLOTS], 60))
            if number == 30:
                run = fed(as_of(lines, _HOUR_SECONDS / 2, slower=_SLOWER))
            node, port = number // 8, 10500 + number % 8
            served.append((f"node-{node:03}.cluster.example:{port}", run, life))
        server = stack.enter_context(_scraping(served))
        server.wait_for(f"count(sanctum_exporter_build_info) == {_FLEET}")
        short_lived.close()
        moment = server.wait_for(
            'ALERTS{alertname="SanctumNoSlots", alertstate="firing"}'
            f" and on () count(sanctum_exporter_build_info) == {_FLEET - 3}"
        )
        yield server, _views(server, moment, "-fifty")


@contextmanager
def old_runs() -> Iterator[Drawn]:
    """One exporter of thirty runs that are over, and of one that is under way."""
    half = recordings.lines("ppo_single")
    runs = [
        fed(as_of(half[: 800 + 50 * number], (40 - number) * 2 * _HOUR_SECONDS), f"run-{number:02}")
        for number in range(_OLD_RUNS)
    ]
    runs.insert(5, fed(as_of(half[:1300], 5, slower=_SLOWER), "run-alive"))
    with ExitStack() as stack:
        address = stack.enter_context(exporters.served(Watch(runs), run_label=True))
        target = prometheus.Target(_JOB, "gpu-1:10500", address)
        server = stack.enter_context(prometheus.running([target], _rules()))
        scraped_often = "count_over_time(sanctum_total_slots[1m]) > 9"
        moment = server.wait_for(f"count({scraped_often}) == {len(runs)}")
        views = _views(server, moment, "-old-runs")
        several = opened("sanctum-slots", server, moment)
        every = tuple(several.options(server, "run"))
        views["sanctum-slots-summed"] = View(
            several.dashboard, {**several.values, "run": every}, moment
        )
        yield server, views


EVERY: Final[dict[str, Callable[[], AbstractContextManager[Drawn]]]] = {
    "lively": lively,
    "zero-slots": zero_slots,
    "empty": empty,
    "fifty": fifty,
    "old-runs": old_runs,
}


@contextmanager
def _scraping(
    served: Sequence[tuple[str, Intake, ExitStack]],
) -> Iterator[prometheus.Prometheus]:
    targets = [
        prometheus.Target(_JOB, instance, life.enter_context(exporters.served(run)))
        for instance, run, life in served
    ]
    with prometheus.running(targets, _rules()) as server:
        yield server


def _rules() -> str:
    return (ROOT / "rules" / "alerts.yml").read_text("utf-8")


def _views(
    server: prometheus.Prometheus, moment: float, suffix: str, **chosen: str
) -> dict[str, View]:
    uids = ("sanctum-slots", "sanctum-fleet", "sanctum-compare")
    return {
        f"{uid}{suffix}": opened(uid, server, moment, **({} if uid == "sanctum-fleet" else chosen))
        for uid in uids
    }
