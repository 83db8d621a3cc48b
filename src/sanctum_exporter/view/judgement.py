"""What is to be thought of a run and of its values, in a word and a colour.

Limits are those of the records TELE-500 to TELE-513 and of the alerts, so that what is red here is
what pages, and each judgement names the runbook that says what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from sanctum_exporter import thresholds
from sanctum_exporter.durations import describe_duration
from sanctum_exporter.readings import HEURISTIC_PREFIX, GroupReading

Severity: TypeAlias = Literal["none", "good", "warning", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""From what needs nobody to what needs somebody now."""

State: TypeAlias = Literal["waiting", "running", "completed", "stopped", "silent", "zero slots"]


class StateJudgement(msgspec.Struct, frozen=True):
    """The state of a run.

    Attributes:
        state: in a word.
        severity: how bad that is.
        detail: in a few words more, for people.
        runbook: the name of the alert whose runbook says what to do, None where nothing is.
    """

    state: State
    severity: Severity
    detail: str
    runbook: str | None = None


class Judgement(msgspec.Struct, frozen=True):
    """One value of a group, judged by its record.

    Attributes:
        name: what the value is, for people.
        value: the value, as it is written for people.
        severity: how bad it is.
        record: where the limits stand.
        runbook: the name of the alert whose runbook says what to do.
    """

    name: str
    value: str
    severity: Severity
    record: str
    runbook: str


def judge_state(reading: GroupReading, now: float) -> StateJudgement:
    """Return what state the run of a group is in.

    Args:
        reading: the group.
        now: the present moment, in seconds since the epoch.
    """
    life = reading.life
    if life.state == "completed":
        return StateJudgement("completed", "none", "completed")
    if life.under_way and reading.slots.total_slots == 0:
        detail = "no slots: nothing will ever grow"
        return StateJudgement("zero slots", "critical", detail, "SanctumNoSlots")
    if life.state == "waiting":
        return StateJudgement("waiting", "none", "waiting for its start")
    age = max(0.0, now - reading.last_event_timestamp)
    return _judge_running(reading, age) if life.under_way else _judge_stopped(age)


def _judge_running(reading: GroupReading, age: float) -> StateJudgement:
    severity = _silence(reading, age)
    if severity == "good":
        return StateJudgement("running", "good", reading.life.describe())
    detail = f"no telemetry for {describe_duration(age)}"
    return StateJudgement("silent", severity, detail, "SanctumTelemetryStopped")


def _judge_stopped(age: float) -> StateJudgement:
    if age < thresholds.FORGOTTEN_SECONDS:
        return StateJudgement("stopped", "none", "ended on purpose")
    return StateJudgement("stopped", "none", f"not heard of for {describe_duration(age)}")


def _silence(reading: GroupReading, age: float) -> Severity:
    """Judge the silence of a run as the alert SanctumTelemetryStopped does."""
    life, info = reading.life, reading.info
    pace_known = (
        life.epochs_completed > 0
        or reading.last_event_timestamp - info.start_timestamp > thresholds.PACE_KNOWN_SECONDS
        or age > thresholds.FIRST_SILENCE_SECONDS
    )
    # Heuristic runs say nothing for as long as they like.
    if not pace_known or info.run_id.startswith(HEURISTIC_PREFIX):
        return "good"
    longest = life.longest_silence_seconds
    escalates = thresholds.SILENCE_ESCALATES_TIMES * longest
    if age > max(thresholds.SILENCE_ESCALATES_SECONDS, escalates):
        return "critical"
    is_long = age > max(thresholds.SILENCE_SECONDS, thresholds.SILENCE_TIMES * longest)
    return "warning" if is_long else "good"


def judge_values(reading: GroupReading) -> list[Judgement]:
    """Return what is to be thought of the values of a group, those that there are so far."""
    return list(_judge_values(reading))


def _judge_values(reading: GroupReading) -> Iterator[Judgement]:
    slots, seeds, life = reading.slots, reading.slots.seed_lifecycle, reading.life
    total = slots.total_slots
    under_way = life.state == "running" and life.under_way
    yield Judgement(
        "Total slots",
        str(total),
        "good" if total else ("critical" if life.under_way else "none"),
        "TELE-500",
        "SanctumNoSlots",
    )
    if not total:
        return
    idle = under_way and life.seeds_expected and not slots.active_slots
    yield Judgement(
        "Active slots",
        f"{slots.active_slots} of {total}",
        "warning" if idle else ("good" if under_way else "none"),
        "TELE-502",
        "SanctumNoActiveSlots",
    )
    dormant = slots.slot_stage_counts.get("DORMANT", 0) / total
    yield Judgement(
        "Dormant",
        thresholds.percent(dormant),
        _severity(
            good=dormant < thresholds.DORMANT_HEALTHY,
            bad=under_way and life.seeds_expected and dormant > thresholds.DORMANT_WARNING,
            severity="warning",
        ),
        "TELE-501",
        "SanctumMostlyDormant",
    )
    if slots.current_episode > 0:
        rate = seeds.prune_rate
        critical = rate > thresholds.PRUNE_RATE_CRITICAL
        yield Judgement(
            "Pruned per episode",
            f"{rate:.2f}",
            _severity(
                good=thresholds.PRUNE_RATE_LOW <= rate < thresholds.PRUNE_RATE_HIGH,
                bad=rate >= thresholds.PRUNE_RATE_HIGH,
                severity="critical" if critical else "warning",
            ),
            "TELE-507",
            "SanctumHighPruneRate",
        )
    if seeds.fossilize_count + seeds.prune_count:
        blend = seeds.blend_success_rate
        critical = blend < thresholds.BLEND_SUCCESS_CRITICAL
        yield Judgement(
            "Blend success",
            thresholds.percent(blend),
            _severity(
                good=blend >= thresholds.BLEND_SUCCESS_HEALTHY,
                bad=blend < thresholds.BLEND_SUCCESS_HEALTHY,
                severity="critical" if critical else "warning",
            ),
            "TELE-512",
            "SanctumLowBlendSuccess",
        )
    if seeds.avg_lifespan_epochs:
        lifespan = seeds.avg_lifespan_epochs
        critical = lifespan < thresholds.LIFESPAN_CRITICAL_EPOCHS
        yield Judgement(
            "Mean lifespan",
            f"{lifespan:.1f} epochs",
            _severity(
                good=lifespan >= thresholds.LIFESPAN_HEALTHY_EPOCHS,
                bad=lifespan < thresholds.LIFESPAN_HEALTHY_EPOCHS,
                severity="critical" if critical else "warning",
            ),
            "TELE-513",
            "SanctumShortLifespan",
        )


def _severity(*, good: bool, bad: bool, severity: Severity) -> Severity:
    if bad:
        return severity
    return "good" if good else "none"
