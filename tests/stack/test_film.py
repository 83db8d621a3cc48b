"""The film of the README, made small."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageSequence
from playwright.sync_api import sync_playwright

from tests import recordings
from tests.browser.chromium import chromium
from tests.browser.film import pictures, terminals, write

pytestmark = pytest.mark.stack

MOMENTS = (1300, 2420)


def test_a_recording_becomes_a_film_of_terminal_and_page(
    stack_tool: Callable[[str], Path], tmp_path: Path
) -> None:
    """Each picture has the terminal on its left and the page on its right, at the same moment."""
    program = stack_tool("chromium")
    shown = list(terminals(MOMENTS))
    with sync_playwright() as playwright, chromium(playwright, program) as browser:
        write(pictures(browser, shown, MOMENTS), tmp_path / "film.gif")
    for svg, line in zip(shown, MOMENTS, strict=True):
        row = [row for row in recordings.golden("ab") if row["line"] <= line][-1]
        text = unescape(svg.decode()).replace("\xa0", " ")
        assert f">{row['active_slots']}/{row['total_slots']}<" in text
    with Image.open(tmp_path / "film.gif") as film, Image.open(tmp_path / "film.png") as still:
        assert film.info["loop"] == 0
        first, last = (frame.convert("RGB") for frame in ImageSequence.Iterator(film))
        assert last.tobytes() == still.convert("RGB").tobytes()
    width, height = last.size
    moved = ImageChops.difference(first, last)
    for third in ((0, 0, width // 3, height), (2 * width // 3, 0, width, height)):
        assert moved.crop(third).getbbox() is not None
