"""Inherited file descriptors, as CPython reads and writes them; the same interface as the unix port's."""

import os
import select


class Reader:
    """Reads from a descriptor."""

    def __init__(self, descriptor):
        self.pollable = descriptor

    def readinto(self, buffer, count):
        """Waits for `count` bytes, or takes what is there if nothing may block; returns how many."""
        view = memoryview(buffer)[:count]
        done = 0
        while done < count:
            try:
                part = os.readv(self.pollable, [view[done:]])
            except BlockingIOError:
                break
            if part == 0:
                break
            done += part
        return done


class Writer:
    """Writes to a descriptor."""

    def __init__(self, descriptor):
        self._descriptor = descriptor

    def write(self, buffer):
        """Writes all, or what fits if nothing may block; returns how many bytes went."""
        view = memoryview(buffer)
        done = 0
        while done < len(view):
            try:
                done += os.write(self._descriptor, view[done:])
            except BlockingIOError:
                break
        return done


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
        ready = [descriptor for descriptor, _ in self._poll.poll(milliseconds)]
        if self._lifeline in ready:
            raise SystemExit
        return bool(ready)
