"""What dashboards, people and the alerts ask most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rules.form import Recording
from sanctum_exporter import thresholds

COMMENT: Final = """\
What dashboards, people and the alerts ask most.

The level "group" is one group of one run: job, instance, run (only where one exporter follows
several runs at once) and group_id. The level "job_group" is a fleet: every instance of a job.
"""


def groups() -> list[tuple[str, Sequence[Recording]]]:
    """Return the groups of rules, in the order of the file."""
    return [
        (
            "sanctum.groups",
            [
                Recording(
                    "group:sanctum_seeds_germinated:per_episode",
                    """
max by (job, instance, run, group_id) (sanctum_seeds_germinated_total)
  / clamp_min(max by (job, instance, run, group_id) (sanctum_current_episode), 1)
""",
                    comment="The rates of SlotsPanel and of the records TELE-506 to TELE-508.",
                ),
                Recording(
                    "group:sanctum_seeds_pruned:per_episode",
                    """
max by (job, instance, run, group_id) (sanctum_seeds_pruned_total)
  / clamp_min(max by (job, instance, run, group_id) (sanctum_current_episode), 1)
""",
                ),
                Recording(
                    "group:sanctum_seeds_fossilized:per_episode",
                    """
max by (job, instance, run, group_id) (sanctum_seeds_fossilized_total)
  / clamp_min(max by (job, instance, run, group_id) (sanctum_current_episode), 1)
""",
                ),
                Recording(
                    "group:sanctum_seeds_ended:sum",
                    """
max by (job, instance, run, group_id) (sanctum_seeds_fossilized_total)
  + max by (job, instance, run, group_id) (sanctum_seeds_pruned_total)
""",
                ),
                Recording(
                    "group:sanctum_slots:utilisation",
                    """
max by (job, instance, run, group_id) (sanctum_active_slots)
  / (max by (job, instance, run, group_id) (sanctum_total_slots) > 0)
""",
                    comment="Active slots among all, 0 to 1; no value without slots.",
                ),
                Recording(
                    "group:sanctum_telemetry:age_seconds",
                    """
time()
  - max by (job, instance, run, group_id) (sanctum_last_event_timestamp_seconds)
""",
                ),
                Recording(
                    "group:sanctum_episodes:left",
                    """
max by (job, instance, run, group_id) (sanctum_planned_episodes > 0)
  - max by (job, instance, run, group_id) (sanctum_current_episode)
  unless on (job, instance, run, group_id) sanctum_run_info{run_id=~"heur_.*"}
  unless on (job, instance, run, group_id) (
    sanctum_last_event_timestamp_seconds < time() - 7 * 86400
    and sanctum_current_episode < sanctum_planned_episodes
  )
or
(last_over_time(group:sanctum_episodes:left[1h]) > 0) * 0
  and on (job, instance) (up == 1)
or
last_over_time(group:sanctum_episodes:left[1h])
  and on (job, instance) count_over_time(up[1h])
  unless on (job, instance) (up == 1)
""",
                    comment="""\
Episodes that are still to come, as far as is known: what tells a process that finished
and exited from one that died in the middle of its run. In order:
- what is scraped now. Not for heuristic runs, which never report an episode as completed,
  nor for incomplete runs without an event for a week, which are history;
- 0 for a group that a living process no longer has: it was restarted as something else;
- the last value, for as long as the process cannot be scraped, and for an hour after
  its target has gone.
""",
                ),
                Recording(
                    "group:sanctum_run:idle",
                    f"""
group by (job, instance, run, group_id) (
  group:sanctum_telemetry:age_seconds > {thresholds.SILENCE_SECONDS} or group:sanctum_episodes:left <= 0
)
""",
                    comment="A run that has finished or whose telemetry is silent: its seeds are not judged.",
                ),
            ],
        ),
        (
            "sanctum.fleet",
            [
                Recording(
                    "job_group:sanctum_total_slots:sum",
                    "sum by (job, group_id) (sanctum_total_slots)",
                ),
                Recording(
                    "job_group:sanctum_active_slots:sum",
                    "sum by (job, group_id) (sanctum_active_slots)",
                ),
                Recording(
                    "job_group:sanctum_slots:sum",
                    "sum by (job, group_id, stage) (sanctum_slots)",
                ),
                Recording(
                    "job_group:sanctum_slots:utilisation",
                    """
sum by (job, group_id) (sanctum_active_slots)
  / (sum by (job, group_id) (sanctum_total_slots) > 0)
""",
                ),
                Recording(
                    "job_group:sanctum_seeds_germinated:sum",
                    "sum by (job, group_id) (sanctum_seeds_germinated_total)",
                ),
                Recording(
                    "job_group:sanctum_seeds_pruned:sum",
                    "sum by (job, group_id) (sanctum_seeds_pruned_total)",
                ),
                Recording(
                    "job_group:sanctum_seeds_fossilized:sum",
                    "sum by (job, group_id) (sanctum_seeds_fossilized_total)",
                ),
                Recording(
                    "job_group:sanctum_runs:count",
                    """
count by (job, group_id) (
  group:sanctum_episodes:left > 0 and on (job, instance) (up == 1)
)
""",
                    comment="Runs that are under way and can be scraped.",
                ),
            ],
        ),
    ]
