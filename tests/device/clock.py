"""A clock that the test moves, with the arithmetic of a board's.

Sums stay within 30 bits: on a 32-bit MicroPython a longer integer would be allocated, which no board's clock
does, and which the tests of allocation would count.
"""

_MASK = 0x3FFFFFFF
_HALF = 0x20000000

_now_us = 0
_now_ms = 0
_part_us = 0


def set_ms(milliseconds):
    global _now_us, _now_ms, _part_us
    _now_ms = milliseconds & _MASK
    _now_us = (milliseconds * 1000) & _MASK
    _part_us = 0


def advance(duration_us):
    global _now_us, _now_ms, _part_us
    _now_us = ticks_add(_now_us, duration_us)
    _part_us += duration_us
    _now_ms = ticks_add(_now_ms, _part_us // 1000)
    _part_us %= 1000


def ticks_us():
    return _now_us


def ticks_ms():
    return _now_ms


def ticks_diff(end, start):
    difference = end - start
    if difference >= _HALF:
        return difference - _HALF - _HALF
    if difference < -_HALF:
        return difference + _HALF + _HALF
    return difference


def ticks_add(count, difference):
    moved = count - _HALF + difference
    if moved >= _HALF:
        moved = moved - _HALF - _HALF
    elif moved < -_HALF:
        moved = moved + _HALF + _HALF
    return moved + _HALF


def wake_on(stream, gather_us):
    """The test wakes the firmware itself."""


def idle_until(deadline_us):
    """The test has moved the clock already."""
