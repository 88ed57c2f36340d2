"""The firmware: starts at rest if it knows a head profile, ticks 100 times a second, serves the host."""

import gc

import board
import head_profile
import micropython
from answers import Answers
from clock import idle_until
from head import Head
from machine import I2C, Pin
from micropython import const
from pca9685 import Drivers
from serial_port import SerialPort
from timebase import TimeBase
from wire import Wire

_REPORT_TICKS = const(50)  # a status twice a second
_COLLECT_TICKS = const(100)
_NO_INTERRUPT = const(-1)
_CONTROL_C = const(3)


class Firmware:
    """The parts put together, and the loop's one round."""

    def __init__(self) -> None:
        self.timebase = TimeBase()
        bus = I2C(
            board.I2C_UNIT, scl=Pin(board.I2C_SCL_PIN), sda=Pin(board.I2C_SDA_PIN), freq=board.I2C_FREQUENCY
        )
        drivers = Drivers(bus, board.PCA9685_ADDRESSES, board.PCA9685_OSCILLATOR_KHZ)
        self.head = Head(drivers, self.timebase)
        self._start_at_rest()
        self._answers = Answers(self.head, self.timebase)
        self.wire = Wire(SerialPort(), self.head, self._answers)

    def _start_at_rest(self) -> None:
        profile = head_profile.load(board.PROFILE_FILE)
        if profile is not None:
            try:
                self.head.configure(profile, True)
            except ValueError:  # kept when the board had other chips: as good as none
                pass

    def turn(self) -> None:
        """Waits for the next tick or bytes; then does what is due."""
        timebase = self.timebase
        idle_until(timebase.tick_us)
        late_us = timebase.lateness_us()
        if late_us >= 0:
            self.head.tick()
            self.head.counters.add_tick(late_us, timebase.lateness_us() - late_us)
            timebase.advance()
            self._after_tick()
        self.wire.poll()

    def _after_tick(self) -> None:
        """What may allocate, or take its time, comes right after a tick: the next one is furthest off.

        Memory is tidied before it can run short. Ticks and motion frames allocate nothing, so a collection
        that is set off by want of memory can fall into a request only, when a host sends a great many.
        """
        counters = self.head.counters
        self.wire.tick()
        if counters.ticks % _COLLECT_TICKS == 0:
            gc.collect()
            counters.free_bytes = gc.mem_free()
        if counters.ticks % _REPORT_TICKS == _REPORT_TICKS // 2 and self.head.session and self.wire.listening:
            self.wire.send(self._answers.report())


def run() -> None:
    """Runs until the host asks for the REPL."""
    micropython.kbd_intr(_NO_INTERRUPT)  # 3 is a byte like any other in a frame
    firmware = Firmware()
    try:
        while not firmware.wire.escaped:
            firmware.turn()
    finally:
        firmware.head.release()
        micropython.kbd_intr(_CONTROL_C)
