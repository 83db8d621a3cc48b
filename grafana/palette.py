"""The colours of SlotsPanel in Grafana.

Grafana's named palette has neither cyan nor magenta nor a dim text colour; those three are
given as values that are legible in both themes.
"""

from __future__ import annotations

from typing import Final

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
