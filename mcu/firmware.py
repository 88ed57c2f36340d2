"""The firmware: starts at rest if it knows a head profile, ticks 100 times a second, serves the host."""

import gc

import board
import head_profile
import micropython
from answers import Answers
from clock import idle_until, ticks_diff, ticks_us
from drivers import Drivers
from head import Head
from machine import I2C, WDT, Pin, reset
from micropython import const
from serial_port import SerialPort
from show_player import ShowPlayer
from supply import Supply
from timebase import TimeBase
from wire import Wire

REPL_FILE = "repl"
_NO_INTERRUPT = const(-1)
_CONTROL_C = const(3)


class Firmware:
    """The parts put together, and the loop's one round."""

    def __init__(self) -> None:
        self.timebase = TimeBase()
        self._button = None if board.STOP_PIN is None else Pin(board.STOP_PIN, Pin.IN, Pin.PULL_UP)
        self._supply = Supply()
        self.head = Head(_open_drivers(), self.timebase, self._supply)
        self._press()
        self._start_at_rest()
        self.show_player = ShowPlayer(self.head, self.timebase)
        self._answers = Answers(self.head, self.timebase, self.show_player)
        self.wire = Wire(_open_port(), self.head, self._answers, board.UART_UNIT is None)
        self._update_ticks = 0
        self.restart = False  # new firmware is to be tried

    def _start_at_rest(self) -> None:
        profile = head_profile.load(board.PROFILE_FILE)
        if profile is not None:
            try:
                self.head.configure(profile, True)
            except ValueError:  # kept when the board had other chips: as good as none
                pass

    def _press(self) -> None:
        if self._button is not None:
            self.head.press(self._button.value() == 0)

    @micropython.native
    def turn(self) -> None:
        """Waits for the next tick or bytes; then does what is due."""
        timebase = self.timebase
        tick_us = timebase.tick_us
        idle_until(tick_us)
        late_us = ticks_diff(ticks_us(), tick_us)
        if late_us >= 0:
            head = self.head
            button = self._button
            if button is not None and (button.value() == 0) != head.safety.pressed:
                self._press()
            if self._supply.measured:
                self._supply.tick()
            head.tick()
            head.counters.add_tick(late_us, ticks_diff(ticks_us(), tick_us) - late_us)
            timebase.advance()
            self._after_tick()
        self.wire.poll()

    @micropython.native
    def _after_tick(self) -> None:
        """What may allocate, or take its time, comes right after a tick: the next one is furthest off.

        Memory is tidied before it can run short. Ticks and motion frames allocate nothing, so a collection
        that is set off by want of memory can fall into a request only, when a host sends a great many.
        """
        counters = self.head.counters
        timebase = self.timebase
        tick_hz = timebase.tick_hz
        self.wire.tick(timebase.period_ms)
        if self._answers.updated:  # for a second yet: a host that missed the answer asks again
            self._update_ticks += 1
            self.restart = self._update_ticks > tick_hz
        self.show_player.turn()
        place = counters.ticks % tick_hz
        if place == 0:
            gc.collect()
            counters.free_bytes = gc.mem_free()
        elif place % (tick_hz // 2) == tick_hz // 4 and self.head.session and self.wire.listening:
            self.wire.send(self._answers.report())


def _open_drivers() -> Drivers:
    """What board.py says that the servos hang on. Only that is loaded: memory is short."""
    if board.DRIVER == "pins":
        from servo_pins import ServoPins

        return ServoPins(board.SERVO_PINS)
    if board.DRIVER == "log":
        from pulse_log import PulseLog

        return PulseLog(board.LOG_FILE)
    from pca9685 import Pca9685

    bus = I2C(
        board.I2C_UNIT, scl=Pin(board.I2C_SCL_PIN), sda=Pin(board.I2C_SDA_PIN), freq=board.I2C_FREQUENCY
    )
    return Pca9685(bus, board.PCA9685_ADDRESSES, board.PCA9685_OSCILLATOR_KHZ)


def _open_port() -> SerialPort:
    """What board.py says that the host is at the other end of."""
    if board.UART_UNIT is None:
        return SerialPort()
    from uart_port import UartPort

    return UartPort(board.UART_UNIT, board.UART_TX_PIN, board.UART_RX_PIN)


def run() -> None:
    """Runs until somebody asks for the REPL."""
    # On USB, 3 is a byte like any other in a frame. Beside a UART, USB has the REPL alone.
    micropython.kbd_intr(_NO_INTERRUPT if board.UART_UNIT is None else _CONTROL_C)
    firmware = Firmware()
    watchdog = WDT(timeout=board.WATCHDOG_MS) if board.WATCHDOG_MS else None
    try:
        while not firmware.wire.escaped and not firmware.restart:
            firmware.turn()
            if watchdog is not None:
                watchdog.feed()
    except KeyboardInterrupt:
        pass
    finally:
        firmware.head.release()
        micropython.kbd_intr(_CONTROL_C)
    if firmware.restart:
        reset()
    if watchdog is not None:
        # Nothing stops a watchdog but a restart, and main.py sees from this file that the REPL is wanted.
        with open(REPL_FILE, "w"):
            pass
        reset()
