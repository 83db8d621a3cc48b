"""The colours of the dashboards: what each means, and nothing means two things.

All are legible on dark and light: text at 4.5:1 if small and 3:1 if large, lines at 3:1.  Names are
of Grafana's palette, whose values differ between its themes; where it has no name that is legible
in both, a value is.
"""

from __future__ import annotations

from typing import Final

COLOURS: Final[dict[str, str]] = {
    "dim": "#7f838c",
    "bright_blue": "light-blue",
    "cyan": "#1398a9",
    "yellow": "#b08600",
    "magenta": "#d957c5",
    "green": "semi-dark-green",
    "red": "red",
    "blue": "blue",
}
"""What Grafana is told for each style name of the terminal's panel."""
BACKGROUNDS: Final[dict[str, str]] = {
    "red": "dark-red",
    "yellow": "yellow",
    "green": "dark-green",
    "dim": "#5f636b",
}
"""The same meanings, where the text stands on the colour: Grafana makes it black or white."""
SIDES: Final[dict[str, str]] = {"A": "#8f83e8", "B": "#b9783f"}
"""The groups of an A/B run and the sides of a comparison, in colours that mean nothing else."""
