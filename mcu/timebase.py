"""Board time: milliseconds that every frame is stamped in, counted from one microsecond clock."""

import micropython
from clock import ticks_add, ticks_diff, ticks_ms, ticks_us
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
        self.tick_us = ticks_us()  # when the next tick is due
        self.tick_ms = ticks_ms()  # the same as board time

    def set_rate(self, tick_hz: int) -> None:
        """Ticks so often from the next one on; 1000 is a multiple of it."""
        self.tick_hz = tick_hz
        self.period_ms = 1000 // tick_hz

    def split(self, at_us: int) -> "tuple[int, int]":
        """Board time at a microsecond count not long ago: milliseconds, 30 bits, and microseconds, 0..999."""
        beyond = ticks_diff(at_us, self.tick_us)
        return ticks_add(self.tick_ms, beyond // 1000), beyond % 1000

    @micropython.native
    def now_ms(self) -> int:
        """Board time, 30 bits."""
        return ticks_add(self.tick_ms, ticks_diff(ticks_us(), self.tick_us) // 1000)

    @micropython.native
    def lateness_us(self) -> int:
        """Microseconds since the next tick is due; negative before."""
        return ticks_diff(ticks_us(), self.tick_us)

    @micropython.native
    def advance(self) -> None:
        """To the next tick that is not yet a whole period late; the ones between are left out."""
        period_ms = self.period_ms
        period_us = period_ms * 1000
        tick_us = ticks_add(self.tick_us, period_us)
        tick_ms = ticks_add(self.tick_ms, period_ms)
        while ticks_diff(ticks_us(), tick_us) >= period_us:
            tick_us = ticks_add(tick_us, period_us)
            tick_ms = ticks_add(tick_ms, period_ms)
        self.tick_us = tick_us
        self.tick_ms = tick_ms
