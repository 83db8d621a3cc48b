"""What a scrape of the heuristic recording gives, byte for byte."""

from __future__ import annotations

import re
from functools import partial

from prometheus_client import CollectorRegistry, generate_latest

from sanctum_exporter.metric import ExporterReading
from sanctum_exporter.sinks.prometheus import SanctumCollector
from tests import recordings
from tests.feeding import fed

GOLDEN = recordings.ROOT / "tests" / "data" / "heuristic.prom"
VERSIONS = partial(ExporterReading, version="1.2.3", python_version="3.11.0")


def test_exposition_of_a_recording_is_the_golden_text() -> None:
    """Names, types, helps, labels, order and values are what users' rules are built on."""
    intake = fed(recordings.lines("heuristic"))
    ticks = iter((10.0, 10.25))
    registry = CollectorRegistry()
    collector = SanctumCollector(intake, clock=lambda: next(ticks), exporter_reading=VERSIONS)
    registry.register(collector)
    assert generate_latest(registry).decode() == GOLDEN.read_text("utf-8")


def test_golden_text_holds_the_values_of_the_original() -> None:
    """The literal was written from the recording, and stays tied to it."""
    last = recordings.golden("heuristic")[-1]
    seeds = last["seed_lifecycle"]
    expected = {
        "sanctum_total_slots": last["total_slots"],
        "sanctum_active_slots": last["active_slots"],
        "sanctum_envs": last["n_envs"],
        "sanctum_mean_epochs_in_stage": last["avg_epochs_in_stage"],
        "sanctum_current_episode": last["current_episode"],
        "sanctum_seeds_germinated_total": seeds["germination_count"],
        "sanctum_seeds_pruned_total": seeds["prune_count"],
        "sanctum_seeds_fossilized_total": seeds["fossilize_count"],
        "sanctum_blend_success_ratio": seeds["blend_success_rate"],
        "sanctum_mean_seed_lifespan_epochs": seeds["avg_lifespan_epochs"],
    }
    golden = GOLDEN.read_text("utf-8")
    for name, value in expected.items():
        match = re.search(rf'^{name}{{group_id="default"}} (\S+)$', golden, re.MULTILINE)
        assert match is not None, name
        assert float(match[1]) == value, name
    for stage, count in last["slot_stage_counts"].items():
        assert f'sanctum_slots{{group_id="default",stage="{stage}"}} {float(count)}\n' in golden
