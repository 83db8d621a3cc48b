"""The page as it is sent, before any script."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from http import HTTPStatus

import pytest

from sanctum_exporter import panel
from sanctum_exporter.readings import GroupReading
from sanctum_exporter.view.judgement import SEVERITIES, judge_values
from sanctum_exporter.web.api import Api
from sanctum_exporter.web.content import Content, Page
from sanctum_exporter.web.freshness import Freshness
from sanctum_exporter.web.page import pages
from tests.browser.scenes import Scene
from tests.clocks import Clock
from tests.readings import NOW, reading

EVIL = "<script>alert(1)</script>\"'&"


class Reader(HTMLParser):
    """Reads a page as a browser does: its elements with their attributes, and its text."""

    def __init__(self, content: Content) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, attribute: str) -> list[str]:
        """Return all values of an attribute."""
        return [
            attributes[attribute] or ""
            for _, attributes in self.elements
            if attribute in attributes
        ]


def served(
    *groups: GroupReading, not_ready: str | None = None, origin: str = "watch x"
) -> dict[str, Page]:
    """Return what is served of groups."""
    scene = Scene(origin)
    scene.fixed = list(groups)
    api = Api(
        scene,
        scene.history,
        origin=lambda: origin,
        not_ready=lambda: not_ready,
        telemetry_path="/own/metrics",
        clock=Clock(NOW),
    )
    return pages(api, Freshness(Clock(NOW), lambda: 0.0))


def root(*groups: GroupReading, run: str | None = None, not_ready: str | None = None) -> Content:
    """Return the page of groups."""
    query = {} if run is None else {"run": [run]}
    return served(*groups, not_ready=not_ready)["/"](query)


def shown(content: Content) -> str:
    """Return the only section that is not hidden."""
    (section,) = re.findall(r'<section id="(\w+)" >', content.body.decode())
    return str(section)


def test_one_run_is_shown_and_of_several_a_table() -> None:
    """A run is shown by its name, and one that is not there is not found."""
    one, two = reading("A", run="one"), reading("A", run="two & three")
    assert shown(root()) == "empty"
    assert shown(root(one)) == "run"
    assert shown(root(one, reading("B", run="one"))) == "run"
    assert shown(root(one, two)) == "runs"
    assert shown(root(one, two, run="two & three")) == "run"
    lost = root(one, run="three")
    assert (shown(lost), lost.status) == ("missing", HTTPStatus.NOT_FOUND)
    assert "?run=two%20%26%20three" in Reader(root(one, two)).values("href")


def test_the_panel_is_the_terminals_character_for_character() -> None:
    """Each group has its own, with the border's title."""
    groups = reading("A"), reading("B", stages=(0,) * 6)
    text = Reader(root(*groups)).text
    for group in groups:
        assert panel.text(group.slots) + "\n" in text
        assert panel.border_title(group.slots) in text
    assert panel.NO_ENVIRONMENTS in text


@pytest.mark.parametrize("run", [None, EVIL])
def test_no_name_is_taken_for_markup(run: str | None) -> None:
    """Every text that comes from a run or from the command line is written as text."""
    info = {"task": EVIL, "run_id": EVIL, "reward_mode": EVIL}
    groups = [reading(EVIL, run=EVIL, info=info), reading(run="other")]
    content = served(*groups, not_ready=EVIL, origin=EVIL)["/"](
        {} if run is None else {"run": [run]}
    )
    read = Reader(content)
    assert [tag for tag, _ in read.elements].count("script") == 1
    assert read.text.count(EVIL) >= 4
    assert b"<script>alert" not in content.body


@pytest.mark.parametrize("groups", [(), (reading(),), (reading(run="a"), reading(run="b"))])
def test_a_strict_policy_and_a_prefix_are_enough(groups: tuple[GroupReading, ...]) -> None:
    """No style, script or handler stands in the page; its addresses are relative, and ours."""
    read = Reader(root(*groups))
    attributes = {name for _, found in read.elements for name in found}
    assert not {name for name in attributes if name == "style" or name.startswith("on")}
    assert "style" not in {tag for tag, _ in read.elements}
    addresses = read.values("href") + read.values("src")
    assert [address for address in addresses if ":" in address or address.startswith("/")] == []
    assert "own/metrics" in addresses


