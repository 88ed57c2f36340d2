"""The servo drivers on the board's I2C bus, at register level: register writes in, pulse widths out.

Follows section 7.3 of NXP's PCA9685 data sheet. What a real chip would ignore, or what no servo driver can
want, is kept in `problems`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ADDRESSES = (0x40, 0x41)  # first and second chip; all address pads open, and A0 bridged
OUTPUTS = 16
STEPS = 4096
OSCILLATOR_HZ = 25_000_000.0

MODE1, MODE2, LED0_ON_L, LED15_OFF_H, ALL_LED_ON_L, PRE_SCALE, TEST_MODE = 0, 1, 6, 69, 250, 254, 255
RESTART, EXTCLK, AUTO_INCREMENT, SLEEP = 0x80, 0x40, 0x20, 0x10
INVERTED = 0x10  # in MODE2
FULL = 0x10  # in a high byte: always on, or always off
LOWEST_PRE_SCALE = 3
MOST_PROBLEMS = 20  # a driver that errs, errs a hundred times a second

Pulses = NDArray[np.float64]


class Pca9685:
    """One chip, 16 outputs. Times are board microseconds, counted on past their wrap."""

    def __init__(self, address: int, oscillator_hz: float = OSCILLATOR_HZ) -> None:
        self.address = address
        self.oscillator_hz = oscillator_hz
        self.problems: list[str] = []
        self._registers = bytearray(256)
        self._registers[MODE1] = 0x11  # asleep, answers to the all-call address
        self._registers[MODE2] = 0x04
        self._registers[PRE_SCALE] = 0x1E
        for high in range(LED0_ON_L + 3, LED15_OFF_H + 1, 4):
            self._registers[high] = FULL
        self._cycle_start_us = 0.0
        self._written_us: float | None = None  # since when new values wait for the end of the cycle
        self._shown: Pulses = np.zeros(OUTPUTS)
        self._changes: list[tuple[float, Pulses]] = []

    @property
    def period_us(self) -> float:
        """Length of one PWM cycle."""
        return STEPS * (self._registers[PRE_SCALE] + 1) * 1e6 / self.oscillator_hz

    def write(self, time_us: float, register: int, data: bytes) -> None:
        """One bus transfer: the first register's number, then its bytes."""
        self._advance(time_us)
        if not data:
            self._problem(f"nothing was written to register {register}")
        increment = bool(self._registers[MODE1] & AUTO_INCREMENT)
        last = register + len(data) - 1
        if increment and register >= LED0_ON_L and last <= LED15_OFF_H:
            self._write_outputs(time_us, register, data)
            return
        if len(data) > 1 and not increment:
            self._problem(f"{len(data)} bytes were written to register {register} without auto-increment")
        if register <= LED15_OFF_H < last:
            self._problem(f"a burst of {len(data)} bytes from register {register} runs past the last output")
        for value in data:
            self._write_byte(time_us, register, value)
            if self._registers[MODE1] & AUTO_INCREMENT:
                # From the last output, as from PRE_SCALE, the count goes round to MODE1.
                register = 0 if register in (LED15_OFF_H, PRE_SCALE) else (register + 1) & 0xFF

    def changes(self, time_us: float) -> list[tuple[float, Pulses]]:
        """What the outputs did up to `time_us`, each change once: (time in us, widths (16,) in us)."""
        self._advance(time_us)
        changes, self._changes = self._changes, []
        return changes

    def _advance(self, time_us: float) -> None:
        """New values go to the outputs at the end of the PWM cycle in which they were written."""
        if self._written_us is None or self._registers[MODE1] & (SLEEP | RESTART):
            return
        period = self.period_us
        cycles = math.ceil((max(self._written_us, self._cycle_start_us) - self._cycle_start_us) / period)
        boundary = self._cycle_start_us + cycles * period
        if boundary <= time_us:
            self._written_us = None
            self._show(boundary, self._widths())

    def _show(self, time_us: float, widths: Pulses) -> None:
        if (widths != self._shown).any():
            self._shown = widths
            self._changes.append((time_us, widths))

    def _widths(self) -> Pulses:
        outputs = np.frombuffer(self._registers, np.uint8)[LED0_ON_L : LED15_OFF_H + 1].reshape(OUTPUTS, 4)
        counts = outputs.astype(np.int64)
        start = counts[:, 0] | (counts[:, 1] & 0x0F) << 8
        end = counts[:, 2] | (counts[:, 3] & 0x0F) << 8
        always_on, always_off = counts[:, 1] & FULL != 0, counts[:, 3] & FULL != 0
        if ((start == end) & ~always_on & ~always_off).any():
            self._problem("an output was given the same count for on and off, which has no defined width")
        if (always_on & ~always_off).any():
            self._problem("an output is always on; a servo needs pulses")
        steps = np.where(always_on, STEPS, (end - start) % STEPS)
        steps[always_off] = 0
        return np.asarray(steps * (self.period_us / STEPS), np.float64)

    def _write_byte(self, time_us: float, register: int, value: int) -> None:
        registers = self._registers
        if register == MODE1:
            self._write_mode1(time_us, value)
        elif register == PRE_SCALE:
            if not registers[MODE1] & SLEEP:
                self._problem("the prescaler was written while the oscillator ran; the chip ignores that")
            else:
                if value < LOWEST_PRE_SCALE:
                    self._problem(f"prescaler {value} is below {LOWEST_PRE_SCALE}, the chip's least")
                registers[PRE_SCALE] = max(value, LOWEST_PRE_SCALE)
        elif LED0_ON_L <= register <= LED15_OFF_H:
            self._write_outputs(time_us, register, bytes((value,)))
        elif ALL_LED_ON_L <= register < PRE_SCALE:
            for output in range(OUTPUTS):
                self._write_outputs(
                    time_us, LED0_ON_L + 4 * output + register - ALL_LED_ON_L, bytes((value,))
                )
        elif register == MODE2 or register < LED0_ON_L:
            if register == MODE2 and value & INVERTED:
                self._problem("MODE2 inverts the outputs; servos need them upright")
            registers[register] = value
        else:
            self._problem(f"register {register} is reserved")

    def _write_mode1(self, time_us: float, value: int) -> None:
        before = self._registers[MODE1]
        if value & EXTCLK:
            self._problem("MODE1 asks for an external clock, and none is connected")
        # The chip sets RESTART when it falls asleep with outputs running; writing a 1 to it clears it.
        waiting = before & RESTART
        if value & SLEEP and not before & SLEEP:
            waiting = RESTART if self._shown.any() else 0
            self._show(time_us, np.zeros(OUTPUTS))
            self._written_us = time_us
        if before & SLEEP and not value & SLEEP:
            self._cycle_start_us = time_us
        if value & RESTART and not value & SLEEP:
            waiting = 0
        self._registers[MODE1] = (value & ~RESTART & 0xFF) | waiting

    def _write_outputs(self, time_us: float, register: int, data: bytes) -> None:
        high_bytes = data[1 - (register - LED0_ON_L) % 2 :: 2]
        if high_bytes and max(high_bytes) > 0x1F:
            self._problem(f"outputs from register {register} on were given bits that are reserved")
        registers = self._registers
        if registers[register : register + len(data)] != data:
            registers[register : register + len(data)] = data
            if self._written_us is None:
                self._written_us = time_us
        registers[MODE1] &= ~RESTART & 0xFF  # a new value also ends the wait for a restart

    def _problem(self, text: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(f"chip {self.address:#04x}: {text}")


class ServoBus:
    """All chips on the bus, and which of their outputs each servo hangs on.

    Attributes:
        problems: What was written that a real chip would ignore or that no servo driver can want.
    """

    def __init__(self, outputs: Sequence[int], addresses: Sequence[int] = ADDRESSES) -> None:
        """`outputs`: for each servo, 16 * chip + pin."""
        self._chips = [Pca9685(address) for address in addresses]
        self._by_address = {chip.address: chip for chip in self._chips}
        self._outputs = np.array(outputs, dtype=np.intp)
        self._widths = np.zeros((len(addresses), OUTPUTS))
        self._unknown: list[str] = []

    @property
    def problems(self) -> list[str]:
        return [*self._unknown, *(text for chip in self._chips for text in chip.problems)]

    def write(self, time_us: float, address: int, register: int, data: bytes) -> None:
        """One bus transfer at this board time."""
        chip = self._by_address.get(address)
        if chip is not None:
            chip.write(time_us, register, data)
        elif len(self._unknown) < MOST_PROBLEMS:
            self._unknown.append(f"no chip has the address {address:#04x}")

    def changes(self, time_us: float) -> list[tuple[float, Pulses]]:
        """Pulse widths of the servos, in order of time up to `time_us`: (time in us, widths (servos,) in us).

        A servo without pulses has width 0. Each change is handed out once.
        """
        found = [
            (at, number, widths)
            for number, chip in enumerate(self._chips)
            for at, widths in chip.changes(time_us)
        ]
        found.sort(key=lambda change: change[:2])
        servos = []
        for at, number, widths in found:
            self._widths[number] = widths
            servos.append((at, self._widths.reshape(-1)[self._outputs]))
        return servos
