"""The parts of MicroPython's `machine` that the firmware uses, for a board that is a process.

Bus writes go to the simulation with their time. A transfer takes no time here (2.5 ms for 26 servos at
400 kHz on a microcontroller).
"""

import clock
import simulation


class Pin:
    """A pin that is connected to nothing but a bus."""

    IN = 0
    OUT = 1

    def __init__(self, number, mode=IN, value=0):
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
