"""The parts of MicroPython's `machine` that the firmware uses, for a board that is a process.

Bus writes go to the simulation with their time. A transfer takes no time here (2.5 ms for 26 servos at
400 kHz on a microcontroller).
"""

import sys
from array import array

import clock
import simulation

_ITIMER_REAL = 0


def reset():
    """Restarts the board: repl.py, or whoever started this process, sees to it."""
    raise SystemExit


class Pin:
    """A pin that is connected to nothing but a bus."""

    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    PULL_UP = 1

    def __init__(self, number, mode=IN, pull=None, value=1):
        self.number = number
        self._value = value

    def value(self, new=None):
        """Sets the pin's level, or returns it."""
        if new is None:
            return self._value
        self._value = new


class I2C:
    """A bus whose writes the simulation sees."""

    def __init__(self, unit, *, scl=None, sda=None, freq=400000):
        self._unit = unit

    def writeto_mem(self, address, register, data):
        """Writes the bytes to the chip's registers, from `register` on."""
        simulation.report(
            simulation.BUS_WRITE, self._unit, address, register, clock.ticks_us(), len(data), data
        )


class ADC:
    """An analogue input with nothing on it."""

    def __init__(self, pin):
        self._pin = pin

    def read_u16(self):
        """0 to 65535."""
        return 0


class WDT:
    """A watchdog: the kernel's timer ends a process that does not feed it; firmware_process.py restarts it.

    In virtual time, and under CPython, there is none: whoever started the process sees that it hangs.
    """

    def __init__(self, *, timeout):
        self._set = None
        if sys.implementation.name == "micropython" and not simulation.virtual:
            import ffi

            self._set = ffi.open(None).func("i", "setitimer", "ipp")
            # Once, after so many seconds and microseconds.
            self._time = array("l", (0, 0, timeout // 1000, timeout % 1000 * 1000))
        self.feed()

    def feed(self):
        """Says that the firmware is alive."""
        if self._set is not None:
            self._set(_ITIMER_REAL, self._time, None)
