"""The limits of the records as steps of colour, the same in every panel.

A step is the value that it begins at, None for the first, and its colour.  A graph has a line
where a step begins, in the step's colour; the first has none.  Green is healthy, yellow a warning,
red critical, and what the records give no name is dim.
"""

from __future__ import annotations

from typing import Final

from grafana.palette import BACKGROUNDS, COLOURS
from grafana.panels import Steps
from sanctum_exporter import thresholds

BLEND_SUCCESS: Final[Steps] = (
    (None, COLOURS["red"]),
    (thresholds.BLEND_SUCCESS_CRITICAL, COLOURS["yellow"]),
    (thresholds.BLEND_SUCCESS_HEALTHY, COLOURS["green"]),
)
LIFESPAN: Final[Steps] = (
    (None, COLOURS["red"]),
    (thresholds.LIFESPAN_CRITICAL_EPOCHS, COLOURS["yellow"]),
    (thresholds.LIFESPAN_HEALTHY_EPOCHS, COLOURS["green"]),
)
PRUNE_RATE: Final[Steps] = (
    (None, COLOURS["green"]),
    (thresholds.PRUNE_RATE_HIGH, COLOURS["yellow"]),
    (thresholds.PRUNE_RATE_CRITICAL, COLOURS["red"]),
)
ACTIVE: Final[Steps] = (
    (None, COLOURS["yellow"]),
    (round(1 - thresholds.DORMANT_WARNING, 4), COLOURS["dim"]),
    (round(1 - thresholds.DORMANT_HEALTHY, 4), COLOURS["green"]),
)
"""The limits of dormant slots, seen from the other side: what is not DORMANT is active."""
SILENCE: Final[Steps] = (
    (None, COLOURS["green"]),
    (thresholds.SILENCE_SECONDS, COLOURS["yellow"]),
)

DORMANT_TEXT: Final = (
    f"healthy below {thresholds.percent(thresholds.DORMANT_HEALTHY)}, "
    f"a warning above {thresholds.percent(thresholds.DORMANT_WARNING)}."
)
PRUNE_RATE_TEXT: Final = (
    f"a warning from {thresholds.PRUNE_RATE_HIGH} per episode, "
    f"critical above {thresholds.PRUNE_RATE_CRITICAL}."
)
PRUNE_RATE_HEALTHY: Final = f"{thresholds.PRUNE_RATE_LOW:g} to {thresholds.PRUNE_RATE_HIGH}"
HEALTHY_TEXT: Final = (
    f"less than {thresholds.percent(thresholds.DORMANT_HEALTHY)} dormant, "
    f"{PRUNE_RATE_HEALTHY} seeds pruned per episode, "
    f"blend success from {thresholds.percent(thresholds.BLEND_SUCCESS_HEALTHY)}, "
    f"lifespan from {thresholds.LIFESPAN_HEALTHY_EPOCHS} epochs."
)
BLEND_TEXT: Final = (
    f"Healthy from {thresholds.percent(thresholds.BLEND_SUCCESS_HEALTHY)}, "
    f"critical below {thresholds.percent(thresholds.BLEND_SUCCESS_CRITICAL)}."
)
BLEND_COLOURS_TEXT: Final = (
    f"green from {thresholds.percent(thresholds.BLEND_SUCCESS_HEALTHY)}, "
    f"yellow from {thresholds.percent(thresholds.BLEND_SUCCESS_CRITICAL)}, red below."
)
LIFESPAN_TEXT: Final = (
    f"healthy from {thresholds.LIFESPAN_HEALTHY_EPOCHS} epochs, "
    f"critical below {thresholds.LIFESPAN_CRITICAL_EPOCHS}."
)


def on_background(steps: Steps) -> Steps:
    """Return steps for a cell that has their colour behind its text; what is healthy has none."""
    names = {value: name for name, value in COLOURS.items()}
    return [
        (value, "transparent" if names[colour] in ("green", "dim") else BACKGROUNDS[names[colour]])
        for value, colour in steps
    ]
