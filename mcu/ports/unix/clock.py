"""The board's clock where the board is a process: real time, or virtual time that the simulation grants.

The only module that asks the time. Counts wrap at 30 bits, as on every microcontroller. In virtual time the
processor is infinitely fast: the clock stands while the firmware computes and moves on only in `idle_until`.
"""

import time

import descriptors
import simulation
from micropython import const

_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)


# Small integers end at 2**30 - 1 on a 32-bit board: the sums below stay inside, so that nothing is allocated.


def ticks_diff(end, start):
    """Signed difference of two counts, right while they lie less than half a turn apart."""
    difference = end - start
    if difference >= _HALF:
        return difference - _HALF - _HALF
    if difference < -_HALF:
        return difference + _HALF + _HALF
    return difference


def ticks_add(count, difference):
    """A count moved by a difference of less than half a turn."""
    centred = count - _HALF + difference
    if centred >= _HALF:
        return centred - _HALF
    if centred < -_HALF:
        return centred + _HALF + _HALF + _HALF
    return centred + _HALF


if simulation.virtual:
    _now_us = (simulation.start_ms * 1000) & _MASK
    _now_ms = simulation.start_ms & _MASK
    _part_us = 0  # microseconds past _now_ms
    _granted_us = 0
    unread = 0  # bytes that have arrived and that serial_port has not handed out
    written = 0  # bytes written to the wire since the last pause

    simulation.report(simulation.STARTED, 0, 0, 0, _now_us, 0)

    def ticks_us():
        """Microseconds since some start, 30 bits."""
        return _now_us

    def ticks_ms():
        """Milliseconds since some start, 30 bits."""
        return _now_ms

    def start_at(milliseconds):
        """Sets the clock; for a program that runs one board after another."""
        global _now_us, _now_ms, _part_us
        _now_us = (milliseconds * 1000) & _MASK
        _now_ms = milliseconds & _MASK
        _part_us = 0

    def _pass(duration_us):
        global _now_us, _now_ms, _part_us, _granted_us
        _granted_us -= duration_us
        _now_us = ticks_add(_now_us, duration_us)
        part = _part_us + duration_us
        _now_ms = ticks_add(_now_ms, part // 1000)
        _part_us = part % 1000

    def idle_until(deadline_us):
        """Returns at the deadline, or before when bytes have arrived."""
        global _granted_us, unread, written
        left = ticks_diff(deadline_us, _now_us)
        while left > 0 and not unread:
            if left <= _granted_us:
                _pass(left)
                return
            left -= _granted_us
            _pass(_granted_us)
            simulation.report(simulation.PAUSED, 0, 0, 0, _now_us, written)
            written = 0
            _granted_us, arrived = simulation.next_grant()
            unread += arrived

else:
    _machine_us = time.ticks_us() & _MASK
    _offset_us = ticks_diff((simulation.start_ms * 1000) & _MASK, _machine_us)
    _offset_ms = ticks_diff(simulation.start_ms & _MASK, time.ticks_ms() & _MASK)
    _waiting = descriptors.Waiting(simulation.lifeline())
    wake_on = _waiting.add  # serial_port registers itself here

    simulation.report(simulation.STARTED, 0, 0, 0, _machine_us, 0)

    def ticks_us():
        """Microseconds since some start, 30 bits."""
        return ticks_add(time.ticks_us() & _MASK, _offset_us)

    def ticks_ms():
        """Milliseconds since some start, 30 bits."""
        return ticks_add(time.ticks_ms() & _MASK, _offset_ms)

    def idle_until(deadline_us):
        """Returns at the deadline, or before when bytes have arrived."""
        left = ticks_diff(deadline_us, ticks_us())
        if left <= 0 or _waiting.wait(left // 1000):
            return
        left = ticks_diff(deadline_us, ticks_us())
        if left > 0:
            time.sleep_us(left)
