"""The board's serial port where the board is a process: a pty on standard input and output."""

import clock
import descriptors
import simulation

if simulation.virtual:

    class SerialPort:
        """Hands out the bytes whose arrival the simulation has granted, and counts what is written."""

        def __init__(self):
            self._reader = descriptors.Reader(0)
            self._writer = descriptors.Writer(1)

        def readinto(self, buffer):
            """Moves what has arrived and fits to the buffer; returns how many bytes. Never waits."""
            count = min(clock.unread, len(buffer))
            if count:
                clock.unread -= count
                # The kernel may still be passing them along: this waits for bytes that are sure to come.
                self._reader.readinto(buffer, count)
            return count

        def write(self, buffer):
            """Sends the buffer's bytes."""
            clock.written += self._writer.write(buffer)

else:

    class SerialPort:
        """The pty, which the parent has set not to block; what does not fit because nobody reads is lost."""

        def __init__(self):
            self._reader = descriptors.Reader(0)
            self._writer = descriptors.Writer(1)
            clock.wake_on(self._reader)

        def readinto(self, buffer):
            """Moves what has arrived and fits to the buffer; returns how many bytes. Never waits."""
            return self._reader.readinto(buffer, len(buffer))

        def write(self, buffer):
            """Sends the buffer's bytes."""
            self._writer.write(buffer)
