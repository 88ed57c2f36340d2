"""The parts of MicroPython's `machine` that the firmware uses, for a board that is a process.

Bus writes go to the simulation with their time. A transfer takes no time here (2.5 ms for 26 servos at
400 kHz on a microcontroller).
"""

import clock
import simulation


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
    """A watchdog that the process has no need of: whoever started it sees that it hangs."""

    def __init__(self, *, timeout):
        self._timeout = timeout

    def feed(self):
        """Says that the firmware is alive."""
