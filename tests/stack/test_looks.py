"""What can be told of the dashboards' looks from their JSON: what is legible, and what is seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.grafana import dashboards
from tests.grafana.display import Grafana

pytestmark = pytest.mark.stack

UIDS = ("sanctum-slots", "sanctum-fleet", "sanctum-compare")
PANEL = {"dark": "#181b1f", "light": "#ffffff"}
"""What Grafana's panels stand on."""
SMALL_TEXT, LARGE_TEXT, LINE = 4.5, 3.0, 3.0
"""Contrasts that WCAG 2.2 asks for at level AA; large is 24 pixels and more."""
ROW, ABOVE = 38, 112
"""Pixels of a line of Grafana's grid, and of its navigation, variables and margin above it."""
LAPTOP, DESK = 625, 937
"""Height of a browser's page on screens of 1366 x 768 and 1920 x 1080."""


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG defines it."""
    shares = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return sum(
        weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def text_on(colour: str, panel: dict[str, Any]) -> str:
    """Return Grafana's text on a colour: white where that is legible enough for it, else black.

    In a cell of a table it goes by how bright the colour is.
    """
    if panel["type"] != "table":
        return "#ffffff" if contrast("#ffffff", colour) >= LARGE_TEXT else "#000000"
    red, green, blue = (int(colour[index : index + 2], 16) for index in (1, 3, 5))
    return "#202226" if (red * 299 + green * 587 + blue * 114) / 1000 > 180 else "#f7f8fa"


def colours(panel: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the colours that a panel gives to what it shows, and whether text stands on them."""
    config = panel["fieldConfig"]
    options = panel.get("options", {})
    solid = str(options.get("colorMode", "")).startswith("background")
    overrides = (override["properties"] for override in config["overrides"])
    changes = [{each["id"]: each["value"] for each in properties} for properties in overrides]
    for named in [config["defaults"], *changes]:
        cell = named.get("custom.cellOptions", {}).get("type")
        if panel["type"] == "table" and cell not in ("color-background", "color-text"):
            continue
        behind = solid or cell == "color-background"
        found = [step["color"] for step in named.get("thresholds", {}).get("steps", [])]
        found.append(named.get("color", {}).get("fixedColor"))
        for mapping in named.get("mappings", []):
            results = mapping["options"]
            results = [results["result"]] if "result" in results else results.values()
            found += [result.get("color") for result in results]
        yield from ((colour, behind) for colour in found if colour not in (None, "transparent"))


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48)]
)
def test_contrasts_are_those_of_wcag(one: str, other: str, ratio: float) -> None:
    """Black on white is 21, and the grey that is known to fail at 4.48 does."""
    assert round(contrast(one, other), 2) == ratio


@pytest.mark.parametrize("theme", PANEL)
@pytest.mark.parametrize("uid", UIDS)
def test_every_colour_is_legible(uid: str, theme: str, grafana: Grafana) -> None:
    """Text on a colour has 4.5, large coloured text and lines 3.0, in the dark and the light."""
    seen = 0
    for panel in dashboards.panels(dashboards.load(uid)):
        for colour, behind in colours(panel):
            shown = grafana.palette([colour], theme)[colour][:7]
            seen += 1
            if behind:
                assert contrast(text_on(shown, panel), shown) >= SMALL_TEXT, (
                    panel["title"],
                    colour,
                )
            else:
                assert contrast(shown, PANEL[theme]) >= LARGE_TEXT, (panel["title"], colour)
    assert seen > 10


@pytest.mark.parametrize("uid", UIDS)
def test_coloured_text_is_large(uid: str) -> None:
    """Numbers in a colour have 24 pixels: at 3.0 a smaller one would be too faint."""
    for panel in dashboards.panels(dashboards.load(uid)):
        options = panel.get("options", {})
        if panel["type"] not in ("stat", "bargauge") or options.get("colorMode") != "value":
            continue
        names = {colour for colour, _ in colours(panel)} - {"text", "#7f838c"}
        assert not names or options["text"]["valueSize"] >= 24, panel["title"]


def bottom(panel: dict[str, Any]) -> int:
    """Return where a panel ends on the page, in pixels."""
    place: dict[str, int] = panel["gridPos"]
    return ABOVE + (place["y"] + place["h"]) * ROW


def test_slots_panel_and_the_status_are_seen_on_a_laptop() -> None:
    """Without scrolling, at 1366 x 768."""
    items = dashboards.load("sanctum-slots")["panels"]
    rows = [index for index, item in enumerate(items) if item["type"] == "row"]
    first = [item for item in items[: rows[1]] if item["type"] != "row"]
    assert {"State", "Firing alerts", "Time left", "Active", "Blend success"} <= {
        panel["title"] for panel in first
    }
    assert max(map(bottom, first)) <= LAPTOP


@pytest.mark.parametrize(
    ("uid", "titles"),
    [
        ("sanctum-slots", {"Slots by stage over time", "Utilisation", "Blend success over time"}),
        ("sanctum-fleet", {"Died", "Firing alerts", "All runs", "Runs by state over time"}),
        ("sanctum-compare", {"Blend success", "Lifespan", "Blend success, course"}),
    ],
)
def test_what_decides_is_seen_at_a_desk(uid: str, titles: set[str]) -> None:
    """Without scrolling, at 1920 x 1080."""
    panels = list(dashboards.panels(dashboards.load(uid)))
    seen = {panel["title"] for panel in panels if bottom(panel) <= DESK}
    assert titles <= seen
