"""What dashboards and people ask most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rules.form import Recording
from rules.promql import UNDER_WAY, last

COMMENT: Final = """\
What dashboards and people ask most; the alerts do not need it.

The level "group" is one group of one run, with every label of its series. The level "job_group"
is a fleet: the runs under way of every instance of a job.
"""

_FLEET: Final = "cluster, namespace, job, group_id"


def _per_episode(counter: str) -> str:
    return f"{counter} / clamp_min(sanctum_current_episode, 1)"


def _fleet(metric: str, by: str = _FLEET) -> str:
    return f"""
sum by ({by}) (
  {last(metric)} and ignoring (stage) group:sanctum_run:under_way
)
"""


def groups() -> list[tuple[str, Sequence[Recording]]]:
    """Return the groups of rules, in the order of the file."""
    return [
        (
            "sanctum.groups",
            [
                Recording(
                    "group:sanctum_seeds_germinated:per_episode",
                    _per_episode("sanctum_seeds_germinated_total"),
                    comment="The rates of SlotsPanel and of the records TELE-506 to TELE-508.",
                ),
                Recording(
                    "group:sanctum_seeds_pruned:per_episode",
                    _per_episode("sanctum_seeds_pruned_total"),
                ),
                Recording(
                    "group:sanctum_seeds_fossilized:per_episode",
                    _per_episode("sanctum_seeds_fossilized_total"),
                ),
                Recording(
                    "group:sanctum_seeds_ended:sum",
                    "sanctum_seeds_fossilized_total + sanctum_seeds_pruned_total",
                ),
                Recording(
                    "group:sanctum_slots:utilisation",
                    "sanctum_active_slots / (sanctum_total_slots > 0)",
                    comment="Active slots among all, 0 to 1; no value without slots.",
                ),
                Recording(
                    "group:sanctum_telemetry:age_seconds",
                    "time() - sanctum_last_event_timestamp_seconds",
                ),
                Recording(
                    "group:sanctum_run:under_way",
                    f"""
{last("sanctum_run_start_timestamp_seconds")} * 0 + 1
{UNDER_WAY}
""",
                    comment="1 for a run that has started, is not completed, and was heard of within an hour.",
                ),
            ],
        ),
        (
            "sanctum.fleet",
            [
                Recording("job_group:sanctum_total_slots:sum", _fleet("sanctum_total_slots")),
                Recording("job_group:sanctum_active_slots:sum", _fleet("sanctum_active_slots")),
                Recording(
                    "job_group:sanctum_slots:sum", _fleet("sanctum_slots", f"{_FLEET}, stage")
                ),
                Recording(
                    "job_group:sanctum_slots:utilisation",
                    """
job_group:sanctum_active_slots:sum / (job_group:sanctum_total_slots:sum > 0)
""",
                ),
                Recording(
                    "job_group:sanctum_seeds_germinated:sum",
                    _fleet("sanctum_seeds_germinated_total"),
                ),
                Recording(
                    "job_group:sanctum_seeds_pruned:sum", _fleet("sanctum_seeds_pruned_total")
                ),
                Recording(
                    "job_group:sanctum_seeds_fossilized:sum",
                    _fleet("sanctum_seeds_fossilized_total"),
                ),
                Recording(
                    "job_group:sanctum_runs:count",
                    f"count by ({_FLEET}) (group:sanctum_run:under_way)",
                    comment="Runs that are under way.",
                ),
            ],
        ),
    ]
