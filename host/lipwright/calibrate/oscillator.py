"""How fast the oscillator of a servo driver really is, from what a meter reads on one of its outputs.

PCA9685 chips count pulses with an oscillator that is some percent off, so every pulse is, too. A multimeter
that shows Hz, or a logic analyser, tells how much.
"""

from __future__ import annotations

import os
import select
from dataclasses import dataclass

from facewire.constants import RANGE_MIN_US
from lipwright.boards import Board
from lipwright.calibrate.mover import FRAME_S, Mover
from lipwright.calibrate.servos import CannotDo
from lipwright.calibrate.terminal import signals_raise
from lipwright.calibrate.trial import Trial
from lipwright.calibrate.trial_link import TrialLink

NOMINAL_KHZ = 25_000
PULSE_US = 1500.0
PWM_HZ = 50
STEPS = 4096  # of a PWM period
# Chips in the trade lie between 23 and 27 MHz; a reading that says more is another one.
MOST_OFF = 0.15


@dataclass(frozen=True)
class Expected:
    """What the board makes, if its oscillator is what its settings say."""

    hz: float
    pulse_us: float

    @classmethod
    def of(cls, khz: int) -> Expected:
        """As the firmware works it out (mcu/pca9685.py): whole divisors, whole counts."""
        divisor = (khz * 1000 + STEPS // 2 * PWM_HZ) // (STEPS * PWM_HZ)
        count_us = divisor * 1000 / khz
        return cls(1e6 / (count_us * STEPS), round(PULSE_US / count_us) * count_us)


def true_khz(reading: float, khz: int) -> int:
    """The oscillator in kHz, from a reading in Hz or in us; `khz` is what the board's settings say.

    Raises CannotDo for a reading that is neither.
    """
    expected = Expected.of(khz)
    for share in (reading / expected.hz, expected.pulse_us / reading if reading > 0 else 0.0):
        if abs(share - 1) <= MOST_OFF:
            return round(khz * share)
    raise CannotDo(
        f"{reading:g} is neither near {expected.hz:.2f} Hz nor near {expected.pulse_us:.0f} us: see that the"
        " meter reads the signal pin against GND, and shows Hz, or the time that it is high."
    )


class Answers:
    """Lines from a user, while other things go on. `descriptor`: where they come from."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._heard = b""

    def ask(self, question: str, mover: Mover | None) -> str:
        """The user's next line; the board is kept going meanwhile.

        Raises CannotDo if there is nobody to answer, or the board has let go.
        """
        print(question, end="", flush=True)
        while b"\n" not in self._heard:
            if mover is not None:
                mover.step()
                if not mover.powered:
                    raise CannotDo(mover.let_go_because)
            if select.select([self._descriptor], [], [], FRAME_S)[0]:
                data = os.read(self._descriptor, 1024)
                if not data:
                    raise CannotDo("nobody answers: start it from a terminal.")
                self._heard += data
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode(errors="replace").strip()


def calibrate_oscillator(board: Board, output: int, khz: int, answers: Answers) -> None:
    """Sends a pulse to one output, asks what a meter reads, says what to change. Raises LipwrightError."""
    expected = Expected.of(khz)
    print(f"Output {output} will give {PULSE_US:.0f} us, {PWM_HZ} times a second; all others give nothing.")
    print("Unplug its servo: it would jump to its middle. Then the meter: signal pin against GND.")
    answers.ask("Enter when that is done (Ctrl-C ends) ", None)
    with signals_raise(), TrialLink(board) as link:
        link.connect()
        mover = Mover(link)
        try:
            mover.start(_trial(output))
            print(
                f"The meter should read {expected.hz:.2f} Hz, or {expected.pulse_us:.0f} us high, if"
                f" PCA9685_OSCILLATOR_KHZ = {khz:_} is right."
            )
            found = None
            while found is None:
                said = answers.ask("What does it read (Hz or us)? ", mover)
                try:
                    found = true_khz(float(said.replace(",", ".")), khz)
                except ValueError:
                    print(f"{said!r} is not a number.")
                except CannotDo as error:
                    print(error)
        finally:
            mover.let_go()
    print(f"The oscillator of this driver runs at {found / 1000:.3f} MHz ({(found / khz - 1) * 100:+.1f} %).")
    print(f"In the board's board.py: PCA9685_OSCILLATOR_KHZ = {found:_}")
    print("Then put it on the board: lipwright flash --settings board.py (docs/flashing.md).")


def _trial(output: int) -> Trial:
    half = RANGE_MIN_US / 2
    return Trial.creep(output, PULSE_US - half, PULSE_US + half, PULSE_US, PWM_HZ)
