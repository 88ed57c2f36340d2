"""Servos on the board's own pins, for small heads: the processor's PWM, and where that ends, its PIO.

An output is a place in SERVO_PINS of board.py.
"""

from array import array

import fast
from drivers import Drivers, Servo
from head_profile import Profile
from machine import PWM, Pin
from micropython import const

_QUARTER_NS = const(250)  # widths are counted in quarters of a microsecond
_PWM_OUTPUTS = const(15)  # GPIO n and n + 16 share one, in the RP2040 and for these pins in the RP2350


class _PwmServo(Servo):
    def __init__(self, pin: int, pwm_hz: int) -> None:
        self._pwm = PWM(Pin(pin), freq=pwm_hz, duty_u16=0)

    def tell(self, quarters: int) -> bool:
        """See Servo."""
        if quarters:
            self._pwm.duty_ns(quarters * _QUARTER_NS)
        else:
            self._pwm.duty_u16(0)
        return True

    def close(self) -> None:
        """See Servo."""
        self._pwm.deinit()


class ServoPins(Drivers):
    """One servo on each pin; more than the PWM has outputs for go to the PIO's state machines."""

    def __init__(self, pins: "tuple[int, ...]") -> None:
        super().__init__()
        self._pins = pins
        self._servos: list[Servo] = []
        self._widths = array("H")
        self._told = array("H")

    def configure(self, profile: Profile) -> None:
        """Takes a profile's outputs and PWM frequency. Raises ValueError for an output that has no pin."""
        highest = max(profile.outputs)
        if highest >= len(self._pins):
            raise ValueError("output " + str(highest) + " has no pin on this board")
        for servo in self._servos:
            servo.close()
        self._servos = []
        self._widths = array("H", bytes(2 * profile.count))
        self._told = array("H", bytes(2 * profile.count))
        taken = set()
        machines = 0
        for output in profile.outputs:
            pin = self._pins[output]
            if pin & _PWM_OUTPUTS in taken:
                self._servos.append(_on_a_state_machine(machines, pin, profile.pwm_hz))
                machines += 1
            else:
                taken.add(pin & _PWM_OUTPUTS)
                self._servos.append(_PwmServo(pin, profile.pwm_hz))

    def start(self) -> None:
        """There is nothing that could fail to answer."""
        self.ready = True

    def write(self, out: "array[int]", profile: Profile, pulses: bytearray) -> None:
        """Tells every servo whose width has changed, or all."""
        fast.widths(out, profile.ends, pulses, self._widths, profile.count)
        whole = self.whole
        self.whole = False
        for i in range(profile.count):
            width = self._widths[i]
            if (whole or width != self._told[i]) and self._servos[i].tell(width):
                self._told[i] = width


def _on_a_state_machine(number: int, pin: int, pwm_hz: int) -> Servo:
    try:
        from pio_servo import PioServo
    except ImportError:
        raise ValueError("there are more servos than this board's PWM has outputs")
    return PioServo(number, pin, pwm_hz)
