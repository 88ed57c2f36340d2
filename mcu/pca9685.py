"""The servo drivers: PCA9685 chips on one I2C bus, each written in one burst a tick.

Register numbers and the reset sequence are from NXP's PCA9685 data sheet, revision 4.
"""

from array import array

import fast
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
        self._bursts: list[memoryview] = []

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
        self._bursts = []
        for chip in range(self._chips):
            first = chip * _PINS
            last = first
            for output in profile.outputs:
                if last < output < first + _PINS:
                    last = output
            self._bursts.append(memoryview(self._data)[first * _REGISTERS : (last + 1) * _REGISTERS])

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

    def write(self, out: "array[int]", profile: Profile, pulses: bytearray) -> None:
        """One burst to each chip: pulses for the channels that shall have them, none for the others."""
        fast.registers(
            out,
            profile.ends,
            profile.outputs,
            self._counts_per_us,
            self._bounds,
            self._counts,
            self._data,
            pulses,
            profile.count,
        )
        try:
            for chip in range(self._chips):
                self._bus.writeto_mem(self._addresses[chip], _LED0_ON_L, self._bursts[chip])
        except OSError:
            self.errors += 1
            self.ready = False
