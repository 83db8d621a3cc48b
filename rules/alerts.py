"""The alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rules.form import Alert
from rules.promql import IN_TRAINING, SILENCE, UNDER_WAY, gone, last
from sanctum_exporter import thresholds
from sanctum_exporter.readings import HEURISTIC_PREFIX
from sanctum_exporter.thresholds import percent

COMMENT: Final = """\
Alerts. Every one has a page in docs/runbooks/.

They need no other rule, no certain name of a job, and no change for any scrape or evaluation
interval from 5 seconds to a minute, nor for values that are pushed:
- what counts is the last value of four minutes, so two failed scrapes in a row change nothing;
- an alert keeps every label that its series has;
- runs that are finished, or that nobody has heard of for an hour, are not judged;
- where Prometheus has the external labels grafana_url and docs_url, alerts lead to dashboard and
  runbook; prometheus.yml has both.
"""

GROUP: Final = (
    "group {{ $labels.group_id }} of {{ $labels.job }} at "
    "{{ $labels.instance }}{{ with $labels.run }}, run {{ . }}{{ end }}"
)
"""Names the group of an alert in its description."""
PROCESS: Final = "{{ $labels.job }} at {{ $labels.instance }}"
"""Names the process of an alert in its description."""

_NOT_ACTIVE_MINUTES: Final = 10
_ENOUGH_ENDED: Final = f"""\
and {last("sanctum_seeds_fossilized_total")}
  + {last("sanctum_seeds_pruned_total")} >= 20"""


def _dormant(minutes: int, condition: str, *, changes: int) -> str:
    """Return the groups whose share of active slots was never above a limit for so long.

    The end of a batch clears all seeds, so the highest value counts. The minutes are those since
    the start of the run, and of which there are values: a restart of Prometheus does not begin
    them anew, and an exporter that comes late does not judge what it has not seen. Events have to
    come all the while: a run that pauses, or whose epochs last a quarter of an hour, stands at 0
    for long between two of them. And they have to tell of seeds: --telemetry-level minimal does
    not, and a run that reports neither an epoch nor a seed is not one in which nothing grows.
    """
    return f"""
max_over_time(sanctum_active_slots[{minutes}m])
  / ({last("sanctum_total_slots")} > 0) {condition}
and present_over_time(sanctum_active_slots[5m] offset {minutes - 5}m)
and {last("sanctum_run_start_timestamp_seconds")} < time() - {minutes * 60}
and changes(sanctum_last_event_timestamp_seconds[{minutes}m]) >= {changes}
and {last("sanctum_last_event_timestamp_seconds")} > time() - {minutes * 30}
and {last("sanctum_seeds_expected")} == 1
and ({last("sanctum_run_epochs_completed")} + {last("sanctum_seeds_germinated_total")}) > 0
{IN_TRAINING}
"""


def _silent(seconds: int, times: int) -> str:
    return f"""
{SILENCE} > {seconds}
and {SILENCE} > {times} * {last("sanctum_run_longest_silence_seconds")}
and (
  {last("sanctum_run_epochs_completed")} > 0
  or {last("sanctum_last_event_timestamp_seconds")}
    - {last("sanctum_run_start_timestamp_seconds")} > {thresholds.PACE_KNOWN_SECONDS}
  or {SILENCE} > {thresholds.FIRST_SILENCE_SECONDS}
)
unless ignoring (run_id, task, reward_mode)
  {last(f'sanctum_run_info{{run_id=~"{HEURISTIC_PREFIX}.*"}}')}
and {last("sanctum_total_slots")} > 0
{UNDER_WAY}
"""


def groups() -> list[tuple[str, Sequence[Alert]]]:
    """Return the groups of rules, in the order of the file."""
    return [
        ("sanctum.slots", _slots()),
        ("sanctum.seeds", _seeds()),
        ("sanctum.runs", _runs()),
        ("sanctum.exporter", _exporter()),
    ]


def _slots() -> list[Alert]:
    dormant_minutes = thresholds.EXTENDED_PERIOD_MINUTES
    not_active = "no seed germinates, or none lives."
    return [
        Alert(
            "SanctumNoSlots",
            "critical",
            f"""
{last("sanctum_total_slots")} == 0
{UNDER_WAY}
""",
            summary="Training runs without a single slot",
            description=f"Training has started in {GROUP}, and it has {{{{ $value }}}} slots: no seed can ever grow. The run wastes its time until it is given slots.",
            hold="30s",
            comment="TELE-500. It ends with the first slot, and with the run.",
        ),
        Alert(
            "SanctumNothingStarted",
            "critical",
            f"""
{last("sanctum_total_slots")} == 0
and ignoring (state, sanctum_run_state) {last('sanctum_run_state{state="waiting"}')} == 1
unless ignoring (group_id, run)
  {last("sanctum_run_start_timestamp_seconds")} > 0
