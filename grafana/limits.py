"""The limits of the records as steps of colour, the same on every dashboard.

A step is the value that it begins at, None for the first, and its colour.
"""

from __future__ import annotations

from typing import Final

from grafana.panels import Steps
from sanctum_exporter import thresholds

BLEND_SUCCESS: Final[Steps] = (
    (None, "red"),
    (thresholds.BLEND_SUCCESS_CRITICAL, "yellow"),
    (thresholds.BLEND_SUCCESS_HEALTHY, "green"),
)
LIFESPAN: Final[Steps] = (
    (None, "red"),
    (thresholds.LIFESPAN_CRITICAL_EPOCHS, "yellow"),
    (thresholds.LIFESPAN_HEALTHY_EPOCHS, "green"),
)
PRUNE_RATE: Final[Steps] = (
    (None, "green"),
    (thresholds.PRUNE_RATE_HIGH, "yellow"),
    (thresholds.PRUNE_RATE_CRITICAL, "red"),
)
DORMANT: Final[Steps] = (
    (None, "green"),
    (thresholds.DORMANT_HEALTHY, "yellow"),
    (thresholds.DORMANT_WARNING, "red"),
)
# Two minutes are longer than any epoch that is not worth a look.
AGE: Final[Steps] = ((None, "green"), (120, "yellow"), (thresholds.SILENCE_SECONDS, "red"))

DORMANT_TEXT: Final = (
    f"healthy below {thresholds.percent(thresholds.DORMANT_HEALTHY)}, "
    f"a warning above {thresholds.percent(thresholds.DORMANT_WARNING)}."
)
PRUNE_RATE_TEXT: Final = (
    f"a warning from {thresholds.PRUNE_RATE_HIGH} per episode, "
    f"critical above {thresholds.PRUNE_RATE_CRITICAL}."
)
HEALTHY_TEXT: Final = (
    f"less than {thresholds.percent(thresholds.DORMANT_HEALTHY)} dormant, "
    f"{thresholds.PRUNE_RATE_LOW:g} to {thresholds.PRUNE_RATE_HIGH} seeds pruned per episode, "
    f"blend success from {thresholds.percent(thresholds.BLEND_SUCCESS_HEALTHY)}, "
    f"lifespan from {thresholds.LIFESPAN_HEALTHY_EPOCHS} epochs."
)
BLEND_TEXT: Final = (
    f"Healthy from {thresholds.percent(thresholds.BLEND_SUCCESS_HEALTHY)}, "
    f"critical below {thresholds.percent(thresholds.BLEND_SUCCESS_CRITICAL)}."
)
LIFESPAN_TEXT: Final = (
    f"healthy from {thresholds.LIFESPAN_HEALTHY_EPOCHS} epochs, "
    f"critical below {thresholds.LIFESPAN_CRITICAL_EPOCHS}."
)


def without_healthy(steps: Steps) -> Steps:
    """Return steps of a graph in which what is healthy has no line of its own."""
    return tuple((value, "transparent" if colour == "green" else colour) for value, colour in steps)
