"""From frames to a track: where every channel should be at each tick, smooth in velocity.

Between two frames a channel follows a cubic Hermite whose tangents are limited so that it never leaves the
range between them. The velocity at a frame is fixed when the way to it begins, from the frames that are then
known, so that frames which arrive later change nothing under way.
"""

from array import array

import fast
import micropython
from clock import ticks_add, ticks_diff
from micropython import const
from ring import Ring

from facewire.constants import MAX_CHANNELS

EASE_MS = const(300)  # how long the way to rest takes
_ONE = const(16384)
_SPEED_BIAS = const(1 << 20)  # these two as in kernels_plain
_VELOCITY_BIAS = const(1 << 26)


class Motion:
    """The track of up to 32 channels, 0..65535, and where it was a tick ago. `count`: how many are in use."""

    def __init__(self, ring: Ring) -> None:
        self.track = array("H", bytes(2 * MAX_CHANNELS))
        self.before = array("H", bytes(2 * MAX_CHANNELS))
        self.count = 0
        self._ring = ring
        self._start = array("H", bytes(2 * MAX_CHANNELS))
        self._goal = array("H", bytes(2 * MAX_CHANNELS))
        self._start_velocity = array("i", bytes(4 * MAX_CHANNELS))
        self._goal_velocity = array("i", bytes(4 * MAX_CHANNELS))
        self._start_ms = 0
        self._goal_ms = 0
        self._duration_ms = 1
        self._moving = False

    def hold(self, positions: "array[int]") -> None:
        """Stands still at the positions until `follow` or `ease` moves on from there."""
        fast.copy(positions, 0, self.track, 0, self.count)
        self._moving = False

    @micropython.native
    def follow(self, now_ms: int) -> int:
        """Moves the track along the ring's frames to `now_ms`; returns how many frames that passed."""
        ring = self._ring
        if not self._moving:
            if not ring.depth:
                self._remember()
                return 0
            fast.copy(self.track, 0, self._start, 0, self.count)
            self._stand(self._start, self._start_velocity)
            self._start_ms = now_ms
            self._aim()
            self._moving = True
        passed = 0
        while ticks_diff(now_ms, self._goal_ms) >= 0:
            self._start, self._goal = self._goal, self._start
            self._start_velocity, self._goal_velocity = self._goal_velocity, self._start_velocity
            self._start_ms = self._goal_ms
            ring.drop_oldest()
            passed += 1
            if not ring.depth:
                self._remember()
                self.hold(self._start)
                return passed
            self._aim()
        self._interpolate(now_ms)
        return passed

    def start_easing(
        self, at: "array[int]", speed: "array[int]", rest: "array[int]", now_ms: int, period_ms: int
    ) -> None:
        """Begins the way to rest from the positions `at`, moving with `speed` (as in kernels_plain.aim)."""
        for i in range(self.count):
            way = rest[i] - at[i]
            velocity = ((speed[i] - _SPEED_BIAS) << 8) // period_ms
            limit = (way << 9) // EASE_MS  # twice the way: see kernels_plain.hermite
            if (velocity > 0) != (way > 0):
                velocity = 0
            elif (velocity > limit) == (way > 0):
                velocity = limit
            self._start_velocity[i] = velocity + _VELOCITY_BIAS
        fast.copy(at, 0, self._start, 0, self.count)
        fast.copy(rest, 0, self._goal, 0, self.count)
        self._stand(self._goal, self._goal_velocity)
        self._start_ms = now_ms
        self._goal_ms = ticks_add(now_ms, EASE_MS)
        self._duration_ms = EASE_MS
        self._moving = True

    def ease(self, now_ms: int) -> None:
        """Moves the track on the way to rest."""
        if self._moving and ticks_diff(now_ms, self._goal_ms) < 0:
            self._interpolate(now_ms)
            return
        self._remember()
        if self._moving:
            self.hold(self._goal)

    @micropython.native
    def _aim(self) -> None:
        ring = self._ring
        fast.copy(ring.positions, ring.offset(0), self._goal, 0, self.count)
        self._goal_ms = ring.time_ms(0)
        duration = ticks_diff(self._goal_ms, self._start_ms)
        if duration < 1:  # the frame's time came between two ticks, and nothing was under way
            duration = 1
        self._duration_ms = duration
        if ring.depth == 1:
            self._stand(self._goal, self._goal_velocity)
            return
        gap = ticks_diff(ring.time_ms(1), self._goal_ms)
        fast.tangents(
            self._start,
            self._goal,
            ring.positions,
            ring.offset(1),
            _ONE // duration,
            _ONE // gap,
            _ONE // (duration + gap),
            self._goal_velocity,
            self.count,
        )

    def _stand(self, positions: "array[int]", velocity: "array[int]") -> None:
        """Sets the velocities to zero: there is no way from a position to itself."""
        fast.tangents(positions, positions, positions, 0, 0, 0, 0, velocity, self.count)

    def _remember(self) -> None:
        """A tick begins whose track may stay as it is."""
        fast.copy(self.track, 0, self.before, 0, self.count)

    @micropython.native
    def _interpolate(self, now_ms: int) -> None:
        self.before, self.track = self.track, self.before  # the new one is written whole
        phase = ticks_diff(now_ms, self._start_ms) * _ONE // self._duration_ms
        fast.hermite(
            self._start,
            self._goal,
            self._start_velocity,
            self._goal_velocity,
            phase,
            self._duration_ms,
            self.track,
            self.count,
        )
