"""The colours of SlotsPanel in Grafana.

Grafana's named palette has neither cyan nor magenta nor a dim text colour; those three are
given as values that are legible in both themes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

COLOURS: Final[dict[str, str]] = {
    "dim": "#7f838c",
    "bright_blue": "light-blue",
    "cyan": "#1fb5c9",
    "yellow": "yellow",
    "magenta": "#d957c5",
    "green": "green",
    "red": "red",
    "blue": "blue",
}
"""What Grafana is told for each style name of the terminal's panel."""


class Stage(NamedTuple):
    """A lifecycle stage, as SlotsPanel writes it."""

    name: str
    abbreviation: str
    style: str

    @property
    def colour(self) -> str:
        """What Grafana is told."""
        return COLOURS[self.style]


STAGES: Final = (
    Stage("DORMANT", "DORM", "dim"),
    Stage("GERMINATED", "GERM", "bright_blue"),
    Stage("TRAINING", "TRAIN", "cyan"),
    Stage("BLENDING", "BLEND", "yellow"),
    Stage("HOLDING", "HOLD", "magenta"),
    Stage("FOSSILIZED", "FOSS", "green"),
)
