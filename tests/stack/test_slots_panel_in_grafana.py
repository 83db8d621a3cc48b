"""SlotsPanel in Grafana equals SlotsPanel in the terminal, at every recorded point.

A real Prometheus scrapes an exporter in the recorded state, the panels' own queries are asked of
it, and Grafana's own library turns the answers into what Grafana displays.  What differs from the
terminal's text on purpose is ``in_grafana`` and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sanctum_exporter import panel
from sanctum_exporter.readings import STAGES, SeedLifecycleStats, SlotSnapshot
from tests import recordings
from tests.feeding import fed
from tests.grafana import dashboards, exporters, prometheus
from tests.grafana.display import Grafana

pytestmark = pytest.mark.stack

JOB = "recorded"
BAR_CHARACTERS = 24
PALETTE = {
    "dim": "#7f838c",
    "bright_blue": "light-blue",
    "cyan": "#1398a9",
    "yellow": "#b08600",
    "magenta": "#d957c5",
    "green": "semi-dark-green",
    "red": "red",
    "blue": "blue",
    "text": "text",
}
STAGE_STYLES = {
    "DORM": "dim",
    "GERM": "bright_blue",
    "TRAIN": "cyan",
    "BLEND": "yellow",
    "HOLD": "magenta",
    "FOSS": "green",
}
TREND_STYLES = {"↗": "green", "→": "dim", "↘": "red"}


class Point(NamedTuple):
    """A moment of a recording at which the terminal's panel is known."""

    recording: str
    line: int
    group_id: str
    border_title: str
    text: str

    @property
    def instance(self) -> str:
        """The point's exporter."""
        return f"{self.recording}:{self.line}"

    @property
    def published(self) -> bool:
        """Whether the group has begun: hub-level events alone publish none."""
        starts = recordings.first_starts(self.recording)
        return self.line >= starts.get(self.group_id, self.line + 1)

    @property
    def exact(self) -> dict[str, Any]:
        """The values of the panel before they were rounded for it."""
        rows = [
            row
            for row in recordings.golden(self.recording)
            if row["group_id"] == self.group_id and row["line"] <= self.line
        ]
        lifecycle: dict[str, Any] = rows[-1]["seed_lifecycle"]
        return lifecycle


POINTS = [
    Point(name, *(row[key] for key in ("line", "group_id", "border_title", "text")))
    for name in recordings.NAMES
    for row in recordings.panels(name)
]
SHOWN = [p for p in POINTS if p.published and p.text != "[no environments]"]


def name_of(point: Point) -> str:
    """Return a test's id."""
    return f"{point.instance}-{point.group_id}"


class Displays:
    """Asks what the row SlotsPanel of sanctum-slots displays.

    Args:
        server: where the exporters' values are.
        moment: when it had the values of all of them.
        grafana: Grafana's own code.
    """

    def __init__(self, server: prometheus.Prometheus, moment: float, grafana: Grafana) -> None:
        self._server = server
        self._moment = moment
        self._grafana = grafana
        self._styles = {
            theme: {value: name for name, value in self._named(theme).items()}
            for theme in ("dark", "light")
        }

    def row(self, instance: str, group_id: str, theme: str = "dark") -> dict[str, Any]:
        """Return the displayed values of each panel, by its title."""
        view = dashboards.view_of_group(JOB, instance, group_id, self._moment)
        shown = {}
        for tile in slots_panel(view.dashboard):
            filled, answers = view.ask(self._server, tile)
            values = self._grafana.display(filled, answers, theme)["values"]
            for value in values:
                value["style"] = self._styles[theme].get(value.pop("colour").lower())
            shown[tile["title"]] = values
        return shown

    def germinated(self, count: int) -> str:
        """Return how the panel of germinated seeds displays a count."""
        dashboard = dashboards.load("sanctum-slots")
        (germ,) = (p for p in dashboards.panels(dashboard) if p["title"] == "Germ")
        answers = {"A": {"result": [{"metric": {}, "value": [0, str(count)]}]}}
        text: str = self._grafana.display(germ, answers)["values"][0]["text"]
        return text.rstrip()

    def _named(self, theme: str) -> dict[str, str]:
        found = self._grafana.palette(PALETTE.values(), theme)
        named = {style: found[colour].lower() for style, colour in PALETTE.items()}
        assert len(set(named.values())) == len(named), "two styles look the same"
        return named


def slots_panel(dashboard: Any) -> list[dashboards.Panel]:
    """Return the panels of the row SlotsPanel, which is the first of the dashboard."""
    rows = [item for item in dashboard["panels"] if item["type"] == "row"]
    assert rows[0]["title"] == "SlotsPanel"
    top, bottom = (row["gridPos"]["y"] for row in rows[:2])
    return [p for p in dashboards.panels(dashboard) if top < p["gridPos"]["y"] < bottom]


