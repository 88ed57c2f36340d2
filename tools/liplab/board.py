"""A board without a board: the real firmware in a process, emulated servo drivers, a head on them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import serial
from numpy.typing import ArrayLike

from facewire.constants import TICKS_MASK
from liplab.bus import ADDRESSES, OUTPUTS, ServoBus
from liplab.firmware_process import (
    BUS_WRITE,
    EXIT_S,
    MEASURED_READ,
    MEASURED_TICK,
    PAUSED,
    STARTED,
    FirmwareProcess,
    Record,
)
from liplab.virtual_time import CountedSerial, VirtualClock
from lipwright.clock import Clock, RealClock
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile

# Longest grant: what the board reports and writes in this time fits the pipe and the pty.
LONGEST_GRANT_US = 500_000
ALL_OUTPUTS = OUTPUTS * len(ADDRESSES)
# Real time: how long the head waits for the next record before it moves on without one, and how far
# behind the clock it stays then, so that a record that is still under way is not late.
PATIENCE_S = 0.1
HOLD_BACK_S = 0.05


class SimulatedHead(Protocol):
    """What the board drives: `liplab.head.Head`, or anything that takes pulses."""

    def set_pulses(self, pulses_us: ArrayLike, t: float) -> None:
        """From time t (s) on, the servos get these pulse widths; 0 is no pulse."""

    def advance(self, t: float) -> None:
        """Simulates up to time t (s)."""


class SimulatedBoard:
    """A board (the `Board` of `lipwright.boards`) whose firmware runs on this machine.

    Time on the head counts seconds from the start of the board. In real time the firmware keeps to the
    machine's clock, and a thread moves the head by the time stamps of what the firmware did, so the head may
    lag behind and yet does the same. In virtual time all moves only while `clock.sleep_until` waits.

    Attributes:
        name: "the simulated board".
        clock: What the host tells the time by.
        interpreter: What runs the firmware, in words.
        port: Path of the serial port.
        bus: The servo drivers.
        on_bus_write: Called with each bus write: board time (us since the start), address, register, data.
        on_measure: Called with the records of the program "measure".
    """

    name = "the simulated board"

    def __init__(
        self,
        interpreter: str = "auto",
        virtual: bool = False,
        head: SimulatedHead | None = None,
        flash: Path | None = None,
        *,
        outputs: Sequence[int] | None = None,
        clock_start_ms: int = 0,
        clock_rate: float = 1.0,
        program: str = "firmware",
    ) -> None:
        """Starts the firmware.

        `flash` is the folder that the firmware has as its file system (default: an empty one); modules in it
        come before the shipped ones. `outputs` says which output of the drivers (16 * chip + pin) each servo
        of the head hangs on; without it, as in the shipped profile (with no head: one on each). For tests,
        the board's clock may start at any count of milliseconds and, in virtual time, run faster or slower
        than the host's. `program` is the firmware's main module, or `REPL` for a board that runs what lies on
        its `flash`. Raises LipwrightError if it does not start.
        """
        if clock_rate != 1.0 and not virtual:
            raise ValueError("only a virtual clock can run at another rate")
        if outputs is None:
            outputs = [channel.output for channel in load_profile().channels] if head else range(ALL_OUTPUTS)
        self.virtual = virtual
        self.bus = ServoBus(outputs)
        self.on_bus_write: Callable[[float, int, int, bytes], None] | None = None
        self.on_measure: Callable[[Record], None] | None = None
        self._simulated_head = head
        self._rate = clock_rate
        self._board_us = 0  # since the start, past every wrap
        self._host_us = 0  # virtual time
        self._first_ticks = self._last_ticks = (clock_start_ms * 1000) & TICKS_MASK
        self._epoch = 0.0
        self._serial: serial.Serial | None = None
        self._failure: Exception | None = None
        self._settled = threading.Event()
        self._process = FirmwareProcess(interpreter, virtual, clock_start_ms, flash, program)
        self.interpreter = self._process.interpreter
        self.port = self._process.port
        self.clock: Clock
        try:
            if virtual:
                self.clock = VirtualClock(self._pass_time)
                self._run_until_paused()
            else:
                self.clock = RealClock()
                self._await_start()
                self._follower = threading.Thread(target=self._follow, name="simulated head", daemon=True)
                self._follower.start()
        except BaseException:
            self._process.close()
            raise

    def open(self) -> serial.Serial:
        """The host's end of the wire."""
        self.check()
        self._serial = CountedSerial(self.port) if self.virtual else _WatchedSerial(self.port, self)
        return self._serial

    def check(self) -> None:
        """Raises LipwrightError, with what the firmware said last, if it has ended; or what the head did."""
        if self._failure is not None:
            raise self._failure

    def explain_loss(self) -> None:
        """After an error on the wire: as `check`, once it is clear whether the firmware has ended."""
        if not self.virtual:
            self._follower.join(EXIT_S)
        self.check()

    def head_time(self, host_s: float) -> float:
        """The head's time (s) at a moment of the host's clock (s)."""
        return host_s - self._epoch

    def settle(self) -> None:
        """Ends the firmware and lets the head catch up with all that it did, to be measured then."""
        if not self.virtual:
            self._settled.set()
            self._process.stop()
            self._follower.join()
        self.check()

    def close(self) -> None:
        """Ends the firmware and lets go of the port. May be called twice."""
        if self._serial is not None:
            self._serial.close()
        self._settled.set()
        self._process.stop()
        if not self.virtual:
            self._follower.join()
        self._process.close()

    def __enter__(self) -> SimulatedBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- virtual time

    def _pass_time(self, duration_us: int) -> None:
        """Lets the board and the head live through this much of the host's time."""
        until = self._host_us + duration_us
        while self._host_us < until:
            self._host_us = min(until, self._host_us + LONGEST_GRANT_US)
            wire = self._serial
            arrived = wire.take_written() if isinstance(wire, CountedSerial) else 0
            self._process.grant(int(self._host_us * self._rate) - self._board_us, arrived)
            self._run_until_paused()

    def _run_until_paused(self) -> None:
        written = None
        while written is None:
            for record in self._process.records(timeout_s=None):
                self._take(record)
                if record.kind == PAUSED:
                    written = record.length
        self._move_head(self._board_us)
        if written:
            if isinstance(self._serial, CountedSerial) and self._serial.is_open:
                self._serial.fetch(written)
            else:
                while written:  # nobody listens
                    written -= len(os.read(self._process.wire, written))

    # ---- real time

    def _await_start(self) -> None:
        records = self._process.records(timeout_s=None)
        self._epoch = _started_s(next(records))
        for record in records:
            self._take(record)

    def _follow(self) -> None:
        """Moves the head along with what the firmware does, until it ends."""
        try:
            while True:
                before = self._board_us
                for record in self._process.records(PATIENCE_S):
                    self._take(record)
                quiet_us = int((self.clock.now() - HOLD_BACK_S - self._epoch) * 1e6)
                self._move_head(self._board_us if self._board_us > before else max(quiet_us, before))
        except Exception as error:  # raised again in the host's thread, by `check`
            if not (self._settled.is_set() and isinstance(error, LipwrightError)):
                self._failure = error

    # ---- both

    def _take(self, record: Record) -> None:
        if record.kind == STARTED:
            if not self.virtual:  # where a board may restart: its clock begins anew, the head's goes on
                self._board_us = int((_started_s(record) - self._epoch) * 1e6)
                self._last_ticks = self._first_ticks
            return
        if record.kind in (MEASURED_TICK, MEASURED_READ):
            if self.on_measure is not None:
                self.on_measure(record)
            return
        self._board_us += (record.time_us - self._last_ticks) & TICKS_MASK
        self._last_ticks = record.time_us
        if record.kind == BUS_WRITE:
            self.bus.write(self._board_us, record.address, record.register, record.data)
            if self.on_bus_write is not None:
                self.on_bus_write(self._board_us, record.address, record.register, record.data)

    def _move_head(self, board_us: int) -> None:
        changes = self.bus.changes(board_us)
        if self._simulated_head is not None:
            for at_us, widths in changes:
                self._simulated_head.set_pulses(widths, at_us / self._rate / 1e6)
            self._simulated_head.advance(board_us / self._rate / 1e6)


def _started_s(record: Record) -> float:
    """The host's time (s) when the firmware's clock began; the record has 30 bits of the machine's clock."""
    now_us = time.monotonic_ns() // 1000
    return (now_us - ((now_us - record.time_us) & TICKS_MASK)) / 1e6


class _WatchedSerial(serial.Serial):
    """The host's end of the wire in real time; says why when the firmware has ended."""

    def __init__(self, port: str, board: SimulatedBoard) -> None:
        self._board = board
        super().__init__(port, timeout=0, write_timeout=1)

    def write(self, data: Any, /) -> int | None:
        with self._explained():
            return super().write(data)

    def read(self, size: int = 1, /) -> bytes:
        with self._explained():
            return super().read(size)

    @property
    def in_waiting(self) -> int:
        """Bytes that have arrived."""
        with self._explained():
            return int(super().in_waiting)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, serial.SerialException):
            self._board.explain_loss()
            raise
