"""Board time: milliseconds that every frame is stamped in, counted from one microsecond clock."""

import clock
from micropython import const

_DEFAULT_HZ = const(100)


class TimeBase:
    """When the next tick is due, and what time it is.

    Board time is the time of the next tick plus what the microsecond clock says beyond it, so a tick's time
    is exact however late it starts. tick_hz is the profile's to choose; period_ms is that of one tick.
    """

    def __init__(self) -> None:
        self.tick_hz = _DEFAULT_HZ
        self.period_ms = 1000 // _DEFAULT_HZ
        self.tick_us = clock.ticks_us()  # when the next tick is due
        self.tick_ms = clock.ticks_ms()  # the same as board time

    def set_rate(self, tick_hz: int) -> None:
        """Ticks so often from the next one on; 1000 is a multiple of it."""
        self.tick_hz = tick_hz
        self.period_ms = 1000 // tick_hz

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
        period_us = self.period_ms * 1000
        self._next(period_us)
        while self.lateness_us() >= period_us:
            self._next(period_us)

    def _next(self, period_us: int) -> None:
        self.tick_us = clock.ticks_add(self.tick_us, period_us)
        self.tick_ms = clock.ticks_add(self.tick_ms, self.period_ms)
