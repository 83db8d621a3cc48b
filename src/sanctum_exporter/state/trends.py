"""Whether the seeds per episode rise or fall."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sanctum_exporter.readings import Trend

_SPAN: Final = 5
_SHARE: Final = 0.2
_FLOOR: Final = 0.01


def trend(rates: Iterable[float]) -> Trend:
    """Compare the last five of up to 20 rates with the five before them (TELE-509 to TELE-511).

    With fewer than ten, the first five are the older ones; with fewer than five, all is stable.
    """
    samples = list(rates)
    if len(samples) < _SPAN:
        return "stable"
    recent = samples[-_SPAN:]
    older = samples[-2 * _SPAN :][:_SPAN]
    older_mean = sum(older) / _SPAN
    change = sum(recent) / _SPAN - older_mean
    threshold = _SHARE * max(abs(older_mean), _FLOOR)
    if change > threshold:
        return "rising"
    return "falling" if change < -threshold else "stable"
