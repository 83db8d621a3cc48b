"""The limits of the records as steps of colour, the same in every panel.

A step is the value that it begins at, None for the first, and its colour.  A graph has a line
where a step begins, in the step's colour; the first has none.  Green is healthy, yellow a warning,
red critical, and what the records give no name is dim.
"""

from __future__ import annotations

from typing import Final

from grafana.palette import COLOURS
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
    (thresholds.DORMANT_HEALTHY, COLOURS["dim"]),
    (thresholds.DORMANT_WARNING, "yellow"),
)
SILENCE: Final[Steps] = ((None, "green"), (thresholds.SILENCE_SECONDS, "yellow"))

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
