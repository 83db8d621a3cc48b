"""The life of a run. Every expected number is worked out by hand from the times beside it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from sanctum_exporter.readings import RunLife
from sanctum_exporter.state.aggregator import Aggregator
from sanctum_exporter.state.groups import Groups
from sanctum_exporter.state.intake import Intake
from tests import recordings
from tests.clocks import Clock
from tests.feeding import feed

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START.timestamp()


class Run:
    """A group's events at seconds since its start, and its life at the present moment."""

    def __init__(self, **started: object) -> None:
        self.clock = Clock(NOW)
        self.intake = Intake(Groups(clock=self.clock))
        self.say("TRAINING_STARTED", 0.0, **{"n_envs": 4, "slot_ids": ["r0c0"], **started})

    def say(self, event_type: str, seconds: float, **data: object) -> None:
        timestamp = (START + timedelta(seconds=seconds)).isoformat()
        event = {"event_type": event_type, "timestamp": timestamp, "data": data}
        self.intake.line(json.dumps(event).encode(), 1)

    def batch(self, seconds: float, episodes: int) -> None:
        self.say("BATCH_EPOCH_COMPLETED", seconds, episodes_completed=episodes)

    def life(self, seconds: float) -> RunLife:
        self.clock.now = NOW + seconds
        return self.intake.readings()[0].life


def test_a_run_is_running_until_its_planned_episodes_are_completed() -> None:
    """The last batch completes it, not the one before."""
    run = Run(n_episodes=8, episode_id="ppo_1")
    assert run.life(1).state == "running"
    run.batch(100, 4)
    assert run.life(100).state == "running"
    run.batch(200, 8)
    life = run.life(200)
    assert (life.state, life.remaining_seconds, life.under_way) == ("completed", 0.0, False)


def test_a_run_that_plans_nothing_is_never_completed() -> None:
    """0 of 0 episodes are no end, and nothing can be estimated."""
    run = Run(n_episodes=0)
    run.batch(100, 4)
    life = run.life(100)
    assert (life.state, life.remaining_seconds, life.midway) == ("running", 0.0, False)


def test_a_group_without_its_start_waits_for_it() -> None:
    """Slots learned from seed events make a group, and nobody knows how its run goes."""
    intake = Intake(Groups(clock=lambda: NOW + 5))
    seed = {"env_id": 0, "slot_id": "r0c0"}
    event = {"event_type": "SEED_GERMINATED", "timestamp": START.isoformat(), "data": seed}
    intake.line(json.dumps(event).encode(), 1)
    life = intake.readings()[0].life
    assert (life.state, life.under_way, life.midway) == ("waiting", True, False)


def test_a_placeholder_is_not_under_way() -> None:
    """Nothing has been heard of it, at whatever time the process began."""
    life = Groups(placeholder=True, clock=lambda: 0.0).readings()[0].life
    assert (life.state, life.under_way) == ("waiting", False)


def test_remaining_is_the_pace_times_what_is_left_less_what_has_passed() -> None:
    """4 episodes took 100 s; 12 are left: 300 s, of which 30 have passed."""
    run = Run(n_episodes=16, episode_id="ppo_1")
    assert run.life(50).remaining_seconds == 0.0
    run.batch(100, 4)
    assert run.life(100).remaining_seconds == 300.0
    assert run.life(130).remaining_seconds == 270.0


def test_an_estimate_that_has_run_out_is_a_second() -> None:
    """0 would say that there is none, where the end is as near as can be."""
    run = Run(n_episodes=8, episode_id="ppo_1")
    run.batch(100, 4)
    assert run.life(199.5).remaining_seconds == 1.0
    assert run.life(5000).remaining_seconds == 1.0


def test_a_resumed_run_is_paced_by_what_it_did_itself() -> None:
    """The checkpoint brought 100 episodes for nothing; 4 more took 100 s, and 96 are left."""
    run = Run(n_episodes=200, start_episode=100, episode_id="ppo_1")
    run.batch(100, 104)
    assert run.life(100).remaining_seconds == 2400.0


