"""The alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rules.form import Alert
from sanctum_exporter import thresholds

COMMENT: Final = """\
Alerts. Every one has a page in docs/runbooks/.

- Scrape at least every 15 seconds, in jobs whose name begins with "sanctum".
- One alert a group (or a process): labels that would only make it fire anew are aggregated away.
- A failed scrape or two change nothing: the last value of two minutes counts.
- A finished run, and one that is paused, are not judged: nobody can act on them.
- The external labels grafana_url and docs_url of Prometheus lead the links; prometheus.yml has
  both.
"""

GROUP: Final = (
    "group {{ $labels.group_id }} of {{ $labels.job }} at "
    "{{ $labels.instance }}{{ with $labels.run }}, run {{ . }}{{ end }}"
)
"""Names the group of an alert in its description."""
PROCESS: Final = "{{ $labels.job }} at {{ $labels.instance }}"
"""Names the process of an alert in its description."""
_ON: Final = "on (job, instance, run, group_id)"
_BY: Final = "by (job, instance, run, group_id)"
_NOT_IDLE: Final = f"unless {_ON} last_over_time(group:sanctum_run:idle[2m])"
# A share or a mean of fewer seeds says little.
_ENOUGH_ENDED: Final = f"and {_ON} last_over_time(group:sanctum_seeds_ended:sum[2m]) >= 20"
_IN_TRAINING: Final = f"""\
and {_ON} (
  last_over_time(sanctum_run_start_timestamp_seconds[2m]) > 0
)
unless {_ON} (
  changes(sanctum_run_start_timestamp_seconds[30s]) > 0
)
{_NOT_IDLE}"""


def _grew(counter: str) -> str:
    """Return the processes whose counter grew within ten minutes, or was above 0 from the start."""
    return f"""
sum by (job, instance) (increase({counter}[10m])) > 0
or
(
  sum by (job, instance) (last_over_time({counter}[2m])) > 0
  unless on (job, instance) last_over_time({counter}[1h] offset 10m)
)
"""


def groups() -> list[tuple[str, Sequence[Alert]]]:
    """Return the groups of rules, in the order of the file."""
    return [
        (
            "sanctum.slots",
            [
                Alert(
                    "SanctumNoSlots",
                    "critical",
                    f"""
max {_BY} (
  last_over_time(sanctum_total_slots[2m]) == 0
  and last_over_time(sanctum_run_start_timestamp_seconds[2m]) > 0
)
unless {_ON} (group:sanctum_episodes:left <= 0)
""",
                    summary="Training runs without a single slot",
                    description=f"Training has started in {GROUP}, and it has {{{{ $value }}}} slots: no seed can ever grow. The run wastes its time until it is given slots.",
                    hold="30s",
                    comment="The run has started and has no slots. It ends with the first slot, and with the run.",
                ),
                Alert(
                    "SanctumNothingStarted",
                    "critical",
                    f"""
max {_BY} (last_over_time(sanctum_total_slots[2m])) == 0
unless on (job, instance, run) (
  last_over_time(sanctum_run_start_timestamp_seconds[2m]) > 0
)
""",
                    summary="The exporter is attached, but no training has started",
                    description=f"The exporter is attached to {GROUP}, but nothing has started for 10 minutes: it has {{{{ $value }}}} slots and has seen no TRAINING_STARTED.",
                    hold="10m",
                    comment="Whatever group it is in, a run that has started means that the process does its job.",
                ),
                Alert(
                    "SanctumNoActiveSlots",
                    "warning",
                    f"""
max_over_time(group:sanctum_slots:utilisation[2m]) == 0
{_IN_TRAINING}
""",
                    summary=f"No slot has been active for {thresholds.EXTENDED_PERIOD_MINUTES} minutes",
                    description=f"In {GROUP}, {{{{ $value | humanizePercentage }}}} of the slots have been active over {thresholds.EXTENDED_PERIOD_MINUTES} minutes of training (TELE-502): no seed germinates.",
                    hold=f"{thresholds.EXTENDED_PERIOD_MINUTES}m",
                    comment="""\
TELE-502. The end of every batch clears all seeds, hence the highest value of two minutes;
the minutes count anew from every start.
""",
                ),
                Alert(
                    "SanctumMostlyDormant",
                    "warning",
                    f"""
max_over_time(group:sanctum_slots:utilisation[2m]) < {1 - thresholds.DORMANT_WARNING:.2g}
{_IN_TRAINING}
""",
                    summary=f"More than {thresholds.percent(thresholds.DORMANT_WARNING)} of the slots have been dormant for {thresholds.EXTENDED_PERIOD_MINUTES} minutes",
                    description=f"In {GROUP}, at most {{{{ $value | humanizePercentage }}}} of the slots have been active over {thresholds.EXTENDED_PERIOD_MINUTES} minutes of training (TELE-501): the capacity goes unused.",
                    hold=f"{thresholds.EXTENDED_PERIOD_MINUTES}m",
                    comment="TELE-501. What is not DORMANT is active, so the limit is on the other side of 1.",
                ),
            ],
        ),
        (
            "sanctum.seeds",
            [
                Alert(
                    "SanctumLowBlendSuccess",
                    "warning",
                    f"""