@pytest.fixture(scope="module")
def displays(stack_tool: Callable[[str], Path], grafana: Grafana) -> Iterator[Displays]:
    """One Prometheus that has scraped every point's exporter, and Grafana's code."""
    stack_tool("prometheus")
    with ExitStack() as stack:
        targets = []
        for point in {p.instance: p for p in POINTS}.values():
            lines = recordings.lines(point.recording)[: point.line]
            address = stack.enter_context(exporters.served(fed(lines)))
            targets.append(prometheus.Target(JOB, point.instance, address))
        address = stack.enter_context(exporters.served(fed(thousands())))
        targets.append(prometheus.Target(JOB, "thousands", address))
        server = stack.enter_context(prometheus.running(targets))
        moment = server.wait_for(f"count(sanctum_exporter_build_info) == {len(targets)}")
        yield Displays(server, moment, grafana)


def thousands() -> list[bytes]:
    """Return telemetry with more seeds than a recording has: 1500, 12345 and 0."""
    event = '{{"event_type": "{}", "group_id": "K", "slot_id": "a", "data": {}}}'
    start = '{"n_envs": 1, "slot_ids": ["a"], "start_episode": 0, "n_episodes": 9}'
    seed = '{"env_id": 0, "slot_id": "a", "epochs_total": 0, "epochs_in_stage": 0}'
    texts = [event.format("TRAINING_STARTED", start)]
    texts += [event.format("SEED_GERMINATED", seed)] * 1500
    texts += [event.format("SEED_PRUNED", seed)] * 12345
    return [text.encode() for text in texts]


def in_grafana(text: str) -> str:
    """Return a text of the terminal as Grafana formats it.

    A unit that is a text, and the k of a thousand, are set off by a space.
    """
    return re.sub(r"(?<=\d)(?=[a-z/])", " ", text)


def rounded(shown: str, exact: float) -> str:
    """Return a number of the terminal, rounded as Grafana rounds.

    Python takes a number halfway between two to the even one, Grafana to the upper one.
    """
    digits = Decimal(1).scaleb(-len(shown.partition(".")[2]))
    upper = Decimal(exact).quantize(digits, ROUND_HALF_UP)
    return shown if abs(Decimal(shown) - Decimal(exact)) * 2 != digits else str(upper)


def one(text: str, style: str, **more: Any) -> list[dict[str, Any]]:
    """Return what a panel of one number displays."""
    return [{"text": text, "style": style, **more}]


