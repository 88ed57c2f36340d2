"""The head: profile, ring, motion, safety and drivers, and the tick that runs them 100 times a second.

Nothing in `tick` or `receive` allocates memory, so that no garbage collection can fall into them.
"""

from array import array

import fast
from clock import ticks_diff
from head_profile import Profile
from micropython import const
from motion import Motion
from pca9685 import Drivers
from ring import Ring
from safety import Safety
from status import Counters
from timebase import TimeBase

from facewire.constants import (
    BASE_INTERVAL,
    CAUSE_BOOT,
    CAUSE_PROFILE,
    COMPACT_FRAME,
    DROP_ABSURD_TIME,
    DROP_CHANNELS,
    DROP_FLUSHED,
    DROP_LATE,
    DROP_NOT_READY,
    DROP_ORDER,
    DROP_ORPHAN,
    DROP_RING_FULL,
    EASING,
    FOLLOWING,
    HOLDING,
    MAX_AHEAD_MS,
    MAX_BASE_AGE_MS,
    MAX_BEHIND_MS,
    MAX_CHANNELS,
    STOPPED,
)

_ACCEPTED = const(-1)
_BUS_RETRY_TICKS = const(50)
_NO_BASE = const(-1)


class Head:
    """What the board moves. `session` is 0 while no host has said hello."""

    def __init__(self, drivers: Drivers, timebase: TimeBase) -> None:
        self.ring = Ring()
        self.motion = Motion(self.ring)
        self.safety = Safety()
        self.counters = Counters()
        self.profile: Profile | None = None
        self.session = 0
        self.out = array("H", bytes(2 * MAX_CHANNELS))  # what the servos were told last, 0..65535
        self._out_ms = timebase.tick_ms  # when that was
        self._before = array("H", bytes(2 * MAX_CHANNELS))  # what they were told a tick earlier
        self._drivers = drivers
        self._timebase = timebase
        self._base = array("H", bytes(2 * MAX_CHANNELS))
        self._base_sequence = _NO_BASE
        self._base_ms = 0

    def configure(self, profile: Profile, at_boot: bool) -> None:
        """Takes a profile into use and goes to its rest pose. Raises ValueError if this board cannot."""
        self._drivers.configure(profile)
        self._flush()
        self._base_sequence = _NO_BASE
        self.profile = profile
        self.motion.count = profile.count
        self.motion.hold(profile.rest)
        fast.copy(profile.rest, 0, self.out, 0, profile.count)
        fast.copy(profile.rest, 0, self._before, 0, profile.count)
        self._start_drivers()
        self.safety.configure(profile.count, CAUSE_BOOT if at_boot else CAUSE_PROFILE, self._out_ms)

    def open_session(self, session: int) -> None:
        """A host has said hello; a repeated hello changes nothing."""
        if session == self.session:
            return
        self.session = session
        self.ring.clear()
        self._base_sequence = _NO_BASE
        self.counters.clear()
        if self.safety.open_session(self._out_ms):
            self._begin_state()

    def park(self) -> None:
        """Eases to the rest pose; frames in the ring are dropped."""
        self._flush()
        if self.safety.park(self._out_ms):
            self._begin_state()

    def stop(self) -> None:
        """Releases the pulses at once; frames in the ring are dropped."""
        self._flush()
        if self.safety.stop(self._out_ms):
            self._begin_state()
        self.release()

    def release(self) -> None:
        """Takes the pulses off all outputs now, without waiting for a tick."""
        if self.profile:
            self._drivers.write(self.out, self.profile, 0)

    def receive(self, header: "array[int]", values: "array[int]", count: int) -> None:
        """A motion frame has arrived whole; see kernels_plain.read_motion for the arguments."""
        self.counters.received += 1
        drop = self._take(header, values, count)
        if drop != _ACCEPTED:
            self.counters.drops[drop] += 1

    def _take(self, header: "array[int]", values: "array[int]", count: int) -> int:
        """Puts a frame into the ring; returns why it was dropped, or _ACCEPTED."""
        if self.session == 0 or self.safety.state <= STOPPED:
            return DROP_NOT_READY
        channels = self.motion.count
        now_ms = self._timebase.now_ms()
        sequence = header[1]
        if header[0] == COMPACT_FRAME:
            base = sequence - sequence % BASE_INTERVAL
            if base != self._base_sequence or base == sequence:
                return DROP_ORPHAN
        elif count != channels:
            return DROP_CHANNELS
        elif sequence % BASE_INTERVAL == 0:
            fast.copy(values, 0, self._base, 0, channels)
            self._base_sequence = sequence
            self._base_ms = now_ms
        time_ms = header[2]
        ahead = ticks_diff(time_ms, now_ms)
        if ahead > MAX_AHEAD_MS or ahead < -MAX_BEHIND_MS:
            return DROP_ABSURD_TIME
        if ahead <= 0:
            return DROP_LATE
        ring = self.ring
        if ring.depth and ticks_diff(time_ms, ring.time_ms(ring.depth - 1)) <= 0:
            return DROP_ORDER
        offset = ring.free_offset()
        if offset < 0:
            return DROP_RING_FULL
        if header[0] == COMPACT_FRAME:
            if fast.merge(values, header, self._base, ring.positions, offset, channels) < 0:
                return DROP_CHANNELS
        else:
            fast.copy(values, 0, ring.positions, offset, channels)
        ring.commit(time_ms)
        return _ACCEPTED

    def tick(self) -> None:
        """One step: tells the servos where the frames want every channel now, within its limits."""
        now_ms = self._timebase.tick_ms
        self._out_ms = now_ms
        profile = self.profile
        if profile is None:
            return
        safety = self.safety
        drivers = self._drivers
        if self._base_sequence != _NO_BASE and ticks_diff(now_ms, self._base_ms) > MAX_BASE_AGE_MS:
            self._base_sequence = _NO_BASE
        if safety.state >= FOLLOWING:
            self.counters.played += self.motion.follow(now_ms)
        else:
            self._pass_frames(now_ms)
            self.motion.ease(now_ms)
        fast.copy(self.out, 0, self._before, 0, profile.count)
        behind = fast.slew(self.motion.track, self.out, profile.steps, safety.cap, safety.live)
        if not drivers.ready and self.counters.ticks % _BUS_RETRY_TICKS == 0:
            self._start_drivers()
        if safety.step(now_ms, self.ring.depth > 0, behind, drivers.ready):
            self._begin_state()
        if drivers.ready:
            errors = drivers.errors
            drivers.write(self.out, profile, safety.live)
            self.counters.bus_errors += drivers.errors - errors

    def _begin_state(self) -> None:
        """Sets the track off on what the state just entered asks for."""
        profile = self.profile
        if profile is None:
            return
        if self.safety.state == EASING:
            self.motion.start_easing(self._before, self.out, profile.rest, self._out_ms)
        elif self.safety.state != HOLDING:
            self.motion.hold(self.out)

    def _pass_frames(self, now_ms: int) -> None:
        """Frames whose time passes while the head may not follow them."""
        ring = self.ring
        while ring.depth and ticks_diff(now_ms, ring.time_ms(0)) >= 0:
            ring.drop_oldest()
            self.counters.played += 1

    def _flush(self) -> None:
        self.counters.drops[DROP_FLUSHED] += self.ring.clear()

    def _start_drivers(self) -> None:
        errors = self._drivers.errors
        self._drivers.start()
        self.counters.bus_errors += self._drivers.errors - errors
