"""The board's clock: the only module that asks the time. Counts are 30 bits wide and wrap."""

import select
import sys

MYPY = False  # true for type checkers
if MYPY:  # to the stubs, ticks are no int

    def ticks_us() -> int: ...

    def ticks_ms() -> int: ...

    def ticks_add(count: int, difference: int) -> int: ...

    def ticks_diff(end: int, start: int) -> int: ...

else:
    from time import ticks_add, ticks_diff, ticks_ms, ticks_us

__all__ = ("idle_until", "ticks_add", "ticks_diff", "ticks_ms", "ticks_us")

_poll = select.poll()
_poll.register(sys.stdin, select.POLLIN)


def idle_until(deadline_us: int) -> None:
    """Returns at the deadline, or before when bytes have arrived."""
    while True:
        left = ticks_diff(deadline_us, ticks_us())
        if left <= 0:
            return
        for _ in _poll.ipoll(left // 1000):
            return
