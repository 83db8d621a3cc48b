"""Time that tests set."""

from __future__ import annotations


class Clock:
    """Seconds that stand still until a test moves them."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return them."""
        return self.now
