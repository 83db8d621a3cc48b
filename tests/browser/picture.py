#!/usr/bin/env python3
"""Take pictures of the page: ``python -m tests.browser.picture [FOLDER]``.

Without a folder, those that the documentation shows; with one, every scene at every width and in
both schemes, to be looked at.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import SCHEMES, WIDTHS, chromium, window
from tests.browser.scenes import SCENES
from tests.recordings import ROOT

_IMAGES: Final = ROOT / "docs" / "images"
_SHOWN: Final = (("two-groups", 1280), ("many-runs", 1280))


def take(browser: Browser, name: str, width: int, scheme: str, file: Path, *, whole: bool) -> None:
    """Write a picture of a scene."""
    with SCENES[name]().served() as server, window(browser, width, scheme=scheme) as viewer:
        viewer.page.goto(f"{server.url}/")
        expect(viewer.page.locator("#connection")).to_have_text("live")
        viewer.page.screenshot(path=file, full_page=whole)
        print(file)


def main() -> None:
    """Write the pictures."""
    with sync_playwright() as playwright, chromium(playwright) as browser:
        for scheme in SCHEMES:
            if len(sys.argv) > 1:
                folder = Path(sys.argv[1])
                folder.mkdir(parents=True, exist_ok=True)
                for name in SCENES:
                    for width in WIDTHS:
                        file = folder / f"{name}-{width}-{scheme}.png"
                        take(browser, name, width, scheme, file, whole=name != "many-runs")
            else:
                for name, width in _SHOWN:
                    file = _IMAGES / f"page-{name}-{scheme}.png"
                    take(browser, name, width, scheme, file, whole=False)


if __name__ == "__main__":
    main()
