"""What somebody sees who comes to the project."""

from __future__ import annotations

import re

from PIL import Image

from tests.recordings import ROOT

TEXT = (ROOT / "README.md").read_text("utf-8")
FIRST_SCREEN = "\n".join(TEXT.splitlines()[:25])
LARGEST = 1_500_000


def test_the_first_screen_has_two_commands_and_a_moving_picture() -> None:
    """Both are targets of the Makefile; the film goes on for ever, and is soon there."""
    targets = re.findall(r"^(\w+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    commands = re.findall(r"^make (\w+)", FIRST_SCREEN, re.MULTILINE)
    assert commands == ["demo", "test"]
    assert set(commands) <= set(targets)
    films = re.findall(r'src="([^"]+\.gif)"', FIRST_SCREEN)
    assert len(films) == 1
    file = ROOT / films[0]
    assert file.stat().st_size < LARGEST
    with Image.open(file) as film:
        assert getattr(film, "n_frames", 1) > 10
        assert film.info["loop"] == 0


def test_whoever_wants_no_motion_sees_a_still_picture() -> None:
    """It has the size of the film, so that nothing else moves either."""
    still, film = re.findall(r'src(?:set)?="([^"]+)"', FIRST_SCREEN)
    assert f'media="(prefers-reduced-motion: reduce)" srcset="{still}"' in FIRST_SCREEN
    with Image.open(ROOT / still) as picture, Image.open(ROOT / film) as moving:
        assert getattr(picture, "n_frames", 1) == 1
        assert picture.size == moving.size
