"""The colours that SlotsPanel has, by the contract, found from what it shows; an oracle of ours.

It reads recorded text, not our spans, so that a colour of ours is never compared with itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests import recordings

_STAGES = {
    "DORM": "dim",
    "GERM": "bright_blue",
    "TRAIN": "cyan",
    "BLEND": "yellow",
    "HOLD": "magenta",
    "FOSS": "green",
}
_ARROWS = {"↗": "green", "↘": "red", "→": "dim"}
_COUNTS = re.compile(r"Germ: (.{6})  Prune:(.{6})  Foss: (.{6})")

Cell = tuple[str, str | None]
"""A character and its style; None where the contract does not say which."""


def cells(text: str, blend_success: float) -> list[list[Cell]]:
    """Return the characters of a recorded panel, row by row, each with its style.

    Args:
        text: the panel.
        blend_success: the ratio, which the panel shows rounded.
    """
    rows = text.split("\n")
    if len(rows) == 1:
        return [[(character, "dim") for character in text]]
    return [list(_row(row, blend_success)) for row in rows]


def _row(row: str, blend_success: float) -> Iterator[Cell]:
    stage = _STAGES.get(row[:5].strip())
    if stage is not None and row[5:8].strip().isdigit():
        colour = stage if int(row[5:8]) else "dim"
        for index, character in enumerate(row):
            coloured = character in "○●" or (index in range(5, 8) and character != " ")
            yield character, colour if coloured else "dim"
        return
    counts = _COUNTS.match(row)
    if counts is not None:
        _, pruned, fossilized = map(_number, counts.groups())
        colours = ("green", "red" if pruned > fossilized else "dim", "blue")
        for index, character in enumerate(row):
            which = [n for n in range(3) if index in range(*counts.span(n + 1))]
            yield character, colours[which[0]] if which else "dim"
        return
    percent = re.search(r"\d+%", row)
    life = re.search(r"μ\d+ eps", row)
    healthy = "green" if blend_success >= 0.7 else "yellow" if blend_success >= 0.5 else "red"
    active = re.search(r"(?<=Active:)\S+", row)
    for index, character in enumerate(row):
        style: str | None = "dim"
        if character in _ARROWS:
            style = _ARROWS[character]
        elif re.match(r"[A-Za-z]*[↗↘→]", row[index:]):
            # The name before an arrow.
            style = None
        for match, colour in ((percent, healthy), (life, "cyan"), (active, "cyan")):
            if match is not None and index in range(*match.span()):
                style = colour
        yield character, style


def _number(text: str) -> float:
    text = text.strip()
    return float(text.removesuffix("k")) * (1000 if text.endswith("k") else 1)


def recorded(name: str) -> Iterator[tuple[int, str, dict[str, Any], list[list[Cell]]]]:
    """Yield the line, the group, the recorded row and its cells, of every recorded moment.

    Those of a group before its first TRAINING_STARTED, which the original makes up, are left out.
    """
    starts = recordings.first_starts(name)
    golden = list(recordings.golden(name))
    for row in recordings.panels(name):
        line, group_id = row["line"], row["group_id"]
        if line < starts.get(group_id, line + 1):
            continue
        latest = [g for g in golden if g["group_id"] == group_id and g["line"] <= line][-1]
        blend = latest["seed_lifecycle"]["blend_success_rate"]
        yield line, group_id, row, cells(row["text"], blend)
