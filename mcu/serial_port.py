"""The board's serial port to the host: USB, as MicroPython's standard input and output."""

import select
import sys

from micropython import const

_INTERRUPT = const(0x03)


class SerialPort:
    """Reads without waiting, and loses what nobody takes rather than wait for a host that is gone."""

    def __init__(self) -> None:
        self._input = sys.stdin.buffer
        self._output = sys.stdout.buffer
        self._readable = select.poll()
        self._readable.register(sys.stdin, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(sys.stdout, select.POLLOUT)
        self._byte = bytearray(1)  # a longer read would wait until it is full

    def readinto(self, buffer: bytearray) -> int:
        """Moves what has arrived and fits to the buffer; returns how many bytes, at most up to a byte 3."""
        count = 0
        while count < len(buffer):
            ready = False
            for _ in self._readable.ipoll(0):
                ready = True
            if not ready:
                break
            self._input.readinto(self._byte)
            buffer[count] = self._byte[0]
            count += 1
            if self._byte[0] == _INTERRUPT:  # it may ask for the REPL, whose bytes come next
                break
        return count

    def write(self, buffer: bytes) -> None:
        """Sends the bytes if the host takes any."""
        for _ in self._writable.ipoll(0):
            self._output.write(buffer)
