"""The page in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Playwright, expect, sync_playwright

from tests import events, recordings
from tests.browser.chromium import AXE, SCHEMES, WIDTHS, Viewer, chromium, window
from tests.browser.proxy import proxied
from tests.browser.scenes import SCENES, Scene, many, now, one_run, two_groups, zero_slots
from tests.stack.conftest import missing
from tests.waiting import eventually, wait_for

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """What drives browsers."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(playwright: Playwright, stack_tool: Callable[[str], Path]) -> Iterator[Browser]:
    """A Chromium."""
    with chromium(playwright, stack_tool("chromium")) as running:
        yield running


@pytest.fixture(scope="module")
def plain_browser(playwright: Playwright, stack_tool: Callable[[str], Path]) -> Iterator[Browser]:
    """A Chromium without JavaScript."""
    with chromium(playwright, stack_tool("chromium"), script=False) as running:
        yield running


def opened(viewer: Viewer, url: str) -> None:
    """Open a page, and wait until its script has written it."""
    viewer.page.goto(url)
    expect(viewer.page.locator("#connection")).to_have_text("live")


def shows(element: Locator, text: str) -> bool:
    """Return whether an element displays exactly a text, spaces and all."""
    return element.inner_text().rstrip("\n") == text


def clean(viewer: Viewer) -> None:
    """Check that a page kept within its bounds all the time."""
    assert (viewer.errors, viewer.strangers()) == ([], set())


@pytest.mark.parametrize("name", ["ppo_single", "ab", "heuristic"])
def test_the_panels_are_those_of_the_terminal_at_every_recorded_moment(
    browser: Browser, name: str
) -> None:
    """A page that stays open while the run goes on shows SlotsPanel's text and border title."""
    scene = Scene()
    intake = scene.add([])
    wanted = [row for row in recordings.panels(name) if row["border_title"]]
    seen = 0
    with scene.served() as server, window(browser) as viewer:
        viewer.page.goto(f"{server.url}/")
        for number, line in enumerate(recordings.lines(name), start=1):
            intake.line(line, number)
            groups = [group.group_id for group in intake.readings()]
            for row in wanted:
                if row["line"] == number and row["group_id"] in groups:
                    shown = viewer.page.locator(".panel").nth(groups.index(row["group_id"]))
                    expect(shown.locator("figcaption")).to_have_text(row["border_title"])
                    wait_for("the panel", partial(shows, shown.locator("pre"), row["text"]))
                    seen += 1
        clean(viewer)
    assert seen > len(wanted) / 2


def test_every_colour_of_the_panel_is_one_of_its_own(browser: Browser) -> None:
    """Each of SlotsPanel's styles is displayed, and no two of them alike."""
    with one_run().served() as server, window(browser) as viewer:
        opened(viewer, f"{server.url}/")
        styles = ("dim", "blue", "bright_blue", "cyan", "yellow", "magenta", "green", "red")
        colours = {
            viewer.page.evaluate(
                """style => {
                    const span = document.querySelector('.panel pre').appendChild(
                      document.createElement('span'));
                    span.className = style;
                    return getComputedStyle(span).color;
                }""",
                style,
            )
            for style in styles
        }
        assert len(colours) == len(styles)


def values(viewer: Viewer) -> list[str]:
    """Return all that a page says of runs, word by word, without the ages that tick."""
    sections = viewer.page.locator("#not-ready, #empty, #run-head, .panel, tbody")
    text = " ".join(section.text_content() or "" for section in sections.all())
    return re.sub(r"\d+ (s|min) ago", "", text).split()


@pytest.mark.parametrize("name", SCENES)
def test_what_is_sent_is_what_the_script_writes(
    browser: Browser, plain_browser: Browser, name: str
) -> None:
    """Whoever has no JavaScript reads the same values, renewed by a reload, as the page says."""
    with SCENES[name]().served() as server, window(browser) as live, window(plain_browser) as plain:
        opened(live, f"{server.url}/")
        plain.page.goto(f"{server.url}/")
        expect(plain.page.locator("#connection")).to_have_text(
            "reloads every 5 s", use_inner_text=True
        )
        eventually(lambda: values(live) == values(plain))
        assert values(live)
        with plain.page.expect_request(f"{server.url}/"):
            pass
        clean(live)
        clean(plain)


