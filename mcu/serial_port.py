"""The board's serial port to the host: USB, as MicroPython's standard input and output."""

import select
import sys

import micropython
from clock import wake_on
from micropython import const

_INTERRUPT = const(0x03)


class SerialPort:
    """Reads without waiting, and loses what nobody takes rather than wait for a host that is gone."""

    def __init__(self) -> None:
        wake_on(sys.stdin, 0)
        readable = select.poll()
        readable.register(sys.stdin, select.POLLIN)
        # A method that is looked up to be kept is allocated, and every byte costs two calls.
        self._ipoll = readable.ipoll
        self._take = sys.stdin.buffer.readinto
        self._byte = bytearray(1)  # a longer read would wait until it is full
        self._output = sys.stdout.buffer
        self._writable = select.poll()
        self._writable.register(sys.stdout, select.POLLOUT)

    @micropython.native
    def readinto(self, buffer: bytearray) -> int:
        """Moves what has arrived and fits to the buffer; returns how many bytes, at most up to a byte 3."""
        ipoll = self._ipoll
        take = self._take
        byte = self._byte
        room = len(buffer)
        count = 0
        while count < room:
            for _ in ipoll(0):
                break
            else:
                break
            take(byte)
            value = byte[0]
            buffer[count] = value
            count += 1
            if value == _INTERRUPT:  # it may ask for the REPL, whose bytes come next
                break
        return count

    def write(self, buffer: bytes) -> None:
        """Sends the bytes if the host takes any."""
        for _ in self._writable.ipoll(0):
            self._output.write(buffer)