max {_BY} (
  last_over_time(sanctum_blend_success_ratio[2m])
) < {thresholds.BLEND_SUCCESS_CRITICAL}
{_ENOUGH_ENDED}
{_NOT_IDLE}
""",
                    summary=f"Fewer than {thresholds.percent(thresholds.BLEND_SUCCESS_CRITICAL)} of the seeds that end are fossilized",
                    description=f"In {GROUP}, {{{{ $value | humanizePercentage }}}} of the seeds that ended were fossilized (TELE-512, critical under {thresholds.BLEND_SUCCESS_CRITICAL:.0%}): most seeds are grown in vain.",
                    hold="5m",
                    keep_firing="5m",
                    comment="TELE-512.",
                ),
                Alert(
                    "SanctumHighPruneRate",
                    "warning",
                    f"""
last_over_time(group:sanctum_seeds_pruned:per_episode[2m]) > {thresholds.PRUNE_RATE_CRITICAL}
unless {_ON} (
  increase(sanctum_seeds_pruned_total[1h])
    / (increase(sanctum_current_episode[1h]) > 0)
    <= {thresholds.PRUNE_RATE_CRITICAL}
)
and {_ON} last_over_time(sanctum_current_episode[2m]) > 0
{_NOT_IDLE}
""",
                    summary=f"More than {thresholds.PRUNE_RATE_CRITICAL} seeds are pruned per episode",
                    description=f"In {GROUP}, {{{{ $value | humanize }}}} seeds are pruned per episode (TELE-507, critical above {thresholds.PRUNE_RATE_CRITICAL}).",
                    hold="5m",
                    keep_firing="5m",
                    comment="""\
TELE-507. Before the first batch has ended, the count stands against no episode at all.
A process that starts one run after the other keeps its counts while the episodes begin
anew, so the last hour must not contradict.
""",
                ),
                Alert(
                    "SanctumShortLifespan",
                    "warning",
                    f"""
max {_BY} (
  last_over_time(sanctum_mean_seed_lifespan_epochs[2m])
) < {thresholds.LIFESPAN_CRITICAL_EPOCHS} > 0
{_ENOUGH_ENDED}
{_NOT_IDLE}
""",
                    summary=f"Seeds live less than {thresholds.LIFESPAN_CRITICAL_EPOCHS} epochs on average",
                    description=f"In {GROUP}, the last 100 seeds that ended lived {{{{ $value | humanize }}}} epochs on average (TELE-513, critical under {thresholds.LIFESPAN_CRITICAL_EPOCHS}).",
                    hold="5m",
                    keep_firing="5m",
                    comment="TELE-513. 0 means that no seed has reported how long it lived.",
                ),
            ],
        ),
        (
            "sanctum.runs",
            [
                Alert(
                    "SanctumRunVanished",
                    "critical",
                    """
group:sanctum_episodes:left > 0
unless on (job, instance) (max by (job, instance) (max_over_time(up[30s])) == 1)
""",
                    summary="A process vanished in the middle of its run",
                    description=f"The process of {GROUP} cannot be scraped any more, and its run has {{{{ $value }}}} episodes left: it crashed, was killed, or lost its network.",
                    hold="1m",
                    comment="A failed scrape or two, or a restart of Prometheus, are over before the minute is.",
                ),
                Alert(
                    "SanctumTelemetryStopped",
                    "warning",
                    f"""
last_over_time(group:sanctum_telemetry:age_seconds[2m]) > {thresholds.SILENCE_SECONDS}
and {_ON} group:sanctum_episodes:left > 0
""",
                    summary="A run that is under way sends no telemetry",
                    description=f"The last event of {GROUP} came {{{{ $value | humanizeDuration }}}} ago, and its run is not complete: the process hangs, or its telemetry no longer arrives.",
                    keep_firing="2m",
                    comment="The duration is in the expression. The age stands still, and is soon gone, when the process is.",
                ),
            ],
        ),
        (
            "sanctum.exporter",
            [
                Alert(
                    "SanctumExporterDown",
                    "warning",
                    """
max by (job, instance) (max_over_time(up{job=~"sanctum.*"}[1m])) == 0
unless on (job, instance) (max by (job, instance) (group:sanctum_episodes:left) <= 0)
""",
                    summary="An exporter cannot be scraped",
                    description=f"No scrape of {PROCESS} has succeeded for 5 minutes (up is {{{{ $value }}}}), and its run is not known to have finished.",
                    dashboard="sanctum-fleet",
                    hold="5m",
                    comment="Jobs whose name begins with sanctum. A process whose every run has finished may exit.",
                ),
                Alert(
                    "SanctumEventsRejected",
                    "warning",
                    _grew("sanctum_exporter_events_rejected_total"),
                    summary="Telemetry events are rejected",
                    description=f'{PROCESS} rejected {{{{ $value | printf "%.0f" }}}} events within 10 minutes: its numbers may be wrong. The log of the exporter names each reason.',
                    dashboard="sanctum-fleet",
                    comment="The second part is for events that were rejected before the first scrape of an exporter.",
                ),
                Alert(
                    "SanctumEventsDropped",
                    "warning",
                    _grew("sanctum_exporter_events_dropped_total"),
                    summary="Telemetry events are dropped",
                    description=f'The training process of {PROCESS} dropped {{{{ $value | printf "%.0f" }}}} events within 10 minutes before the exporter saw them: its numbers lag behind the truth.',
                    dashboard="sanctum-fleet",
                ),
            ],
        ),
    ]