def test_a_new_start_forgets_the_pace_and_the_silence_of_the_run_before() -> None:
    """One process trains run after run."""
    run = Run(n_episodes=16, episode_id="ppo_1")
    run.batch(100, 4)
    run.say("TRAINING_STARTED", 500, n_envs=4, slot_ids=["r0c0"], n_episodes=8, episode_id="ppo_2")
    life = run.life(500)
    assert (life.remaining_seconds, life.longest_silence_seconds) == (0.0, 0.0)
    run.batch(540, 4)
    life = run.life(540)
    assert (life.remaining_seconds, life.longest_silence_seconds) == (40.0, 40.0)


def test_the_longest_silence_is_between_any_two_events() -> None:
    """Also one after many short ones, before an event of a type that is not read."""
    run = Run(n_episodes=16)
    for seconds, event_type in [
        (1, "TAMIYO_INITIATED"),
        (4, "ANALYTICS_SNAPSHOT"),
        (5, "ANALYTICS_SNAPSHOT"),
        (6, "ANALYTICS_SNAPSHOT"),
        (6.5, "ANALYTICS_SNAPSHOT"),
        (13.25, "ANALYTICS_SNAPSHOT"),
        (14, "ANALYTICS_SNAPSHOT"),
        (2, "ANALYTICS_SNAPSHOT"),
        (18, "SOMETHING_NEW"),
    ]:
        run.say(event_type, seconds)
    assert run.life(5000).longest_silence_seconds == 6.75


@pytest.mark.parametrize("name", ["ppo_single", "ab", "heuristic", "lifecycle_only", "proof"])
def test_the_longest_silence_of_a_recording_is_that_of_its_times(name: str) -> None:
    """Taking the difference of every two events would be dearer, and gives the same."""
    newest: dict[str, datetime] = {}
    longest: dict[str, float] = {}
    for line in recordings.lines(name):
        event = json.loads(line)
        group, time = event["group_id"] or "default", datetime.fromisoformat(event["timestamp"])
        if event["event_type"] == "TRAINING_STARTED":
            longest[group] = 0.0
        elif group in newest:
            longest[group] = max(longest.get(group, 0.0), (time - newest[group]).total_seconds())
        newest[group] = max(time, newest.get(group, time))
    intake = Intake(Groups())
    feed(intake, recordings.lines(name))
    found = {r.group_id: r.life.longest_silence_seconds for r in intake.readings()}
    assert found == {group: longest[group] for group in found}


def test_a_silence_of_all_of_history_is_no_overflow() -> None:
    """The times of events are whatever somebody wrote."""
    aggregator = Aggregator("A")
    for year in (1, 9999, 9999):
        aggregator.something_happened(datetime(year, 12, 31, tzinfo=UTC))
    assert aggregator.read(0.0)[3].longest_silence_seconds > 3e11


def test_a_run_that_nobody_has_heard_of_for_an_hour_is_the_past() -> None:
    """A directory of old runs that were killed is not under way."""
    run = Run(n_episodes=16, episode_id="ppo_1")
    run.say("ANALYTICS_SNAPSHOT", 60)
    assert run.life(60 + 3599).midway
    life = run.life(60 + 3601)
    assert (life.state, life.under_way, life.midway) == ("running", False, False)


def test_a_run_that_was_ended_on_purpose_is_not_under_way_until_the_next_starts() -> None:
    """Whoever stops it knows, and needs no page."""
    run = Run(n_episodes=16, episode_id="ppo_1")
    assert run.life(200).midway
    run.intake.end()
    life = run.life(200)
    assert (life.state, life.under_way, life.midway) == ("running", False, False)
    run.say("TRAINING_STARTED", 2, n_envs=4, slot_ids=["r0c0"], n_episodes=16)
    assert run.life(2).under_way


def test_a_run_is_midway_until_five_minutes_before_its_end() -> None:
    """4 episodes took 400 s, so 12 take 1200."""
    run = Run(n_episodes=16, episode_id="ppo_1")
    run.batch(400, 4)
    assert run.life(400 + 899).midway
    assert not run.life(400 + 901).midway


