"""The servo drivers: PCA9685 chips on one I2C bus, each written once a tick.

The bus is slow, so a burst has only the groups of four pins among which something has changed. A chip without
a change gets a register that stays as it is: one that does not answer is noticed in the same tick. A few
times a second each gets everything, in case it has lost something, and all do when pulses come on or go off.

Register numbers and the reset sequence are from NXP's PCA9685 data sheet, revision 4.
"""

from array import array

import fast
import micropython
from drivers import Drivers
from head_profile import Profile
from machine import I2C
from micropython import const

_MODE1 = const(0x00)
_MODE2 = const(0x01)
_LED0_ON_L = const(0x06)
_ALL_LED_OFF_H = const(0xFD)
_PRESCALE = const(0xFE)
_SLEEP = b"\x10"
_AWAKE = b"\x20"  # with register auto-increment, which the bursts need
_TOTEM_POLE = b"\x04"
_FULL_OFF = b"\x10"
_PINS = const(16)
_REGISTERS = const(4)  # for each pin: on low, on high, off low, off high
_GROUPS = const(4)  # of a chip's pins, as many pins each
_GROUP_BYTES = const(16)
_ALL_HZ = const(4)


class Pca9685(Drivers):
    """The chips that a profile uses; ready when all answered last time."""

    def __init__(self, bus: I2C, addresses: "tuple[int, ...]", oscillator_khz: int) -> None:
        super().__init__()
        self._bus = bus
        self._addresses = addresses
        self._oscillator_khz = oscillator_khz
        self._chips = 0
        self._prescale = bytearray(1)
        self._counts_per_us = 0
        self._bounds = array("H")
        self._counts = array("H")
        self._data = bytearray(len(addresses) * _PINS * _REGISTERS)
        # Slicing allocates: what may be written is made once. Of each chip all its pins in use, and
        # [chip * 16 + first * 4 + last] those from one group to another.
        self._bursts: list[memoryview] = []
        self._parts: list[memoryview | None] = []
        self._spans = bytearray(2 * len(addresses))  # as kernels_plain.registers says
        self._ticks = 0
        self._all_ticks = 1  # after so many, it begins again with each chip's turn to get everything

    def configure(self, profile: Profile) -> None:
        """Takes a profile's outputs and PWM frequency. Raises ValueError for a chip that this board lacks."""
        highest = max(profile.outputs)
        if highest >= len(self._addresses) * _PINS:
            raise ValueError("output " + str(highest) + " is on a chip that this board does not have")
        self._silence()
        self.ready = False
        self._chips = highest // _PINS + 1
        # Data sheet 7.3.5; the pulse widths count in the period that the rounded prescale really makes.
        step = (self._oscillator_khz * 1000 + 2048 * profile.pwm_hz) // (4096 * profile.pwm_hz)
        self._prescale[0] = step - 1
        self._counts_per_us = (self._oscillator_khz << 14) // (step * 1000)
        self._bounds = array("H", bytes(4 * profile.count))
        self._counts = array("H", bytes(2 * profile.count))
        for i in range(profile.count):
            shortest, longest = sorted(profile.ends[2 * i : 2 * i + 2])
            self._bounds[2 * i] = (shortest * self._counts_per_us + 16383) >> 14
            self._bounds[2 * i + 1] = (longest * self._counts_per_us) >> 14
        for pin in range(len(self._data) // _REGISTERS):
            self._data[pin * _REGISTERS + 3] = _FULL_OFF[0]
        self._all_ticks = profile.tick_hz // _ALL_HZ
        self._bursts = []
        self._parts = []
        for chip in range(self._chips):
            first = chip * _PINS
            last = first
            for output in profile.outputs:
                if last < output < first + _PINS:
                    last = output
            burst = memoryview(self._data)[first * _REGISTERS : (last + 1) * _REGISTERS]
            self._bursts.append(burst)
            for group in range(_GROUPS):
                for end in range(1, _GROUPS + 1):
                    part = burst[group * _GROUP_BYTES : end * _GROUP_BYTES] if group < end else None
                    self._parts.append(part)

    def _silence(self) -> None:
        """No pulses from the chips in use: the next profile may not know of all."""
        for chip in range(self._chips):
            try:
                self._bus.writeto_mem(self._addresses[chip], _ALL_LED_OFF_H, _FULL_OFF)
            except OSError:
                self.errors += 1

    def start(self) -> None:
        """Sets up every chip with all outputs off. Its oscillator needs 0.5 ms before the first pulses."""
        bus = self._bus
        self.whole = True
        try:
            for chip in range(self._chips):
                address = self._addresses[chip]
                bus.writeto_mem(address, _ALL_LED_OFF_H, _FULL_OFF)
                bus.writeto_mem(address, _MODE1, _SLEEP)
                bus.writeto_mem(address, _PRESCALE, self._prescale)
                bus.writeto_mem(address, _MODE2, _TOTEM_POLE)
                bus.writeto_mem(address, _MODE1, _AWAKE)
            self.ready = True
        except OSError:
            self.errors += 1
            self.ready = False

    @micropython.native
    def write(self, out: "array[int]", profile: Profile, pulses: bytearray) -> None:
        """One burst to each chip: pulses for the channels that shall have them, none for the others."""
        bus = self._bus
        addresses = self._addresses
        spans = self._spans
        chips = self._chips
        switched = fast.registers(
            out,
            profile.ends,
            profile.outputs,
            self._counts_per_us,
            self._bounds,
            self._counts,
            self._data,
            pulses,
            profile.count,
            spans,
            chips,
        )
        everything = self.whole or switched
        self.whole = False
        turn = self._ticks = (self._ticks + 1) % self._all_ticks
        chip = 0
        try:
            while chip < chips:
                group = spans[2 * chip]
                end = spans[2 * chip + 1]
                if everything or turn == chip:
                    bus.writeto_mem(addresses[chip], _LED0_ON_L, self._bursts[chip])
                elif group < end:
                    part = self._parts[chip * _PINS + group * _GROUPS + end - 1]
                    bus.writeto_mem(addresses[chip], _LED0_ON_L + group * _GROUP_BYTES, part)
                else:
                    bus.writeto_mem(addresses[chip], _MODE2, _TOTEM_POLE)
                chip += 1
        except OSError:
            self.errors += 1
            self.ready = False
