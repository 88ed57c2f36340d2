"""Inherited file descriptors, as MicroPython's unix port reads and writes them."""

import select


class Reader:
    """Reads from a descriptor."""

    def __init__(self, descriptor):
        self.pollable = open(descriptor, "rb")  # noqa: SIM115

    def readinto(self, buffer, count):
        """Waits for `count` bytes, or takes what is there if nothing may block; returns how many."""
        return self.pollable.readinto(buffer, count) or 0


class Writer:
    """Writes to a descriptor."""

    def __init__(self, descriptor):
        self._file = open(descriptor, "wb")  # noqa: SIM115

    def write(self, buffer):
        """Writes all, or what fits if nothing may block; returns how many bytes went."""
        return self._file.write(buffer) or 0


class Waiting:
    """Waits for bytes, and ends the process when the lifeline shows that the parent has gone."""

    def __init__(self, lifeline):
        self._lifeline = lifeline.pollable
        self._poll = select.poll()
        self._poll.register(self._lifeline, select.POLLIN)

    def add(self, reader):
        """Waits for this reader's bytes too."""
        self._poll.register(reader.pollable, select.POLLIN)

    def wait(self, milliseconds):
        """Returns whether there are bytes, as soon as there are, or when the time is over."""
        any_bytes = False
        for ready in self._poll.ipoll(milliseconds):
            if ready[0] is self._lifeline:
                raise SystemExit
            any_bytes = True
        return any_bytes