def test_before_its_first_batch_it_is_midway_by_what_has_not_come_yet() -> None:
    """No batch of 4 has come for 99 s, so 3 more take 297 at least; after 101 s it is 303."""
    run = Run(n_episodes=16, episode_id="ppo_1")
    assert not run.life(99).midway
    assert run.life(101).midway
    assert run.life(101).remaining_seconds == 0.0


def test_epochs_tell_it_sooner_than_batches() -> None:
    """160 epochs in all; 10 took 20 s, so the 149 after the next take 271 s at least."""
    run = Run(n_episodes=16, max_epochs=10, episode_id="ppo_1")
    for epoch in range(10):
        run.say("EPOCH_COMPLETED", 2 * epoch, env_id=0, seeds={})
    assert run.life(20).epochs_completed == 10
    assert not run.life(20).midway
    assert run.life(23).midway


def test_a_run_that_reports_seeds_and_no_epochs_is_judged_by_its_batches() -> None:
    """Telemetry of the lifecycle only: not one of 160 epochs is no sign of a long run."""
    run = Run(n_episodes=16, max_epochs=10, episode_id="ppo_1")
    assert run.life(2).midway
    run.say("SEED_GERMINATED", 3, env_id=0, slot_id="r0c0")
    assert not run.life(3).midway
    assert run.life(101).midway


@pytest.mark.parametrize(
    "started",
    [
        {"n_episodes": 16, "episode_id": "heur_3003"},
        {"n_episodes": 16, "slot_ids": []},
        {"n_episodes": None},
    ],
    ids=["heuristic", "without slots", "nothing planned"],
)
def test_a_run_whose_end_is_not_seen_or_no_loss_is_never_midway(started: dict[str, object]) -> None:
    """A heuristic run reports no episode; without slots nothing was growing."""
    life = Run(**started).life(1000)
    assert life.under_way
    assert not life.midway


def test_the_cohorts_that_are_held_still_are_to_grow_nothing() -> None:
    """In the recording of a proof two of three have no seed, by their design."""
    intake = Intake(Groups())
    feed(intake, recordings.lines("proof"))
    assert {r.group_id: r.life.seeds_expected for r in intake.readings()} == {
        "off_switch": False,
        "static_initial": False,
        "static_final_source": True,
    }


@pytest.mark.parametrize(
    ("life", "text"),
    [
        (RunLife(), "waiting for its start"),
        (RunLife("running"), "running"),
        (RunLife("running", remaining_seconds=1.0), "running, about 1 s to go"),
        (RunLife("running", remaining_seconds=59.6), "running, about 1 min to go"),
        (RunLife("running", remaining_seconds=3599.0), "running, about 59 min to go"),
        (RunLife("running", remaining_seconds=5400.0), "running, about 1 h 30 min to go"),
        (RunLife("running", remaining_seconds=187200.0), "running, about 2 d 4 h to go"),
        (RunLife("completed"), "completed"),
    ],
)
def test_people_read_how_a_run_stands(life: RunLife, text: str) -> None:
    """On the page and in the table of ``inspect``; two units are enough."""
    assert life.describe() == text


def test_as_recorded_the_present_is_the_newest_event() -> None:
    """A recording of last year is shown as it was at its end, not as one that went silent."""
    intake = Intake(Groups(as_recorded=True))
    feed(intake, list(recordings.lines("ppo_single"))[:-10])
    life = intake.readings()[0].life
    # 12 of 16 episodes took 17.590 s; the last events came 5.4 s after the third batch.
    assert life.under_way
    assert 0 < life.remaining_seconds < 6


@pytest.mark.parametrize(
    "epochs", [pytest.param(10**400, id="huge"), -1, 2**53 + 1, True, "9", None, 1.5]
)
def test_epochs_that_cannot_be_are_taken_for_none_told(epochs: object) -> None:
    """An absurd number in a start must not cost every group its scrape, for as long as it runs."""
    absurd, silent = Run(max_epochs=epochs, n_episodes=10), Run(n_episodes=10)
    assert absurd.life(120) == silent.life(120)