""",
            summary="The exporter is attached, but no training has started",
            description=f"The exporter is attached to {GROUP}, but nothing has started for 10 minutes: it has {{{{ $value }}}} slots and has seen no TRAINING_STARTED.",
            hold="10m",
            comment="Whatever group it is in, a run that has started means that the process does its job.",
        ),
        Alert(
            "SanctumNoActiveSlots",
            "critical",
            _dormant(dormant_minutes, "== 0", changes=10),
            summary=f"All slots have been dormant for {dormant_minutes} minutes",
            description=f"In {GROUP}, {{{{ $value | humanizePercentage }}}} of the slots have been active over {dormant_minutes} minutes of training (TELE-501, critical): {not_active}",
            comment="TELE-501: critical if all are dormant for an extended period.",
        ),
        Alert(
            "SanctumNoActiveSlots",
            "warning",
            _dormant(_NOT_ACTIVE_MINUTES, "== 0", changes=5),
            summary=f"No slot has been active for {_NOT_ACTIVE_MINUTES} minutes",
            description=f"In {GROUP}, {{{{ $value | humanizePercentage }}}} of the slots have been active over {_NOT_ACTIVE_MINUTES} minutes of training (TELE-502): {not_active}",
            comment="TELE-502: a warning at 0 once training has started; every batch begins at 0.",
        ),
        Alert(
            "SanctumMostlyDormant",
            "warning",
            _dormant(dormant_minutes, f"< {1 - thresholds.DORMANT_WARNING:.2g} > 0", changes=10),
            summary=f"More than {percent(thresholds.DORMANT_WARNING)} of the slots have been dormant for {dormant_minutes} minutes",
            description=f"In {GROUP}, at most {{{{ $value | humanizePercentage }}}} of the slots have been active over {dormant_minutes} minutes of training (TELE-501): the capacity goes unused.",
            comment="TELE-501. What is not DORMANT is active, so the limit is on the other side of 1.",
        ),
    ]


def _seeds() -> list[Alert]:
    """Return the alerts on what becomes of seeds.

    Each is at the limit that the record calls critical, and a warning: a policy that has yet to
    learn is often there, and nobody can help it at night.
    """
    blend, prunes = thresholds.BLEND_SUCCESS_CRITICAL, thresholds.PRUNE_RATE_CRITICAL
    epochs = thresholds.LIFESPAN_CRITICAL_EPOCHS
    return [
        Alert(
            "SanctumLowBlendSuccess",
            "warning",
            f"""
{last("sanctum_blend_success_ratio")} < {blend}
{_ENOUGH_ENDED}
{IN_TRAINING}
""",
            summary=f"Fewer than {percent(blend)} of the seeds that end are fossilized",
            description=f"In {GROUP}, {{{{ $value | humanizePercentage }}}} of the seeds that ended were fossilized (TELE-512, critical under {blend:.0%}): most seeds are grown in vain.",
            hold="5m",
            keep_firing="5m",
            comment="TELE-512. A share of fewer than 20 seeds says little.",
        ),
        Alert(
            "SanctumHighPruneRate",
            "warning",
            f"""
{last("sanctum_seeds_pruned_total")}
  / ({last("sanctum_current_episode")} > 0) > {prunes}
unless
  increase(sanctum_seeds_pruned_total[1h])
    / (increase(sanctum_current_episode[1h]) > 0) <= {prunes}
{IN_TRAINING}
""",
            summary=f"More than {prunes} seeds are pruned per episode",
            description=f"In {GROUP}, {{{{ $value | humanize }}}} seeds are pruned per episode (TELE-507, critical above {prunes}).",
            hold="5m",
            keep_firing="5m",
            comment="""\
