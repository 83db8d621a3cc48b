#!/usr/bin/env python3
"""Film a recorded run in the terminal and on the page: ``python -m tests.browser.film [FILE]``.

Without a file, what the README shows: the film, and its last picture for whoever wants no motion.
"""

from __future__ import annotations

import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Browser, FloatRect, expect, sync_playwright

from sanctum_exporter.terminal.exporter import ExporterFeed, Site
from tests import recordings
from tests.browser.chromium import chromium, window
from tests.browser.scenes import Scene
from tests.clocks import Clock
from tests.grafana.shifting import as_of
from tests.unit.terminal.picture import drawn

FILM: Final = recordings.ROOT / "docs" / "images" / "panel.gif"
MOMENTS: Final = range(615, 2421, 95)
"""The lines of the recording after which a picture is taken; B starts after them."""

_SHEET: Final = Path(__file__).with_name("film.html")
_SLOWER: Final = 15
_TERMINAL: Final = (50, 28)
_PAGE: Final = FloatRect(x=0, y=0, width=640, height=808)
_PAGE_SCALE: Final = 0.8
_SIZE: Final = FloatRect(x=0, y=0, width=1158, height=720)
_PICTURE_MILLISECONDS: Final = 600
_LAST_MILLISECONDS: Final = 3000
_COLOURS: Final = 256
_EXACT: Final = 96
_PLAIN: Final = Image.Dither.NONE


def replayed(moments: Sequence[int]) -> Iterator[Scene]:
    """Replay the recording, and yield it after each of some lines, as if it happened then."""
    clock = Clock(time.time())
    scene = Scene(clock=clock)
    intake = scene.add([])
    lines = as_of(recordings.lines("ab")[: moments[-1]], 0, slower=_SLOWER)
    for number, line in enumerate(lines, start=1):
        scene.take(intake, line, number)
        clock.now = max(group.last_event_timestamp for group in scene.readings())
        if number in moments:
            yield scene


def terminals(moments: Sequence[int]) -> Iterator[bytes]:
    """Yield what ``top`` shows of an exporter at each moment, as SVG."""
    for scene in replayed(moments):
        with scene.served() as server:
            feed = ExporterFeed(Site(server.url))
            view = feed.run(None)
            feed.close()
        assert view is not None
        # Higher than Rich has them, so that frames and bars have no gaps between lines.
        yield drawn(view, _TERMINAL).replace("font-size: 20px", "font-size: 21.5px").encode()


def pages(browser: Browser, moments: Sequence[int]) -> Iterator[bytes]:
    """Yield what the page of an exporter shows at each moment, as PNG."""
    width = int(_PAGE["width"])
    for scene in replayed(moments):
        with scene.served() as server, window(browser, width, scale=_PAGE_SCALE) as viewer:
            viewer.page.goto(f"{server.url}/")
            expect(viewer.page.locator("#connection")).to_have_text("live")
            yield viewer.page.screenshot(clip=_PAGE)


def pictures(browser: Browser, shown: Sequence[bytes], moments: Sequence[int]) -> list[Image.Image]:
    """Return the pictures of a film: at each moment the page beside what the terminal shows."""
    taken = []
    with window(browser, int(_SIZE["width"])) as viewer:
        viewer.page.set_content(_SHEET.read_text("utf-8"))
        for terminal, page in zip(shown, pages(browser, moments), strict=True):
            for name, kind, data in (("terminal", "svg+xml", terminal), ("page", "png", page)):
                source = f"data:image/{kind};base64,{b64encode(data).decode()}"
                viewer.page.locator(f"#{name}").evaluate(
                    "(image, source) => { image.src = source; return image.decode(); }", source
                )
            taken.append(Image.open(BytesIO(viewer.page.screenshot(clip=_SIZE))).convert("RGB"))
    return taken


def write(taken: Sequence[Image.Image], file: Path) -> None:
    """Write pictures as a film that goes on for ever, and the last of them beside it."""
    # With the same colours in every picture, what stands still is written once.
    colours = palette(taken)
    frames = [picture.quantize(palette=colours, dither=_PLAIN) for picture in taken]
    frames[-1].save(file.with_suffix(".png"), optimize=True)
    durations = [_PICTURE_MILLISECONDS] * (len(frames) - 1) + [_LAST_MILLISECONDS]
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=durations, loop=0)


def palette(taken: Sequence[Image.Image]) -> Image.Image:
    """Return an image with the colours that some pictures need.

    Those that most is painted in, as they are, and so many more that all others, be there ever so
    little of them, have one that is like them.
    """
    counts: Counter[Any] = Counter()
    for picture in taken:
        for count, colour in picture.getcolors(picture.width * picture.height) or []:
            counts[colour] += count
    ordered = [colour for colour, _ in counts.most_common()]
    others = Image.new("RGB", (max(1, len(ordered) - _EXACT), 1))
    others.putdata(ordered[_EXACT:])
    method = Image.Quantize.MAXCOVERAGE
    like = others.quantize(_COLOURS - _EXACT, method).getpalette() or []
    found = Image.new("P", (1, 1))
    found.putpalette([*chain.from_iterable(ordered[:_EXACT]), *like])
    return found


def main() -> None:
    """Write the film."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else FILM
    # Both drive an event loop of their own, so one after the other.
    shown = list(terminals(MOMENTS))
    with sync_playwright() as playwright, chromium(playwright) as browser:
        write(pictures(browser, shown, MOMENTS), file)
    print(file)


if __name__ == "__main__":
    main()
