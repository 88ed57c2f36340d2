"""A board whose clock, bus and wire are driven by the program that runs it, without a process at the far end.

For programs that need millions of ticks or frames, where a pipe for each would be far too slow. To be
imported before the firmware; the process is started in virtual time (start.py).
"""

import micropython
import simulation
from micropython import const

_CHIPS = const(2)
_REGISTERS = const(256)
_FIRST_ADDRESS = const(0x40)
_LED0_OFF_H = const(0x09)
_ALL_LED_OFF_H = const(0xFD)
_PINS = const(16)
_FULL_OFF = const(0x10)
_GRANT_US = const(1_000_000)
_NO_DEVICE = const(19)

registers = [bytearray(_REGISTERS) for _ in range(_CHIPS)]  # of each servo driver, as last written
plugged_in = True  # whether the servo drivers answer


def unplug(unplugged):
    """Takes the servo drivers off the board, their power with them, or puts them back."""
    global plugged_in
    plugged_in = not unplugged
    for chip in registers:
        for pin in range(_PINS):
            chip[_LED0_OFF_H + 4 * pin] = _FULL_OFF


def restart(start_ms):
    """A board that has just got power: its clock starts there, its chips have no pulses."""
    unplug(False)
    clock.start_at(start_ms)


def _report(kind, unit, address, register, time_us, length, data=None):
    if kind == simulation.BUS_WRITE:
        if not plugged_in:
            raise OSError(_NO_DEVICE)
        _write(registers[address - _FIRST_ADDRESS], register, data, length)


@micropython.native
def _write(chip, register, data, length):
    if register == _ALL_LED_OFF_H:
        for pin in range(_PINS):
            chip[_LED0_OFF_H + 4 * pin] = data[0]
    else:
        for i in range(length):
            chip[register + i] = data[i]


def _next_grant():
    return _GRANT_US, 0


simulation.report = _report
simulation.next_grant = _next_grant

import clock  # noqa: E402  (it reports its start)


class Wire:
    """The serial port's other end. sent: what the firmware has written since it was last cleared."""

    def __init__(self):
        self.sent = []
        self._data = b""
        self._position = 0
        self._most = 0

    def give(self, data, most):
        """Bytes for the firmware, which gets at most so many at once."""
        self._data = data
        self._position = 0
        self._most = most

    @property
    def unread(self):
        """How many bytes the firmware has not taken yet."""
        return len(self._data) - self._position

    @micropython.native
    def readinto(self, buffer):
        """The firmware takes what fits; returns how many bytes."""
        position = self._position
        data = self._data
        count = len(data) - position
        if count > self._most:
            count = self._most
        if count > len(buffer):
            count = len(buffer)
        for i in range(count):
            buffer[i] = data[position + i]
        self._position = position + count
        return count

    def write(self, buffer):
        """The firmware says something."""
        self.sent.append(bytes(buffer))
