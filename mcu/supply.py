"""The servos' supply, where a pin measures it: servos that pull it down lose their torque without a word."""

import board
from machine import ADC, Pin
from micropython import const

_READ_EVERY = const(5)  # ticks
_LOW_READINGS = const(3)  # a start draws a short dip, which is none
_GOOD_READINGS = const(20)
_FULL_SCALE = const(65535)


class Supply:
    """measured: whether a pin measures it. millivolts: as last read, or 0. low: it has been too low, and not
    good since."""

    def __init__(self) -> None:
        self.millivolts = 0
        self.low = False
        self._adc = None if board.SUPPLY_PIN is None else ADC(Pin(board.SUPPLY_PIN), **board.SUPPLY_ADC)
        self.measured = self._adc is not None
        self._ticks = 0
        self._readings = 0

    def tick(self) -> None:
        """Reads the pin every few ticks."""
        if self._adc is None:
            return
        self._ticks += 1
        if self._ticks < _READ_EVERY:
            return
        self._ticks = 0
        self.millivolts = self._adc.read_u16() * board.SUPPLY_FULL_SCALE_MV // _FULL_SCALE
        if self.low:
            against = self.millivolts >= board.SUPPLY_GOOD_MV
        else:
            against = self.millivolts < board.SUPPLY_LOW_MV
        self._readings = self._readings + 1 if against else 0
        if self._readings >= (_GOOD_READINGS if self.low else _LOW_READINGS):
            self.low = not self.low
            self._readings = 0
