"""Live events of the usual types, read and applied in one go: what a training pays for.

Each function reads the attributes that we read of an event, checks all of them, and only then
calls the aggregator. For anything unusual it raises ``Unusual``, with nothing changed, and the
event is read with more care by ``reading.from_host``. By hand and without structs, because most of
the cost of a conversion is in the calls and in what we do not read.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, TypeAlias

from sanctum_exporter.aggregator import Aggregator
from sanctum_exporter.events import EXACT, PASSED_EVENTS, SeedReport

_LOWEST: Final = -EXACT

_Apply: TypeAlias = Callable[[Aggregator, Any], None]
_SeedMethod: TypeAlias = Callable[[Aggregator, int, str, int], None]


_LEAST: Final = -EXACT


class Unusual(Exception):  # noqa: N818 - it is no error
    """An event that has to be read with more care."""


def _seed_event(method: _SeedMethod, epochs_name: str) -> _Apply:
    attributes = attrgetter("env_id", "slot_id", epochs_name)

    def apply(aggregator: Aggregator, event: Any) -> None:
        env_id, own_slot_id, epochs = attributes(event.data)
        slot_id = event.slot_id or own_slot_id
        if (
            type(env_id) is type(epochs) is int
            and 0 <= env_id <= EXACT
            and _LOWEST <= epochs <= EXACT
            and type(slot_id) is str
            and (own_slot_id is slot_id or own_slot_id is None or type(own_slot_id) is str)
        ):
            method(aggregator, env_id, slot_id, epochs)
        else:
            raise Unusual

    return apply


def _stage_changed(aggregator: Aggregator, event: Any) -> None:
    data = event.data
    env_id, to_stage, epochs = data.env_id, data.to_stage, data.epochs_in_stage
    own_slot_id = data.slot_id
    slot_id = event.slot_id or own_slot_id
    if (
        type(env_id) is type(epochs) is int
        and 0 <= env_id <= EXACT
        and _LOWEST <= epochs <= EXACT
        and type(slot_id) is type(to_stage) is str
        and (own_slot_id is slot_id or own_slot_id is None or type(own_slot_id) is str)
    ):
        seed = SeedReport(to_stage, epochs)
        aggregator.seed_stage_changed(env_id, slot_id, seed)
    else:
        raise Unusual


def _gate_evaluated(aggregator: Aggregator, event: Any) -> None:
    data = event.data
    env_id, own_slot_id = data.env_id, data.slot_id
    slot_id = event.slot_id or own_slot_id
    if (
        type(env_id) is int
        and 0 <= env_id <= EXACT
        and type(slot_id) is str
        and (own_slot_id is slot_id or own_slot_id is None or type(own_slot_id) is str)
    ):
        aggregator.seed_gate_evaluated(env_id, slot_id)
    else:
        raise Unusual


def _epoch_completed(aggregator: Aggregator, event: Any) -> None:
    data = event.data
    env_id, seeds = data.env_id, data.seeds
    reports: dict[str, SeedReport] | None = None
    if seeds is not None:
        reports = {}
        for slot_id, seed in seeds.items():
            stage, epochs = seed["stage"], seed["epochs_in_stage"]
            if (
                type(slot_id) is type(stage) is str
                and type(epochs) is int
                and _LOWEST <= epochs <= EXACT
            ):
                reports[slot_id] = SeedReport(stage, epochs)
            else:
                raise Unusual
    if type(env_id) is int and 0 <= env_id <= EXACT:
        aggregator.epoch_completed(env_id, reports)
    else:
        raise Unusual


def _batch_epoch_completed(aggregator: Aggregator, event: Any) -> None:
    episodes = event.data.episodes_completed
    if type(episodes) is int and _LOWEST <= episodes <= EXACT:
        aggregator.batch_epoch_completed(episodes)
    else:
        raise Unusual


HOST_EVENTS: Final[dict[str, _Apply | None]] = {
    **dict.fromkeys(PASSED_EVENTS),
    "SEED_GERMINATED": _seed_event(Aggregator.seed_germinated, "epochs_in_stage"),
    "SEED_STAGE_CHANGED": _stage_changed,
    "SEED_FOSSILIZED": _seed_event(Aggregator.seed_fossilized, "epochs_total"),
    "SEED_PRUNED": _seed_event(Aggregator.seed_pruned, "epochs_total"),
    "SEED_GATE_EVALUATED": _gate_evaluated,
    "EPOCH_COMPLETED": _epoch_completed,
    "BATCH_EPOCH_COMPLETED": _batch_epoch_completed,
}
"""How a live event changes its group; None for one that changes no number of it."""