def test_whoever_has_no_script_has_it_reloaded() -> None:
    """Only them."""
    text = root(reading()).body.decode()
    assert text.count("http-equiv") == 1
    assert re.search(r'<noscript><meta http-equiv="refresh" content="5"></noscript>', text)


def test_the_page_says_why_the_exporter_is_not_ready() -> None:
    """It says so only while that is so."""
    assert "Not ready: waiting for a run" in Reader(root(not_ready="waiting for a run")).text
    assert b'class="banner" hidden' in root().body


def test_every_value_that_is_judged_leads_to_a_runbook_that_is_served() -> None:
    """So does every state that somebody has to do something about."""
    found = served(reading(seeds={"prune_count": 3, "avg_lifespan_epochs": 3.0}))
    zero = reading(stages=(0,) * 6)
    silent = reading(last_event_timestamp=NOW - 3000)
    for content in (found["/"]({}), root(zero), root(silent)):
        links = [link for link in Reader(content).values("href") if "runbooks" in link]
        assert {f"/{link}" for link in links} <= set(found)
    judged = judge_values(reading(seeds={"prune_count": 3, "avg_lifespan_epochs": 3.0}))
    assert len(judged) == 6
    links = Reader(found["/"]({})).values("href")
    assert {f"-/runbooks/{judgement.runbook}" for judgement in judged} <= set(links)


def test_everything_that_the_page_asks_for_is_there() -> None:
    """Under a name that changes with its content, so that it can be kept for long."""
    found = served(reading())
    asked = [a.partition("?") for a in Reader(found["/"]({})).values("src")]
    asked += [a.partition("?") for a in Reader(found["/"]({})).values("href") if "?" in a]
    assert {path for path, _, _ in asked} == {"-/icon.svg", "-/page.js", "-/style.css"}
    for path, _, version in asked:
        content = found[f"/{path}"]({})
        assert content.max_age > 3600
        assert len(version) == 12
        assert content.gzipped is not None


def test_the_pages_to_read_are_whole_and_lead_only_to_each_other() -> None:
    """Every link in them is to a page that is served, to a part of one, or says another host."""
    found = served()
    guides = {path for path in found if path.startswith(("/-/runbooks/", "/-/docs/"))}
    assert {"/-/runbooks/index", "/-/runbooks/SanctumNoSlots", "/-/docs/api"} <= guides
    for path in guides:
        read = Reader(found[path]({}))
        assert "h1" in {tag for tag, _ in read.elements}
        anchors = {f"#{name}" for name in read.values("id")}
        for link in read.values("href"):
            target = link.partition("?")[0].partition("#")[0]
            if link.startswith("#"):
                assert link in anchors
            elif target.startswith("../../"):
                assert target == "../../" or f"/{target.removeprefix('../../')}" in found
            elif "://" not in target:
                assert f"/-/{target.removeprefix('../')}" in guides


def test_every_state_and_verdict_has_a_colour_of_its_own() -> None:
    """The stylesheet knows each severity by its name."""
    style = served()["/-/style.css"]({}).body.decode()
    assert all(f'.badge[data-severity="{name}"]' in style for name in SEVERITIES if name != "none")
    assert all(f".area.{row.stage.lower()}" in style for row in panel.STAGE_ROWS)
    assert all(f".{row.style} {{" in style for row in panel.STAGE_ROWS)


def test_for_many_viewers_a_page_is_made_once() -> None:
    """Within half a second all are given the same bytes, compressed already."""
    found = served(reading())
    first = found["/"]({})
    assert all(found["/"]({}) is first for _ in range(50))
    assert first.gzipped is not None


def test_who_is_not_looked_at_loads_no_templates() -> None:
    """A training process that is only scraped does without the library, and its memory."""
    script = "import sys, sanctum_exporter.web.exporter; sys.exit('jinja2' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_live_aggregator_that_leaves_out_stages_is_shown() -> None:
    """What it does not count is none, in the panel, its health and its history."""
    group = reading()
    some = replace(group.slots, slot_stage_counts={"TRAINING": 4}, total_slots=4)
    text = Reader(root(replace(group, slots=some))).text
    assert panel.text(some) in text
    assert "0 %" in text
