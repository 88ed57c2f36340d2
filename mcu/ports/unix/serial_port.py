"""The board's serial port where the board is a process: a pty on standard input and output."""

import clock
import descriptors
import simulation
from micropython import const

_INTERRUPT = const(0x03)
# Made once: MicroPython closes a file's descriptor when it collects the object.
_reader = descriptors.Reader(0)
_writer = descriptors.Writer(1)

if simulation.virtual:

    class SerialPort:
        """Hands out the bytes whose arrival the simulation has granted, and counts what is written."""

        def readinto(self, buffer):
            """Moves what has arrived and fits to the buffer; returns how many bytes. Never waits."""
            count = min(clock.unread, len(buffer))
            if count:
                clock.unread -= count
                # The kernel may still be passing them along: this waits for bytes that are sure to come.
                _reader.readinto(buffer, count)
            return count

        def write(self, buffer):
            """Sends the buffer's bytes."""
            clock.written += _writer.write(buffer)

else:
    clock.wake_on(_reader)

    class SerialPort:
        """The pty, which the parent has set not to block; what does not fit because nobody reads is lost."""

        def __init__(self):
            self._byte = bytearray(1)

        def readinto(self, buffer):
            """Moves what has arrived and fits, at most up to a byte 3; returns how many bytes."""
            count = 0
            while count < len(buffer) and _reader.readinto(self._byte, 1):
                buffer[count] = self._byte[0]
                count += 1
                if self._byte[0] == _INTERRUPT:  # it may ask for the REPL, whose bytes come next
                    break
            return count

        def write(self, buffer):
            """Sends the buffer's bytes."""
            _writer.write(buffer)