def test_the_page_follows_a_run_and_keeps_what_the_viewer_does(browser: Browser) -> None:
    """While values change, scroll, focus and selection stay where they are."""
    scene = Scene()
    intake = scene.add([events.started()])
    with scene.served() as server, window(browser, 320) as viewer:
        opened(viewer, f"{server.url}/")
        page = viewer.page
        page.locator(".judgements a").first.focus()
        page.evaluate("getSelection().selectAllChildren(document.querySelector('.panel pre'))")
        page.evaluate("scrollTo(0, 200)")
        intake.line(events.germinated(), 2)
        expect(page.locator(".panel pre")).to_contain_text("GERM   1 ●●●●●●")
        intake.line(events.batch_completed(4), 3)
        expect(page.locator("#run-head .episodes")).to_have_text("4 of 10")
        assert page.evaluate("document.activeElement.textContent") == "Total slots"
        assert "Active:" in page.evaluate("getSelection().toString()")
        assert page.evaluate("scrollY") == 200
        clean(viewer)


def test_a_change_of_state_is_announced(browser: Browser) -> None:
    """A screen reader is told politely, and once."""
    scene = Scene()
    intake = scene.add([events.started()])
    with scene.served() as server, window(browser) as viewer:
        opened(viewer, f"{server.url}/")
        announcer = viewer.page.locator("#announcer")
        expect(announcer).to_have_attribute("aria-live", "polite")
        expect(announcer).to_be_empty()
        intake.line(events.batch_completed(10), 2)
        expect(announcer).to_have_text("The run: completed, completed")


def test_a_server_that_goes_is_missed_and_one_that_comes_back_is_found(browser: Browser) -> None:
    """Values stay, dimmed, and the page says since when; it recovers by itself."""
    scene = Scene()
    intake = scene.add([events.started()])
    with window(browser) as viewer:
        page = viewer.page
        with scene.served() as server:
            opened(viewer, f"{server.url}/")
            port = urlsplit(server.url).port
        connection = page.locator("#connection")
        eventually(lambda: connection.inner_text().startswith("no answer since "))
        assert connection.inner_text().endswith(", trying again")
        assert (
            page.locator("#groups").evaluate("element => getComputedStyle(element).opacity") < "1"
        )
        expect(page.locator(".panel pre")).to_contain_text("Active:0/4")
        intake.line(events.germinated(), 2)
        assert port is not None
        with scene.served(port):
            expect(page.locator(".panel pre")).to_contain_text("Active:1/4", timeout=30_000)
            expect(connection).to_have_text("live")


def test_a_page_of_which_nothing_has_changed_is_sent_nothing(browser: Browser) -> None:
    """The documents are asked for by the name that the page has them under."""
    for scene, path in ((zero_slots(), "/api/v1/run"), (Scene(), "/api/v1/runs")):
        with scene.served() as server, window(browser) as viewer:
            opened(viewer, f"{server.url}/")
            with viewer.page.expect_response(lambda answer: answer.status == 304) as caught:
                pass
            assert caught.value.url == f"{server.url}{path}"
            clean(viewer)


def test_a_page_that_nobody_sees_asks_for_nothing(browser: Browser) -> None:
    """It asks again at once when it is seen again."""
    with one_run().served() as server, window(browser) as viewer:
        opened(viewer, f"{server.url}/")
        page = viewer.page
        hide = """hidden => {
            Object.defineProperty(document, 'hidden', { configurable: true, value: hidden });
            document.dispatchEvent(new Event('visibilitychange'));
        }"""
        page.clock.install()
        page.evaluate(hide, True)
        page.clock.run_for(5_000)
        before = len(viewer.requests)
        page.clock.run_for(60_000)
        assert len(viewer.requests) == before
        with page.expect_request("**/api/v1/run"):
            page.evaluate(hide, False)


def test_runs_come_and_the_page_becomes_a_table(browser: Browser) -> None:
    """From no run to one to several, without a reload."""
    scene = Scene()
    with scene.served() as server, window(browser) as viewer:
        opened(viewer, f"{server.url}/")
        page = viewer.page
        page.evaluate("window.stayed = true")
        expect(page.locator("#empty")).to_be_visible()
        scene.add([events.started()], "first")
        expect(page.locator("#run .panel")).to_have_count(1)
        scene.add([events.started()], "second")
        expect(page.locator("#runs tbody tr")).to_have_count(2)
        expect(page.locator("#run")).to_be_hidden()
        assert page.evaluate("window.stayed")
        page.get_by_role("link", name="second").click()
        expect(page.locator("#run .panel")).to_have_count(1)
        expect(page.locator("#run-head")).to_contain_text("second")
        expect(page.get_by_role("link", name="All runs")).to_be_visible()
        clean(viewer)