def plain(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return displayed values without the names that only a bar shows."""
    return [{"text": value["text"].rstrip(), "style": value["style"]} for value in values]


def test_every_recorded_point_is_proved_or_has_a_reason() -> None:
    """Of 59 points 55 show values, one has no environments and three are never published."""
    assert len(POINTS) == 59
    assert len(SHOWN) == 55
    assert [name_of(p) for p in POINTS if p.published and p not in SHOWN] == ["edge:478-Z"]
    unpublished = ["ab:48-default", "proof:18-default", "heuristic:1-default"]
    assert [name_of(p) for p in POINTS if not p.published] == unpublished


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("point", SHOWN, ids=name_of)
def test_every_line_equals_the_terminal(point: Point, theme: str, displays: Displays) -> None:
    """Texts, bar lengths and colours are the terminal's, apart from the listed differences."""
    shown = displays.row(point.instance, point.group_id, theme)
    *stages, _, active, counts, rates, quality = point.text.split("\n")
    exact = point.exact
    assert plain(shown.pop("SlotsPanel · group $group_id")) == one(point.border_title, "text")

    bars = shown.pop("Slots by stage")
    total = int(active.partition("/")[2])
    assert len(stages) == len(bars) == 6
    for line, bar in zip(stages, bars, strict=True):
        found = re.fullmatch(r"([A-Z]+) +(\d+) (·|○*|●*)", line)
        assert found is not None
        name, count, drawn = found[1], int(found[2]), found[3].strip("·")
        style = STAGE_STYLES[name] if count else "dim"
        # An empty bar is a little below the beginning of its scale, so that no cell is lit.
        ratio = bar.pop("ratio")
        assert ratio == count / total if count else -0.01 < ratio < 0
        assert int(ratio * BAR_CHARACTERS) == len(drawn)
        assert bar == {"title": name, "text": str(count), "style": style}

    assert plain(shown.pop("Active")) == one(active.removeprefix("Active:"), "cyan")

    found = re.fullmatch(r"Germ: +(\S+)  Prune: +(\S+)  Foss: +(\S+)", counts)
    assert found is not None
    more_pruned = exact["prune_count"] > exact["fossilize_count"]
    assert plain(shown.pop("Germ")) == one(in_grafana(found[1]), "green")
    assert plain(shown.pop("Prune")) == one(in_grafana(found[2]), "red" if more_pruned else "dim")
    assert plain(shown.pop("Foss")) == one(in_grafana(found[3]), "blue")

    found = re.fullmatch(r"Germ(.) *(\S+)/ep  Prune(.) *(\S+)/ep   Foss(.) *(\S+)/ep", rates)
    assert found is not None
    keys = ("germination_rate", "prune_rate", "fossilize_rate")
    for index, (name, key) in enumerate(zip(("Germ", "Prune", "Foss"), keys, strict=True)):
        arrow, rate = found[2 * index + 1], found[2 * index + 2]
        assert plain(shown.pop(f"{name} per episode")) == [
            *one(arrow, TREND_STYLES[arrow]),
            *one(in_grafana(f"{rounded(rate, exact[key])}/ep"), "dim"),
        ]

    found = re.fullmatch(r"Lifespan:μ(\S+) eps  Blend:(\S+)% success", quality)
    assert found is not None
    lifespan = rounded(found[1], exact["avg_lifespan_epochs"])
    assert plain(shown.pop("Lifespan μ")) == one(in_grafana(f"{lifespan}eps"), "cyan")
    percent = exact["blend_success_rate"] * 100
    style = "green" if percent >= 70 else "yellow" if percent >= 50 else "red"
    assert plain(shown.pop("Blend success")) == one(f"{rounded(found[2], percent)}%", style)
    assert shown == {}


def test_thousands_of_seeds_have_a_suffix(displays: Displays) -> None:
    """1500 is 1.50k and 12345 is 12.3k in the terminal; Grafana sets the k off by a space."""
    shown = displays.row("thousands", "K")
    assert plain(shown["Germ"]) == one(in_grafana("1.50k"), "green")
    assert plain(shown["Prune"]) == one(in_grafana("12.3k"), "red")
    assert plain(shown["Foss"]) == one("0", "blue")


@pytest.mark.parametrize(
    ("count", "terminal", "shown"),
    [
        (999, "999", "999"),
        (1000, "1.00k", "1 k"),
        (1500, "1.50k", "1.50 k"),
        (12345, "12.3k", "12.3 k"),
        (123456, "123.5k", "123 k"),
        (1234567, "1234.6k", "1.23 M"),
    ],
)
def test_counts_differ_as_the_documentation_lists(
    count: int, terminal: str, shown: str, displays: Displays
) -> None:
    """Grafana shows three digits, without the 0 of a round number, and goes on after thousands."""
    seeds = SeedLifecycleStats(germination_count=count)
    slots = SlotSnapshot(1, 0, dict.fromkeys(STAGES, 0), 1, 0.0, 0, seeds)
    counts = panel.text(slots).split("\n")[8]
    assert counts.startswith(f"Germ: {terminal:>6}  Prune:")
    assert displays.germinated(count) == shown


def test_a_run_without_slots_says_no_environments(displays: Displays) -> None:
    """The border keeps its numbers and the one text of the body is the terminal's."""
    (point,) = (p for p in POINTS if p.published and p.text == "[no environments]")
    shown = displays.row(point.instance, point.group_id)
    assert plain(shown.pop("SlotsPanel · group $group_id")) == one(point.border_title, "text")
    assert plain(shown.pop("Slots by stage")) == one(point.text, "dim")
    assert_nothing_else(shown)


@pytest.mark.parametrize("point", [p for p in POINTS if not p.published], ids=name_of)
def test_a_group_that_is_not_published_says_no_data(point: Point, displays: Displays) -> None:
    """Grafana shows a border and [no data], as the terminal does before the first snapshot."""
    shown = displays.row(point.instance, point.group_id)
    assert plain(shown.pop("SlotsPanel · group $group_id")) == one("CURRENT SLOTS", "text")
    assert plain(shown.pop("Slots by stage")) == one("[no data]", "dim")
    assert_nothing_else(shown)


def assert_nothing_else(shown: dict[str, Any]) -> None:
    """The other panels are empty, each with one dash."""
    assert len(shown) == 9
    assert [value for values in shown.values() for value in plain(values)] == one("-", "dim") * 9


def test_what_grafana_would_pass_over_is_an_error(grafana: Grafana) -> None:
    """A transformation, matcher or property that the library does not know is refused."""
    tile = {"id": 7, "title": "T", "type": "stat", "targets": []}
    matcher = {"id": "byFame", "options": ""}
    property_of = {"matcher": {"id": "byName", "options": ""}, "properties": [{"id": "colour"}]}
    with pytest.raises(ValueError, match="panel 7 'T': unknown transformation 'configFromData'"):
        grafana.display(tile | {"transformations": [{"id": "configFromData"}]}, {})
    for override, complaint in (
        ({"matcher": matcher, "properties": []}, "unknown matcher 'byFame'"),
        (property_of, "unknown property of an override 'colour'"),
    ):
        with pytest.raises(ValueError, match=f"panel 7 'T': {complaint}"):
            grafana.display(tile | {"fieldConfig": {"overrides": [override]}}, {})
