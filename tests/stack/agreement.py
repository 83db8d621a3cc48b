"""What has to be true after a play of tests/stack/chaos.py, whatever happened in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests import recordings
from tests.stack.chaos import ALERT, RECORDING, Play
from tests.stack.storage import Values, last_values
from tests.waiting import wait_for


def recorded() -> Values:
    """Return what esper-lite itself computed for the end of the recording, as metrics."""
    last = {row["group_id"]: row for row in recordings.golden(RECORDING)}
    return {
        (f"sanctum_{name}", frozenset({"group_id": group, **labels}.items())): value
        for group in recordings.first_starts(RECORDING)
        for name, labels, value in _metrics(last[group])
    }


def _metrics(row: dict[str, Any]) -> Iterator[tuple[str, dict[str, str], float]]:
    lifecycle = row["seed_lifecycle"]
    yield "total_slots", {}, row["total_slots"]
    yield "active_slots", {}, row["active_slots"]
    yield "envs", {}, row["n_envs"]
    yield "current_episode", {}, row["current_episode"]
    yield "mean_epochs_in_stage", {}, row["avg_epochs_in_stage"]
    yield "seeds_germinated_total", {}, lifecycle["germination_count"]
    yield "seeds_pruned_total", {}, lifecycle["prune_count"]
    yield "seeds_fossilized_total", {}, lifecycle["fossilize_count"]
    yield "blend_success_ratio", {}, lifecycle["blend_success_rate"]
    yield "mean_seed_lifespan_epochs", {}, lifecycle["avg_lifespan_epochs"]
    for stage, count in row["slot_stage_counts"].items():
        yield "slots", {"stage": stage}, count


def assert_prometheus_and_exporter_have_the_end_of_the_recording(play: Play) -> None:
    """Whoever played it, in whatever pieces it was seen."""
    wanted = recorded()
    for name in play.instances.keys() - {"slotless"}:
        with suppress(TimeoutError):
            wait_for(f"the end of {name}", partial(_has, play, name, wanted))
        wrong = _wrong(_stored(play, name), wanted)
        assert not wrong, f"Prometheus on {name}: {wrong}"
    samples = [
        sample
        for family in text_string_to_metric_families(play.exposed("watch"))
        for sample in family.samples
    ]
    exposed = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    wrong = _wrong(exposed, wanted)
    assert not wrong, wrong
    rejected = {s.value for s in samples if s.name == "sanctum_exporter_events_rejected_total"}
    assert rejected == {0}, "lines that it met half written"


def _has(play: Play, name: str, wanted: Values) -> bool:
    return not _wrong(_stored(play, name), wanted)


def _wrong(found: Values, wanted: Values) -> dict[object, tuple[float | None, float]]:
    """Return what is missing or has another value: what was found, and what was wanted."""
    return {
        key: (found.get(key), value) for key, value in wanted.items() if found.get(key) != value
    }


def _stored(play: Play, name: str) -> Values:
    return last_values(play.prometheus, f'instance="{play.instances[name]}"')


def assert_no_counter_went_back(play: Play) -> None:
    """One that had, and came again, would be counted twice by ``increase()``."""
    for name in ("germinated", "pruned", "fossilized"):
        counter = f'sanctum_seeds_{name}_total{{instance="{play.instances["watch"]}"}}[1h]'
        resets = play.prometheus.query(f"sum by (group_id) (resets({counter}))")
        expected = {frozenset({("group_id", group)}): 0 for group in ("A", "B")}
        assert resets == expected, f"{name}: {resets}"


def assert_one_page_and_its_end(play: Play) -> None:
    """The run without slots pages once and ends that once; of nothing else is anybody told."""
    told = [(*n.what, n.labels["instance"]) for n in play.receiver.notifications]
    slotless = play.instances["slotless"]
    page, its_end = (("pager", ALERT, status, slotless) for status in ("firing", "resolved"))
    assert told == [page, its_end], told


def assert_alerts_are_as_they_should_be(play: Play) -> None:
    """Nothing fires at the end but what always does; what fired did not become pending again."""
    alerts = play.firing(), play.active()
    assert alerts == (["Watchdog"], ["Watchdog"]), alerts
    states = {}
    for state in ("pending", "firing"):
        query = f'ALERTS{{alertname="{ALERT}",alertstate="{state}"}}[1h]'
        found = play.prometheus.ask("query", query=query)["result"]
        states[state] = [at for series in found for at, _ in series["values"]]
    assert max(states["pending"]) < min(states["firing"]), "it was pending again"
