"""A real headless Chromium, and what a page does in it that it should not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Playwright

from tools.stack import locate

WIDTHS: Final = (320, 1000, 1920)
SCHEMES: Final = ("light", "dark")
AXE: Final = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
_WATCH_POLICY: Final = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""


@contextmanager
def chromium(
    playwright: Playwright, program: Path | None = None, *, script: bool = True
) -> Iterator[Browser]:
    """Run a Chromium inside the block.

    Args:
        playwright: what drives it; there can be but one at a time.
        program: which one; that of this machine without it.
        script: whether JavaScript is on.  Playwright's own switch leaves <noscript> unread.

    Raises:
        FileNotFoundError: if there is none on this machine.
    """
    found = program or locate("chromium")
    if found is None:
        raise FileNotFoundError("no chromium: run python tools/stack.py chromium")
    arguments = ["--no-sandbox", "--disable-gpu"]
    if not script:
        arguments.append("--blink-settings=scriptEnabled=false")
    browser = playwright.chromium.launch(executable_path=str(found), args=arguments)
    try:
        yield browser
    finally:
        browser.close()


class Viewer:
    """A window, which notes what a page must not do."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.add_init_script(_WATCH_POLICY)
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def strangers(self) -> set[str]:
        """Return the hosts that the page asked, other than its own."""
        hosts = {urlsplit(url).netloc for url in self.requests}
        return hosts - {urlsplit(self.page.url).netloc}

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        pixels: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return pixels

    def faults(self) -> list[str]:
        """Return what axe-core finds, each with the element that it is found in."""
        if not self.page.evaluate("'axe' in window"):
            # By the debugger, as an extension does: our policy keeps out what is added to the page.
            self.page.evaluate(AXE.read_text("utf-8"))
        found: dict[str, Any] = self.page.evaluate("axe.run()")
        return [
            f"{fault['id']}: {fault['help']}: {node['html']} {node['failureSummary']}"
            for fault in found["violations"]
            for node in fault["nodes"]
        ]

    def _said(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.errors.append(text)


@contextmanager
def window(
    browser: Browser,
    width: int = 1000,
    *,
    scheme: str = "dark",
    timezone: str = "UTC",
    scale: float = 1,
) -> Iterator[Viewer]:
    """Open a window inside the block.

    Args:
        browser: to open it in.
        width: in pixels.
        scheme: light or dark.
        timezone: where the viewer is.
        scale: pixels of a picture for one of the page.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="light" if scheme == "light" else "dark",
        timezone_id=timezone,
        device_scale_factor=scale,
        reduced_motion="reduce",
    )
    try:
        yield Viewer(context.new_page())
    finally:
        context.close()
