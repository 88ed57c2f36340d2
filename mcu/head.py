"""The head: profile, ring, motion, safety and drivers, and the tick that runs them 100 times a second.

Nothing in `tick` or `receive` allocates memory, so that no garbage collection can fall into them.
"""

from array import array

import fast
import micropython
from clock import ticks_diff
from drivers import Drivers
from head_profile import Profile
from heat import Heat
from micropython import const
from motion import Motion
from pulses import Pulses
from ring import Ring
from safety import NO_FAULT, Safety
from status import Counters
from supply import Supply
from timebase import TimeBase

from facewire.constants import (
    BASE_INTERVAL,
    CAUSE_BOOT,
    CAUSE_BUS,
    CAUSE_FRAMES,
    CAUSE_PARK,
    CAUSE_PROFILE,
    CAUSE_SHOW,
    CAUSE_SUPPLY,
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
    REARMING,
    RELEASED,
    RESTING,
    STOPPED,
)

_ACCEPTED = const(-1)
_BUS_RETRIES_HZ = const(2)
_HEAT_EVERY = const(4)  # ticks; servos warm slowly
_NO_BASE = const(-1)
_SPEED_BIAS = const(1 << 20)  # as in kernels_plain


class Head:
    """What the board moves.

    session: 0 while no host has said hello. on_show: a show plays or is about to, until anything else tells
    the head what to do.
    """

    def __init__(self, drivers: Drivers, timebase: TimeBase, supply: Supply) -> None:
        self.ring = Ring()
        self.motion = Motion(self.ring)
        self.pulses = Pulses()
        self.safety = Safety(self.pulses)
        self.heat = Heat()
        self.supply = supply
        self.counters = Counters()
        self.profile: Profile | None = None
        self.session = 0
        self.on_show = False
        self.out = array("H", bytes(2 * MAX_CHANNELS))  # what the servos were told last, 0..65535
        self._out_ms = timebase.tick_ms  # when that was
        self._speed = array("i", bytes(4 * MAX_CHANNELS))  # how far that is from a tick earlier, as in `aim`
        self._wish = array("i", bytes(4 * MAX_CHANNELS))
        self._drivers = drivers
        self._timebase = timebase
        self._base = array("H", bytes(2 * MAX_CHANNELS))
        self._base_sequence = _NO_BASE
        self._base_ms = 0

    def configure(self, profile: Profile, at_boot: bool) -> None:
        """Takes a profile into use and goes to its rest pose. Raises ValueError if this board cannot."""
        self._drivers.configure(profile)
        self.leave_show()
        self._flush()
        self._base_sequence = _NO_BASE
        self.profile = profile
        self.motion.count = profile.count
        self.pulses.configure(profile)
        self.heat.configure(profile)
        self._timebase.set_rate(profile.tick_hz)
        self._start_drivers()
        self.safety.configure(profile.tick_hz, CAUSE_BOOT if at_boot else CAUSE_PROFILE, self._out_ms)
        self._begin_state()

    def open_session(self, session: int) -> None:
        """A host has said hello; a repeated hello changes nothing."""
        if session == self.session:
            return
        self.session = session
        self.leave_show()
        self.ring.clear()
        self._base_sequence = _NO_BASE
        self.counters.clear()
        if self.safety.open_session(self._out_ms):
            self._begin_state()

    def park(self) -> None:
        """Eases to the rest pose; frames in the ring are dropped."""
        self.leave_show()
        self.go_to_rest(CAUSE_PARK)

    def stop(self) -> None:
        """Releases the pulses at once; frames in the ring are dropped."""
        self.leave_show()
        self._flush()
        if self.safety.stop(self._out_ms):
            self._begin_state()
        self.release()

    def go_to_rest(self, cause: int) -> None:
        """Eases to the rest pose, and does not leave a show; frames in the ring are dropped."""
        self._flush()
        if self.safety.park(self._out_ms, cause):
            self._begin_state()

    def enter_show(self) -> None:
        """From now on frames come from a show; the head does not follow others now."""
        self._flush()
        self.on_show = True
        self.safety.feed_from(CAUSE_SHOW)

    def leave_show(self) -> None:
        """From now on frames come from a host."""
        self.on_show = False
        self.safety.feed_from(CAUSE_FRAMES)

    def release(self) -> None:
        """Takes the pulses off all outputs now, without waiting for a tick."""
        if self.profile:
            self.pulses.off()
            self._drivers.whole = True
            self._drivers.write(self.out, self.profile, self.pulses.on)

    @micropython.native
    def receive(self, header: "array[int]", values: "array[int]", count: int) -> None:
        """A motion frame has arrived whole; see kernels_plain.read_motion for the arguments."""
        self.counters.received += 1
        drop = self._take(header, values, count)
        if drop != _ACCEPTED:
            self.counters.drops[drop] += 1

    def receive_show(self, positions: "array[int]", time_ms: int) -> None:
        """A frame of a show, 0..65535 for each channel, at board time; later than the one before."""
        self.counters.received += 1
        ring = self.ring
        offset = ring.free_offset()
        if ticks_diff(time_ms, self._timebase.now_ms()) <= 0:
            self.counters.drops[DROP_LATE] += 1
        elif offset < 0:
            self.counters.drops[DROP_RING_FULL] += 1
        else:
            fast.copy(positions, 0, ring.positions, offset, self.motion.count)
            ring.commit(time_ms)

    @micropython.native
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
        if self.on_show:
            self._take_over()
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

    @micropython.native
    def tick(self) -> None:
        """One step: tells the servos where the frames want every channel now, within its limits."""
        now_ms = self._timebase.tick_ms
        self._out_ms = now_ms
        profile = self.profile
        if profile is None:
            return
        counters = self.counters
        safety = self.safety
        drivers = self._drivers
        motion = self.motion
        count = profile.count
        if self._base_sequence != _NO_BASE and ticks_diff(now_ms, self._base_ms) > MAX_BASE_AGE_MS:
            self._base_sequence = _NO_BASE
        if safety.state >= FOLLOWING:
            counters.played += motion.follow(now_ms)
        else:
            self._pass_frames(now_ms)
            motion.ease(now_ms)
        out, on = self.out, self.pulses.on
        speed, wish = self._speed, self._wish
        heat = self.heat
        if counters.ticks % _HEAT_EVERY == 0:
            heat.look(out, speed, self._timebase.period_ms * _HEAT_EVERY)
        if heat.hot_count:
            heat.rest(motion.track)
        fast.aim(
            motion.track,
            motion.before,
            out,
            speed,
            profile.steps,
            profile.accelerations,
            on,
            safety.cap,
            wish,
            count,
        )
        if profile.pairs:
            fast.part(
                out,
                speed,
                wish,
                profile.accelerations,
                profile.firsts,
                profile.terms,
                profile.mosts,
                profile.pairs,
            )
        behind = fast.move(out, speed, wish, motion.track, count)
        if not drivers.ready and counters.ticks % (self._timebase.tick_hz // _BUS_RETRIES_HZ) == 0:
            self._start_drivers()
        fault = CAUSE_SUPPLY if self.supply.low else NO_FAULT if drivers.ready else CAUSE_BUS
        if safety.step(now_ms, self.ring.depth > 0, behind, fault):
            self._begin_state()
        if safety.state > REARMING and not self.pulses.all_on:
            self.pulses.step(now_ms)
        if drivers.ready:
            errors = drivers.errors
            drivers.write(out, profile, on)
            if drivers.errors != errors:
                counters.bus_errors += drivers.errors - errors

    def is_still(self) -> bool:
        """Whether nothing moves, nor is about to: the ticks may be held up."""
        return self.safety.state <= RELEASED or self.safety.state == RESTING

    def press(self, pressed: bool) -> None:
        """The stop button's level."""
        if self.safety.press(pressed, self._out_ms):
            self.leave_show()
            self._flush()
            self._begin_state()
            self.release()

    def _begin_state(self) -> None:
        """Sets the track off on what the state just entered asks for."""
        profile = self.profile
        if profile is None:
            return
        state = self.safety.state
        if state == EASING and not self.pulses.known:
            # Where the servos stand is unknown, so they creep to rest at once, each as it gets pulses.
            fast.copy(profile.rest, 0, self.out, 0, profile.count)
            self._stand()
            self.motion.hold(profile.rest)
        elif state == EASING:
            self.motion.start_easing(
                self.out, self._speed, profile.rest, self._out_ms, self._timebase.period_ms
            )
        elif state != HOLDING:
            if state <= REARMING:
                self._stand()
            self.motion.hold(self.out)

    def _take_over(self) -> None:
        """A host's frames begin in the middle of a show: the way to them begins where the track is."""
        self.leave_show()
        self._flush()
        if self.safety.state >= FOLLOWING:
            self.motion.hold(self.motion.track)

    def _stand(self) -> None:
        for i in range(self.motion.count):
            self._speed[i] = _SPEED_BIAS

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
