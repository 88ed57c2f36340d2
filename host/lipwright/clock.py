"""What the host tells the time by: no other module asks for it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Time in seconds from some start, and waiting. Whoever waits, waits here: virtual time moves only so."""

    def now(self) -> float:
        """Seconds now."""

    def sleep_until(self, t: float) -> None:
        """Returns at time t, at once if that has passed."""


class RealClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Seconds now."""
        return time.monotonic()

    def sleep_until(self, t: float) -> None:
        """Returns at time t, at once if that has passed."""
        left = t - time.monotonic()
        if left > 0:
            time.sleep(left)