TELE-507. A process that starts one run after the other keeps its counts while the episodes
begin anew, so the last hour must not contradict.
""",
        ),
        Alert(
            "SanctumShortLifespan",
            "warning",
            f"""
{last("sanctum_mean_seed_lifespan_epochs")} < {epochs} > 0
{_ENOUGH_ENDED}
{IN_TRAINING}
""",
            summary=f"Seeds live less than {epochs} epochs on average",
            description=f"In {GROUP}, the last 100 seeds that ended lived {{{{ $value | humanize }}}} epochs on average (TELE-513, critical under {epochs}).",
            hold="5m",
            keep_firing="5m",
            comment="TELE-513. 0 means that no seed has reported how long it lived.",
        ),
    ]


def _runs() -> list[Alert]:
    silence = f"The last event of {GROUP} came {{{{ $value | humanizeDuration }}}} ago, and its run is not complete: the process hangs or is gone, or its telemetry no longer arrives."
    silence_comment = """\
By the run's own pace: longer than usual. Until its first epoch a run has shown none, and that
may be a long one. Heuristic runs never report their end, and of a run without slots
somebody has been told already.
"""
    return [
        Alert(
            "SanctumRunVanished",
            "critical",
            gone("sanctum_exporter_runs_midway"),
            summary="A process vanished in the middle of its run",
            description=f"{PROCESS} is not seen any more, and had {{{{ $value }}}} unfinished runs whose end was not near: it crashed, was killed, or lost its network.",
            dashboard="sanctum-fleet",
            hold="2m",
            comment="""\
What it said last: an unfinished run was not within five minutes of its end. The two minutes are
for Prometheus to find its targets again when it was restarted itself.
""",
        ),
        Alert(
            "SanctumRunEndUnseen",
            "info",
            f"""\
{gone("sanctum_exporter_runs_under_way")}\
unless last_over_time(sanctum_exporter_runs_midway[1h]) > 0
""",
            summary="A process ended, and it is not known whether its run did",
            description=f"{PROCESS} is not seen any more. Its {{{{ $value }}}} runs were near their end, had no slots, or do not report their end: whether they finished is not known.",
            dashboard="sanctum-fleet",
            hold="2m",
        ),
        Alert(
            "SanctumTelemetryStopped",
            "critical",
            _silent(thresholds.SILENCE_ESCALATES_SECONDS, thresholds.SILENCE_ESCALATES_TIMES),
            summary="A run that is under way has sent no telemetry for long",
            description=silence,
            comment=silence_comment,
        ),
        Alert(
            "SanctumTelemetryStopped",
            "warning",
            _silent(thresholds.SILENCE_SECONDS, thresholds.SILENCE_TIMES),
            summary="A run that is under way sends no telemetry",
            description=silence,
            comment="As above, earlier.",
        ),
    ]


def _exporter() -> list[Alert]:
    return [
        Alert(
            "SanctumExporterDown",
            "warning",
            gone("sanctum_exporter_on_duty"),
            summary="An exporter that should be there is gone",
            description=f"{PROCESS} followed telemetry, was not told to end, and is not seen any more (on duty: {{{{ $value }}}}): nobody watches its run, or the first that is to come.",
            dashboard="sanctum-fleet",
            hold="5m",
            comment="Of one that follows files: in a training process the exporter ends with its run.",
        ),
        Alert(
            "SanctumSourceDown",
            "warning",
            f"{last('sanctum_exporter_source_up')} == 0",
            summary="An exporter cannot read its telemetry",
            description=f"{PROCESS} has not been able to read its telemetry for 10 minutes (up: {{{{ $value }}}}), so its numbers stand still. Its log, its page and /-/ready say why.",
            dashboard="sanctum-fleet",
            hold="10m",
        ),
        Alert(
            "SanctumEventsRejected",
            "warning",
            f"""
sum without (reason) ({last("sanctum_exporter_events_rejected_total")}) > 0
and {last("sanctum_exporter_last_rejection_timestamp_seconds")} > time() - 600
""",
            summary="Telemetry events are rejected",
            description=f'{PROCESS} has rejected {{{{ $value | printf "%.0f" }}}} events, the last of them within 10 minutes: its numbers may be wrong. The log of the exporter names each reason.',
            dashboard="sanctum-fleet",
            comment="By the time of the event: an old file that is read again is no news.",
        ),
        Alert(
            "SanctumEventsDropped",
            "warning",
            "increase(sanctum_exporter_events_dropped_total[10m]) > 0",
            summary="Telemetry events are dropped",
            description=f'The training process of {PROCESS} dropped {{{{ $value | printf "%.0f" }}}} events within 10 minutes before the exporter saw them: its numbers lag behind the truth.',
            dashboard="sanctum-fleet",
        ),
    ]
