"""Servo pulses by a state machine of the RP2040's PIO, for pins that its PWM has no output for."""

import rp2
from drivers import Servo
from machine import Pin

_CLOCK_HZ = 4_000_000  # a quarter of a microsecond
_OVERHEAD = 2  # what a pulse takes besides its count
_FIFO_ROOM = 2  # the newest width is taken once a period, ticks come more often
_MIDDLE_QUARTERS = 6_000  # with pulses of 1.5 ms the period is exact


@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def _pulses():
    wrap_target()
    pull(noblock)  # the newest width; where none has come, X once more
    mov(x, osr)
    jmp(not_x, "pause")
    mov(y, x)
    set(pins, 1)
    label("high")
    jmp(y_dec, "high")
    set(pins, 0)
    label("pause")
    mov(y, isr)
    label("low")
    jmp(y_dec, "low")
    wrap()


class PioServo(Servo):
    """One servo on a state machine. Its period is longer for longer pulses, which servos do not mind."""

    def __init__(self, number: int, pin: int, pwm_hz: int) -> None:
        """`number` counts the state machines in use. Raises ValueError when all are."""
        try:
            self._machine = rp2.StateMachine(number, _pulses, freq=_CLOCK_HZ, set_base=Pin(pin))
        except (OSError, ValueError):
            raise ValueError("there are more servos than this board's PWM and PIO have outputs")
        # The pause between two pulses stays in ISR; X begins at 0: no pulses yet.
        self._machine.put(_CLOCK_HZ // pwm_hz - _MIDDLE_QUARTERS)
        self._machine.exec("pull()")
        self._machine.exec("mov(isr, osr)")
        self._machine.exec("set(x, 0)")
        self._machine.active(1)

    def tell(self, quarters: int) -> bool:
        """See Servo."""
        if self._machine.tx_fifo() >= _FIFO_ROOM:
            return False
        self._machine.put(quarters - _OVERHEAD if quarters else 0)
        return True

    def close(self) -> None:
        """See Servo."""
        self._machine.active(0)