def test_two_thousand_runs_are_filtered_and_sorted(browser: Browser) -> None:
    """By words, by state and by column, with the keyboard; a choice is kept when coming back."""
    with many(2000).served() as server, window(browser) as viewer:
        opened(viewer, f"{server.url}/")
        page = viewer.page
        rows = page.locator("#runs tbody tr:visible")
        expect(rows).to_have_count(2000)
        page.get_by_label("Filter").press_sequentially("tinystories _0000")
        expect(rows).to_have_count(33)
        page.get_by_role("button", name="completed").press("Enter")
        expect(rows).to_have_count(12)
        expect(page.locator("output")).to_have_text("12 of 2,000 shown")
        page.get_by_role("button", name="all").press("Enter")
        page.get_by_role("button", name="Episode").press("Enter")
        expect(page.locator("th[data-key=progress]")).to_have_attribute("aria-sort", "descending")
        expect(rows.locator(".episodes").first).to_have_text("100 of 100")
        page.get_by_role("button", name="Episode").press("Enter")
        expect(rows.locator(".episodes").first).to_have_text("7 of 100")
        rows.get_by_role("link").first.click()
        expect(page.locator("#run .panel")).to_have_count(1)
        page.go_back()
        expect(rows).to_have_count(33)
        expect(page.get_by_label("Filter")).to_have_value("tinystories _0000")
        clean(viewer)


def test_the_page_works_under_a_prefix(browser: Browser) -> None:
    """Behind a proxy that serves it somewhere else, all of its addresses are still right."""
    with two_groups().served() as server, proxied(server.url) as url, window(browser) as viewer:
        opened(viewer, url)
        expect(viewer.page.locator(".panel")).to_have_count(2)
        viewer.page.get_by_role("link", name="Blend success").first.click()
        expect(viewer.page.locator("h1")).to_have_text("SanctumLowBlendSuccess")
        viewer.page.get_by_role("link", name="sanctum-exporter").click()
        expect(viewer.page.locator(".panel")).to_have_count(2)
        clean(viewer)


@pytest.mark.parametrize("which", ["browser", "plain_browser"])
def test_names_are_text_and_never_markup(which: str, request: pytest.FixtureRequest) -> None:
    """Whatever a run calls itself, nothing of it is run, by the script no more than without."""
    evil = "<img src=x onerror=alert(1)>\"'&amp;"
    scene = Scene(evil)
    info = {"task": evil, "run_id": evil, "reward_mode": evil}
    scene.fixed = [now(evil, run=evil, info=info), now(run="other")]
    with scene.served() as server, window(request.getfixturevalue(which)) as viewer:
        viewer.page.goto(f"{server.url}/")
        viewer.page.get_by_role("link", name=evil).click()
        expect(viewer.page.locator("h1:visible")).to_have_text(evil)
        expect(viewer.page.locator("h2")).to_have_text(f"Group {evil}")
        expect(viewer.page.locator("img")).to_have_count(1)
        clean(viewer)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", SCENES)
def test_everybody_can_use_it_on_every_screen(browser: Browser, name: str, scheme: str) -> None:
    """From 320 to 2,560 pixels nothing sticks out, and axe-core finds no fault."""
    if not AXE.is_file():
        missing("axe-core is not here: run python -m tests.browser.install")
    with SCENES[name]().served() as server:
        for width in (*WIDTHS, 2560):
            with window(browser, width, scheme=scheme) as viewer:
                opened(viewer, f"{server.url}/")
                viewer.page.locator("details").evaluate_all(
                    "all => all.forEach(d => d.open = true)"
                )
                assert (viewer.overflow(), viewer.faults()) == (0, [])
                clean(viewer)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_pages_to_read_are_as_good(browser: Browser, scheme: str) -> None:
    """Runbooks and documents, on the smallest screen."""
    pages = ("runbooks/index", "runbooks/SanctumLowBlendSuccess", "docs/api", "docs/metrics")
    with one_run().served() as server, window(browser, 320, scheme=scheme) as viewer:
        for page in pages:
            viewer.page.goto(f"{server.url}/-/{page}")
            assert (page, viewer.overflow(), viewer.faults()) == (page, 0, [])
        clean(viewer)
