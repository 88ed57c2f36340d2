"""Board time: milliseconds that every frame is stamped in, counted from one microsecond clock."""

import clock
from micropython import const

PERIOD_MS = const(10)
TICK_HZ = const(100)
_PERIOD_US = const(10_000)


class TimeBase:
    """When the next tick is due, and what time it is.

    Board time is the time of the next tick plus what the microsecond clock says beyond it, so a tick's time
    is exact however late it starts.
    """

    def __init__(self) -> None:
        self.tick_us = clock.ticks_us()  # when the next tick is due
        self.tick_ms = clock.ticks_ms()  # the same as board time

    def split(self, at_us: int) -> "tuple[int, int]":
        """Board time at a microsecond count not long ago: milliseconds, 30 bits, and microseconds, 0..999."""
        beyond = clock.ticks_diff(at_us, self.tick_us)
        return clock.ticks_add(self.tick_ms, beyond // 1000), beyond % 1000

    def now_ms(self) -> int:
        """Board time, 30 bits."""
        return clock.ticks_add(self.tick_ms, clock.ticks_diff(clock.ticks_us(), self.tick_us) // 1000)

    def lateness_us(self) -> int:
        """Microseconds since the next tick is due; negative before."""
        return clock.ticks_diff(clock.ticks_us(), self.tick_us)

    def advance(self) -> None:
        """To the next tick that is not yet a whole period late; the ones between are left out."""
        self.tick_us = clock.ticks_add(self.tick_us, _PERIOD_US)
        self.tick_ms = clock.ticks_add(self.tick_ms, PERIOD_MS)
        while self.lateness_us() >= _PERIOD_US:
            self.tick_us = clock.ticks_add(self.tick_us, _PERIOD_US)
            self.tick_ms = clock.ticks_add(self.tick_ms, PERIOD_MS)
