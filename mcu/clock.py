"""The board's clock: the only module that asks the time. Counts are 30 bits wide and wrap."""

import select
from time import sleep_us

MYPY = False  # true for type checkers
if MYPY:  # to the stubs, ticks are no int
    from typing import Any

    def ticks_us() -> int: ...

    def ticks_ms() -> int: ...

    def ticks_add(count: int, difference: int) -> int: ...

    def ticks_diff(end: int, start: int) -> int: ...

else:
    from time import ticks_add, ticks_diff, ticks_ms, ticks_us

__all__ = ("idle_until", "ticks_add", "ticks_diff", "ticks_ms", "ticks_us", "wake_on")

_poll = select.poll()
_gather_us = 0


def wake_on(stream: "Any", gather_us: int) -> None:
    """From now on `idle_until` ends when this stream has bytes, and has had time to get more."""
    global _gather_us
    _poll.register(stream, select.POLLIN)
    _gather_us = gather_us


def idle_until(deadline_us: int) -> None:
    """Returns at the deadline, or before when bytes have arrived."""
    while True:
        left = ticks_diff(deadline_us, ticks_us())
        if left <= 0:
            return
        for _ in _poll.ipoll(left // 1000):
            if _gather_us:
                sleep_us(max(0, min(_gather_us, ticks_diff(deadline_us, ticks_us()))))
            return
