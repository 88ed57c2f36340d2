"""Virtual time: the host, the board and the head step together, so a run is the same to the bit each time.

The host's clock stands while the host computes. When the host waits, the board gets the time that passes as a
grant, with the number of bytes that the host has written; it runs until the grant is used up and says how
many bytes it has written, and the host goes on when those have arrived. Bytes take no time on the wire.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import serial

from lipwright.errors import LipwrightError

# What the board has written takes microseconds through the kernel; this is for a machine in trouble.
ARRIVAL_TIMEOUT_S = 10.0


class VirtualClock:
    """A clock that moves only when somebody waits (the `Clock` of `lipwright.clock`); starts at 0."""

    def __init__(self, pass_time: Callable[[int], None]) -> None:
        """`pass_time` is called with the microseconds that pass."""
        self._pass_time = pass_time
        self._now_us = 0

    def now(self) -> float:
        """Seconds since the start."""
        return self._now_us / 1e6

    def sleep_until(self, t: float) -> None:
        """Moves on to `t` (rounded up to a microsecond), and the board and the head with it."""
        target_us = math.ceil(round(t * 1e6, 3))
        if target_us / 1e6 < t:  # whoever waits for t must not find the clock a rounding error before it
            target_us += 1
        if target_us > self._now_us:
            passed, self._now_us = target_us - self._now_us, target_us
            self._pass_time(passed)


class CountedSerial(serial.Serial):
    """The host's end of the wire in virtual time: counts what goes out, shows what has arrived."""

    def __init__(self, port: str) -> None:
        self._arrived = bytearray()
        self._written = 0
        super().__init__(port, timeout=ARRIVAL_TIMEOUT_S, write_timeout=ARRIVAL_TIMEOUT_S)

    def take_written(self) -> int:
        """Bytes written since the last call."""
        written, self._written = self._written, 0
        return written

    def fetch(self, count: int) -> None:
        """Waits for bytes that the board has written and puts them where `read` finds them."""
        data = super().read(count)
        if len(data) != count:
            raise LipwrightError(
                f"the board wrote {count} bytes and {len(data)} came: does another program read {self.port}?"
            )
        self._arrived += data

    def write(self, data: Any, /) -> int | None:
        """Sends; the bytes reach the board when time passes."""
        written = super().write(data)
        self._written += written or 0
        return written

    @property
    def in_waiting(self) -> int:
        """Bytes that have arrived."""
        return len(self._arrived)

    def read(self, size: int = 1, /) -> bytes:
        """Up to `size` of the bytes that have arrived; never waits, since waiting is the clock's."""
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        return data

    def reset_input_buffer(self) -> None:
        """Forgets what has arrived."""
        self._arrived.clear()
