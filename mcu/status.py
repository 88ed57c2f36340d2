"""What the board counts, and the status message that tells the host."""

from array import array

import micropython

from facewire.constants import DROP_NAMES, STATUS, TICKS_MASK


class Counters:
    """Counts since the session was opened, 30 bits each; times in us."""

    def __init__(self) -> None:
        self.drops = array("i", bytes(4 * len(DROP_NAMES)))  # by cause
        self.free_bytes = 0  # after the last garbage collection
        self.clear()

    def clear(self) -> None:
        """Begins anew."""
        self.received = 0
        self.played = 0
        for cause in range(len(self.drops)):
            self.drops[cause] = 0
        self.crc_errors = 0
        self.malformed = 0
        self.bus_errors = 0
        self.clear_timing()

    def clear_timing(self) -> None:
        """Forgets the worst times, after work that was bound to hold up a tick."""
        self.worst_jitter_us = 0
        self.worst_tick_us = 0
        self.ticks = 0

    @micropython.native
    def add_tick(self, late_us: int, duration_us: int) -> None:
        """One tick has run: how late it began and how long it took."""
        self.ticks = (self.ticks + 1) & TICKS_MASK
        if late_us > self.worst_jitter_us:
            self.worst_jitter_us = late_us
        if duration_us > self.worst_tick_us:
            self.worst_tick_us = duration_us


def status_fields(
    counters: Counters,
    request: int,
    session: int,
    time_ms: int,
    state: int,
    cause: int,
    ring_depth: int,
    supply_mv: int,
    hot_mask: int,
) -> "tuple[object, ...]":
    """The elements of the status message; `hot_mask` has a bit for each channel that cools down."""
    return (
        STATUS,
        request,
        session,
        time_ms,
        state,
        cause,
        ring_depth,
        counters.received & TICKS_MASK,
        counters.played & TICKS_MASK,
        [count & TICKS_MASK for count in counters.drops],
        counters.crc_errors & TICKS_MASK,
        counters.malformed & TICKS_MASK,
        counters.bus_errors & TICKS_MASK,
        counters.worst_jitter_us,
        counters.worst_tick_us,
        counters.ticks,
        counters.free_bytes,
        supply_mv,
        hot_mask,
    )
