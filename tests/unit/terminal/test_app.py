"""The live panel, driven by keys."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version

import pytest
from textual.events import Key
from textual.pilot import Pilot

from sanctum_exporter.readings import GroupReading
from sanctum_exporter.terminal.app import Reported, TopApp
from sanctum_exporter.terminal.poller import Report
from sanctum_exporter.view.document import overview
from tests.clocks import Clock
from tests.readings import NOW, reading
from tests.recordings import ROOT
from tests.unit.terminal import picture
from tests.unit.terminal.screen import EXPORTER, StillFeed, cells, rows, settled, tell, text


def three_runs() -> list[GroupReading]:
    """Return a run that goes on, one that is silent, and one that is completed."""
    return [
        reading(run="alpha", info={"start_timestamp": NOW - 9000}),
        reading(
            run="beta",
            info={"start_timestamp": NOW - 100_000, "task": "tiny"},
            last_event_timestamp=NOW - 1500,
        ),
        reading(
            run="gamma",
            episode=10,
            info={"start_timestamp": NOW - 300},
            life={"state": "completed", "under_way": False},
        ),
    ]


def live(
    *readings: GroupReading,
    check: Callable[[TopApp, Pilot[int]], Awaitable[None]],
    size: tuple[int, int] = (100, 40),
    clock: Clock | None = None,
    notice: str = "",
) -> None:
    """Run the live panel of a source, and look at it."""

    async def run() -> None:
        app = TopApp(
            [StillFeed(*readings)], notice, tick_seconds=None, monotonic=clock or Clock(0.0)
        )
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await check(app, pilot)

    asyncio.run(run())


def test_a_source_with_one_run_shows_it_at_once() -> None:
    """Head and panels are there without a key, those of two groups side by side."""

    async def check(app: TopApp, _: Pilot[int]) -> None:
        screen = text(app)
        assert "cifar  run_1  shaped" in screen
        assert "● running  newest event 1 s ago" in screen
        assert "episode 5/10" in screen
        assert "50 %" in screen
        assert "1 h 30 min to go" in screen
        (titles,) = [row for row in screen.splitlines() if "CURRENT SLOTS" in row]
        assert titles.count("CURRENT SLOTS ─ 12 across 4 envs") == 2

    life = {"remaining_seconds": 5400.0}
    live(reading("A", life=life), reading("B", life=life), check=check)


def test_many_runs_are_a_table_the_one_that_began_last_first() -> None:
    """Enter opens the one under the cursor, Escape goes back to where one was."""

    async def check(app: TopApp, pilot: Pilot[int]) -> None:
        assert names(app) == ["gamma", "alpha", "beta"]
        await pilot.press("down", "enter")
        await settled(pilot)
        tell(app, *three_runs()[:1])
        await settled(pilot)
        assert "CURRENT SLOTS" in text(app)
        assert "alpha" in text(app)
        await pilot.press("escape")
        app.post_message(Reported(0, Report(overview(EXPORTER, three_runs(), NOW))))
        await settled(pilot)
        assert names(app) == ["gamma", "alpha", "beta"]

    live(*three_runs(), check=check)


def test_the_table_is_sorted_by_keys_and_by_clicks() -> None:
    """S takes the next column, r turns it round, and a click on a title takes that one."""

    async def check(app: TopApp, pilot: Pilot[int]) -> None:
        await pilot.press("r")
        assert names(app) == ["beta", "alpha", "gamma"]
        title = next(row for row in text(app).splitlines() if "Newest event" in row)
        height = text(app).splitlines().index(title)
        await pilot.click(offset=(title.index("Run"), height))
        await settled(pilot)
        assert names(app) == ["alpha", "beta", "gamma"]
        title = next(row for row in text(app).splitlines() if "Newest event" in row)
        await pilot.click(offset=(title.index("Run"), height))
        await settled(pilot)
        assert names(app) == ["gamma", "beta", "alpha"]
        await pilot.press("s")
        assert names(app)[0] == "gamma"

    live(*three_runs(), check=check)


def test_a_slash_filters_by_words_and_escape_ends_it() -> None:
    """A row has every word, whichever of its columns they stand in."""

    async def check(app: TopApp, pilot: Pilot[int]) -> None:
        await pilot.press("slash", *"run_1 silent")
        await settled(pilot)
        assert names(app) == ["beta"]
        await pilot.press("enter")
        assert "only runs with: run_1 silent" in text(app)
        await pilot.press("escape")
        await settled(pilot)
        assert len(names(app)) == 3
        await pilot.press("slash", *"nonesuch")
        await settled(pilot)
        assert "no run has these words" in text(app)

    live(*three_runs(), check=check)


def test_words_that_are_typed_at_once_after_a_slash_are_all_in_the_field() -> None:
    """Whoever types fast, or pastes, loses no letter, and sorts nothing."""

    async def check(app: TopApp, pilot: Pilot[int]) -> None:
        for character in "/sr/t":
            app.post_message(Key("slash" if character == "/" else character, character))
        await settled(pilot)
        assert "sr/t" in text(app)
        assert "no run has these words" in text(app)

    live(*three_runs(), check=check)


def test_states_have_their_colours() -> None:
    """What pages is red, what warns yellow, what is well green."""

    async def check(app: TopApp, _: Pilot[int]) -> None:
        found = {}
        for row in rows(app):
            drawn = cells(row)
            line = "".join(character for character, _ in drawn)
            for word in ("running", "silent", "completed"):
                if word in line and "gamma" not in line:
                    found[word] = drawn[line.index(word)][1]
        assert found == {"running": "green", "silent": "red"}

    live(*three_runs(), check=check)


def test_a_question_mark_shows_the_keys() -> None:
    """And once more, or Escape, hides them."""

    async def check(app: TopApp, pilot: Pilot[int]) -> None:
        await pilot.press("question_mark")
        await settled(pilot)
        assert "show only the runs with some words" in text(app)
        await pilot.press("escape")
        await settled(pilot)
        assert "show only the runs with some words" not in text(app)

    live(*three_runs(), check=check)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_keys_that_quit(key: str) -> None:
    """Both end it, and not as a signal would."""

    async def check(app: TopApp, pilot: Pilot[int]) -> None:
        await pilot.press(key)
        await pilot.pause()
        assert not app.is_running
        assert app.return_value is None

    live(reading(), check=check)


def test_ages_tick_while_nothing_is_said() -> None:
    """The newest event is older with every tick, and so the time that is left is shorter."""
    clock = Clock(0.0)

    async def check(app: TopApp, pilot: Pilot[int]) -> None:
        app.pollers[0].feed.is_past = False
        clock.now += 30
        app.tick()
        await settled(pilot)
        assert "newest event 31 s ago" in text(app)
        assert "9 min to go" in text(app)

    live(reading(life={"remaining_seconds": 600.0}), check=check, clock=clock)


def test_a_source_that_is_gone_is_said_so_its_values_dimmed_and_comes_back() -> None:
    """It says why and since when; nothing is left of that when it is there again."""

    async def check(app: TopApp, pilot: Pilot[int]) -> None:
        tell(app, reading(), failure="x does not answer: no connection")
        await settled(pilot)
        assert "x does not answer: no connection (since " in text(app)
        assert dimmed(app, "TRAIN") == {True}
        assert dimmed(app, "cifar") == {True}
        tell(app, reading(episode=6))
        await settled(pilot)
        assert "does not answer" not in text(app)
        assert False in dimmed(app, "TRAIN")
        assert "episode 6/10" in text(app)
        clock.now += 3600
        begun = time.strftime("%H:%M:%S")
        tell(app, reading(), failure="gone again")
        await settled(pilot)
        since = re.search(r"gone again \(since (\S+)\)", text(app))
        assert since is not None
        # An hour before it, the day may have been another one.
        assert begun <= since[1] <= time.strftime("%H:%M:%S") or since[1] < "00:01"

    clock = Clock(0.0)
    live(reading(), check=check, clock=clock)


def test_a_run_that_is_not_there_any_more_keeps_its_last_values() -> None:
    """It is said, and nothing of another run is shown in its place."""

    async def check(app: TopApp, pilot: Pilot[int]) -> None:
        app.post_message(Reported(0, Report(overview(EXPORTER, [], NOW))))
        await settled(pilot)
        assert "this run is not there any more" in text(app)
        assert dimmed(app, "TRAIN") == {True}

    live(reading(run="x"), check=check)


@pytest.mark.parametrize("width", [40, 47, 60, 96, 200])
def test_nothing_is_cut_that_would_lie(width: int) -> None:
    """However narrow it is, each number is whole, and the next line takes what has no room."""
    counts = {
        "germination_count": 123_456,
        "prune_count": 9_990,
        "fossilize_count": 77_777,
        "germination_rate": 123.4,
        "prune_rate": 99.9,
        "fossilize_rate": 77.77,
        "avg_lifespan_epochs": 1234.0,
        "blend_success_rate": 0.89,
        "active_count": 400,
        "total_slots": 1200,
    }

    async def check(app: TopApp, _: Pilot[int]) -> None:
        screen = text(app)
        for whole in (
            *("123.5k", "9.99k", "77.8k", "123.4/ep", "99.9/ep", "77.77/ep", "μ1234 eps"),
            *("89%", "400/1200", "episode 5/10", "50 %", "newest event"),
        ):
            assert whole in screen, whole
        assert all(len(row) <= width for row in screen.splitlines())

    live(reading(stages=(800, 0, 200, 100, 0, 100), seeds=counts), check=check, size=(width, 60))


def test_the_table_has_only_whole_columns() -> None:
    """A name that is too long lacks its middle, and says so; other columns are not there."""
    name = "telemetry_2026-11-25_120000_with_a_long_name"

    async def check(app: TopApp, _: Pilot[int]) -> None:
        row = next(row for row in text(app).splitlines() if "telem" in row)
        assert row.split()[0] == "running"
        start, ellipsis, end = row.split()[1].partition("…")
        assert (ellipsis, name.startswith(start)) == ("…", True)
        assert name.endswith(end)
        assert len(row.split()) == 2

    live(reading(run=name), reading(run="other"), check=check, size=(40, 20))


def test_a_resize_moves_the_panels() -> None:
    """Side by side where they fit, below each other where they do not."""

    def titles(app: TopApp) -> list[int]:
        return [row.count("CURRENT SLOTS") for row in text(app).splitlines() if "CURRENT" in row]

    async def check(app: TopApp, pilot: Pilot[int]) -> None:
        assert titles(app) == [2]
        await pilot.resize_terminal(60, 60)
        await settled(pilot)
        assert titles(app) == [1, 1]
        await pilot.resize_terminal(160, 60)
        await settled(pilot)
        assert titles(app) == [2]

    live(reading("A"), reading("B"), check=check, size=(100, 60))


def test_without_colours_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR leaves the text."""
    monkeypatch.setenv("NO_COLOR", "1")

    async def check(app: TopApp, _: Pilot[int]) -> None:
        assert "TRAIN  2 ●●●●" in text(app)
        colours = {
            segment.style.color.name
            for row in rows(app)
            for segment in row
            if segment.style and segment.style.color and not segment.style.color.is_default
        }
        assert colours == set()

    live(reading(), check=check)


def test_what_is_drawn_looks_as_it_did() -> None:
    """The row "Visual (TUI snapshot)" of record TELE-500; ``make snapshot`` draws it anew."""
    if version("textual") != pinned("textual"):
        pytest.skip(f"the snapshot is of Textual {pinned('textual')}, as in requirements.txt")
    assert picture.drawn(picture.groups(), picture.SIZE) == picture.SNAPSHOT.read_text("utf-8")


def pinned(name: str) -> str:
    """Return the version that requirements.txt pins."""
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    (version,) = (
        line.partition("==")[2].split()[0] for line in lines if line.startswith(f"{name}==")
    )
    return version


def names(app: TopApp) -> list[str]:
    """Return the runs of the table, from above."""
    found = []
    for row in text(app).splitlines():
        found += [word for word in row.split() if word in ("alpha", "beta", "gamma")]
    return found


def dimmed(app: TopApp, word: str) -> set[bool]:
    """Tell whether the pieces of the rows that begin with a word are dim."""
    found: set[bool] = set()
    for row in rows(app):
        line = "".join(segment.text for segment in row)
        if word in line:
            found |= {
                bool(segment.style and segment.style.dim)
                for segment in row
                if segment.text.strip(" │╭╮")
            }
    return found
