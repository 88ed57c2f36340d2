"""The frames to come: a queue of timestamped positions in memory that is allocated once."""

from array import array

import micropython
from micropython import const

from facewire.constants import MAX_CHANNELS

RING_SIZE = const(64)  # 1.28 s at 50 frames a second; 4.3 KB


class Ring:
    """First in, first out. Times grow from frame to frame.

    positions: 0..65535, MAX_CHANNELS for each frame; `offset` says where a frame's begin.
    """

    def __init__(self) -> None:
        self.positions = array("H", bytes(2 * RING_SIZE * MAX_CHANNELS))
        self.depth = 0
        self._times = array("i", bytes(4 * RING_SIZE))
        self._oldest = 0

    @micropython.native
    def free_offset(self) -> int:
        """Where the next frame's positions are to be written, or -1 when the ring is full."""
        return -1 if self.depth == RING_SIZE else self.offset(self.depth)

    @micropython.native
    def commit(self, time_ms: int) -> None:
        """Adds the frame whose positions stand at `free_offset`."""
        self._times[(self._oldest + self.depth) % RING_SIZE] = time_ms
        self.depth += 1

    @micropython.native
    def offset(self, number: int) -> int:
        """Where the positions of a frame begin; the oldest is number 0."""
        return (self._oldest + number) % RING_SIZE * MAX_CHANNELS

    @micropython.native
    def time_ms(self, number: int) -> int:
        """The time of a frame; the oldest is number 0."""
        return self._times[(self._oldest + number) % RING_SIZE]

    @micropython.native
    def drop_oldest(self) -> None:
        """Removes the oldest frame, which there must be."""
        self._oldest = (self._oldest + 1) % RING_SIZE
        self.depth -= 1

    def clear(self) -> int:
        """Removes all frames; returns how many there were."""
        removed = self.depth
        self.depth = 0
        return removed
