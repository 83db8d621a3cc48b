"""Every limit of esper-lite's records, once: the panel, the rules and the dashboards take it here.

Ratios are 0 to 1. Source: the health thresholds of the records TELE-500 to TELE-513.
"""

from __future__ import annotations

from typing import Final

BLEND_SUCCESS_HEALTHY: Final = 0.70
"""TELE-512: fossilized among the seeds that ended; healthy from here."""
BLEND_SUCCESS_CRITICAL: Final = 0.50
"""TELE-512: critical below, a warning up to what is healthy."""

LIFESPAN_HEALTHY_EPOCHS: Final = 10
"""TELE-513: mean epochs that ended seeds lived; healthy from here."""
LIFESPAN_CRITICAL_EPOCHS: Final = 5
"""TELE-513: critical below, a warning up to what is healthy."""

PRUNE_RATE_LOW: Final = 0.1
"""TELE-507: seeds pruned per episode; healthy from here."""
PRUNE_RATE_HIGH: Final = 1
"""TELE-507: healthy up to here, then a warning."""
PRUNE_RATE_CRITICAL: Final = 2
"""TELE-507: critical above."""

DORMANT_HEALTHY: Final = 0.80
"""TELE-501: share of the slots that are DORMANT; healthy below."""
DORMANT_WARNING: Final = 0.90
"""TELE-501: a warning above."""
EXTENDED_PERIOD_MINUTES: Final = 30
"""TELE-501 and TELE-502: how long slots may all, or nearly all, be DORMANT while training runs."""

SILENCE_SECONDS: Final = 600
"""How old the newest event of a run that is under way may be."""
SILENCE_TIMES: Final = 2
"""How many times as long as it was ever silent before, at least, it may be silent."""

SILENCE_ESCALATES_SECONDS: Final = 720
"""How old, when it is worth waking somebody up."""
SILENCE_ESCALATES_TIMES: Final = 3
"""How many times as long as ever before, then."""
PACE_KNOWN_SECONDS: Final = 60
"""A run that was heard of for so long has shown its pace, also without a whole epoch."""
FIRST_SILENCE_SECONDS: Final = 2700
"""How old its newest event may be before that."""

FORGOTTEN_SECONDS: Final = 3600
"""A run that was not heard of for so long is the past: nobody is told of it any more."""
NEAR_END_SECONDS: Final = 300
"""A run that goes when it has no longer to go by its own estimate may well have finished."""


def percent(ratio: float) -> str:
    """Return a ratio as people read it: 0.7 is 70 %."""
    return f"{ratio:.0%}".replace("%", " %")
