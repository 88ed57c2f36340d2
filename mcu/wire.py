"""Bytes from the host to frames: motion frames to the head, without allocating; requests to their answers."""

import binascii
from array import array

import fast
import micropython
from answers import Answers
from clock import ticks_us
from head import Head
from micropython import const
from serial_port import SerialPort

from facewire import framing
from facewire.constants import MAX_WIRE_BYTES

_CHUNK_BYTES = const(64)
_MAX_CHUNKS = const(8)  # what is left waits until after the next tick
_MOTION_BYTES = const(72)  # no motion frame is longer with its CRC: 19 bytes, 48 of positions and 4
_CRC_BYTES = const(4)
# The CRC-32 over a message and its own CRC-32 is always this number, which is small: comparing allocates
# nothing, where a CRC-32 of 32 bits would be a big integer on a 32-bit board.
_CRC_RESIDUE = const(0x2144DF1C)
_CARRIAGE_RETURN = const(0x0D)
_INTERRUPT = const(0x03)
_LISTENING_MS = const(3000)
_STALE_MS = const(200)  # a frame that stays unfinished for so long never will be finished


class Wire:
    """The board's end of the wire.

    escaped: the host has sent \\r\\x03 at the start of a frame, as tools do that want the REPL; no frame
    begins so, since byte 2 of a COBS frame around a CBOR array is the array's head. listening: something
    whole was heard in the last three seconds, so that somebody is likely to read what the board says.
    """

    def __init__(self, port: SerialPort, head: Head, answers: Answers, has_repl: bool) -> None:
        """`has_repl`: whether the REPL is at the same port, so that it can be asked for."""
        self.escaped = False
        self._has_repl = has_repl
        self.listening = False
        self.port = port
        self._head = head
        self._answers = answers
        self.chunk = bytearray(_CHUNK_BYTES)
        self._frame = bytearray(MAX_WIRE_BYTES + 8)  # read_motion looks a little beyond the end
        self._fill = 0
        self._stale_ms = 0
        self._quiet_ms = 0
        # Slicing allocates: the slices that motion frames need are made once.
        self._views = [memoryview(self._frame)[:length] for length in range(_MOTION_BYTES + 1)]
        self._header = array("i", bytes(4 * 5))
        self._values = array("H", bytes(2 * 32))

    @micropython.native
    def poll(self) -> None:
        """Reads what has arrived, and does it."""
        for _ in range(_MAX_CHUNKS):
            count = self.port.readinto(self.chunk)
            if not count:
                return
            self._stale_ms = 0
            self.read(count)
            if self.escaped:
                return

    @micropython.native
    def tick(self, period_ms: int) -> None:
        """Counts the silence; a frame that broke off must not spoil the next one's beginning."""
        if self.listening:
            self._quiet_ms += period_ms
            self.listening = self._quiet_ms < _LISTENING_MS
        if self._fill:
            self._stale_ms += period_ms
            if self._stale_ms > _STALE_MS:
                self._fill = 0
                self._head.counters.crc_errors += 1

    def send(self, payload: bytes) -> None:
        """One message to the host."""
        self.port.write(framing.wrap(payload))

    @micropython.native
    def read(self, count: int) -> None:
        """Does what the chunk's first `count` bytes say."""
        position = 0
        while position < count:
            end = fast.take(self.chunk, position, count, self._frame, self._fill, MAX_WIRE_BYTES)
            self._fill += end - position
            if self._frame[0] == _CARRIAGE_RETURN and self._asks_for_repl():
                self.escaped = True
                return
            if end == count:
                return
            if self._fill:  # zeros between frames mean nothing
                self._frame_ended()
                self._fill = 0
            position = end + 1

    @micropython.native
    def _frame_ended(self) -> None:
        counters = self._head.counters
        length = fast.uncobs(self._frame, self._fill) if self._fill < MAX_WIRE_BYTES else -1
        if length <= _CRC_BYTES or binascii.crc32(self._view(length)) != _CRC_RESIDUE:
            counters.crc_errors += 1
            return
        length -= _CRC_BYTES
        if length <= _MOTION_BYTES:
            count = fast.read_motion(self._frame, length, self._header, self._values)
            if count >= 0:
                self._heard()
                self._head.receive(self._header, self._values, count)
                return
        read_us = ticks_us()
        try:
            answer = self._answers.answer(bytes(self._view(length)), read_us)
        except ValueError:
            counters.malformed += 1
            return
        self._heard()
        self.send(answer)

    def _asks_for_repl(self) -> bool:
        return self._has_repl and self._fill >= 2 and self._frame[1] == _INTERRUPT

    def _heard(self) -> None:
        self.listening = True
        self._quiet_ms = 0

    def _view(self, length: int) -> memoryview:
        return self._views[length] if length <= _MOTION_BYTES else memoryview(self._frame)[:length]
