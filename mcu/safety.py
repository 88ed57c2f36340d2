"""What the board may do when: the state machine that nothing on the wire can get around.

Start at rest; follow while there are frames; when they cease, hold, ease to rest, release; follow again after
a while of good frames, slowly at first. Times are board time in ms; one step a tick. `pulses.py` says which
servos have pulses.
"""

import micropython
from clock import ticks_diff
from micropython import const
from motion import EASE_MS
from pulses import Pulses

from facewire.constants import (
    CAUSE_BOOT,
    CAUSE_BUS,
    CAUSE_BUTTON,
    CAUSE_FRAMES,
    CAUSE_PARK,
    CAUSE_SESSION,
    CAUSE_SILENCE,
    CAUSE_STOP,
    CAUSE_SUPPLY,
    EASING,
    FOLLOWING,
    HOLDING,
    REARMING,
    RELEASED,
    RESTING,
    STOPPED,
    UNCONFIGURED,
)

HOLD_MS = const(150)
REARM_MS = const(500)
EASE_MOST_MS = const(30000)  # a way to rest ends here, even if collisions keep a channel from it
NO_FAULT = const(-1)
FAULTS = (CAUSE_BUS, CAUSE_SUPPLY)
FREE = const(65535)  # a step that no channel exceeds
_SLOW_START_HZ = const(32768)  # half a range per second: how the first move after a re-arm begins
_DOUBLES_IN_MS = const(220)


class Safety:
    """The board's state and its cause.

    cap: how far a channel may move in one tick besides its own limit. pressed: the stop button is.
    """

    def __init__(self, pulses: Pulses) -> None:
        self.state = UNCONFIGURED
        self.cause = CAUSE_BOOT
        self.cap = FREE
        self.pressed = False
        self._barred = False  # stopped before there was a profile
        self._pulses = pulses
        self._tick_hz = 100
        self._source = CAUSE_FRAMES
        self._since_ms = 0
        self._fed = False
        self._fed_since_ms = 0
        self._doubled_ms = 0

    def configure(self, tick_hz: int, cause: int, now_ms: int) -> None:
        """A profile has come into force: to its rest pose. What was stopped stays so."""
        self._tick_hz = tick_hz
        if self.pressed:
            self._enter(STOPPED, CAUSE_BUTTON, now_ms)
        elif self._barred:
            self._barred = False
            self._enter(STOPPED, CAUSE_STOP, now_ms)
        elif self.state != STOPPED:
            self._enter(EASING, cause, now_ms)

    def park(self, now_ms: int, cause: int = CAUSE_PARK) -> bool:
        """To the rest pose, with pulses on, from any state. Returns whether the state has changed."""
        if self.state == UNCONFIGURED or self.state == RESTING or self.pressed:
            return False
        if self.state == EASING and self.cause != CAUSE_SILENCE:  # on its way already
            return False
        self._enter(EASING, cause, now_ms)
        return True

    def stop(self, now_ms: int, cause: int = CAUSE_STOP) -> bool:
        """Releases at once, until `park` or `open_session`. Returns whether the state has changed."""
        if self.state == UNCONFIGURED:
            self._barred = True
            return False
        self._pulses.lose()
        self._enter(STOPPED, cause, now_ms)
        return True

    def press(self, pressed: bool, now_ms: int) -> bool:
        """The stop button's level; as long as it is pressed, nothing arms. Returns whether the state has
        changed."""
        if pressed == self.pressed:
            return False
        self.pressed = pressed
        return pressed and self.stop(now_ms, CAUSE_BUTTON)

    def open_session(self, now_ms: int) -> bool:
        """A host says hello: what moved for another one goes to rest, what was stopped may arm again.

        Returns whether the state has changed.
        """
        self._barred = False
        if self.state == STOPPED:
            if self.pressed:
                return False
            self._enter(RELEASED, CAUSE_SESSION, now_ms)
        elif self.state >= FOLLOWING:
            self._enter(EASING, CAUSE_SESSION, now_ms)
        else:
            return False
        return True

    def feed_from(self, cause: int) -> None:
        """Says where frames come from: the cause of following them."""
        self._source = cause
        if self.state == FOLLOWING:
            self.cause = cause

    @micropython.native
    def step(self, now_ms: int, fed: bool, behind: int, fault: int) -> bool:
        """One tick: whether frames are waiting, how many channels have not arrived, and the cause that
        forbids all pulses, or NO_FAULT.

        Returns whether the state has changed.
        """
        if fed and not self._fed:
            self._fed_since_ms = now_ms
        self._fed = fed
        before = self.state
        if before <= STOPPED:
            return False
        if fault != NO_FAULT:
            if before != RELEASED or self.cause != fault:
                self._pulses.lose()
                self._enter(RELEASED, fault, now_ms)
            return self.state != before
        if before <= REARMING:
            self._step_released(now_ms, fed)
        else:
            if self.cap < FREE:
                if behind == 0 and self._pulses.all_on:
                    self.cap = FREE
                else:
                    self._raise_cap(now_ms)
            self._step_powered(now_ms, fed, behind)
        return self.state != before

    def _raise_cap(self, now_ms: int) -> None:
        if ticks_diff(now_ms, self._doubled_ms) >= _DOUBLES_IN_MS // 8:
            self._doubled_ms = now_ms
            self.cap += 1 + (self.cap * 23 >> 8)  # eight of these double it
            if self.cap > FREE:
                self.cap = FREE

    def _step_released(self, now_ms: int, fed: bool) -> None:
        if self.cause in FAULTS:  # it is over, and nobody knows where the servos stand
            self._enter(EASING, self.cause, now_ms)
        elif self.state == RELEASED:
            if fed:
                self._enter(REARMING, self.cause, now_ms)
        elif not fed:
            self._enter(RELEASED, self.cause, now_ms)
        elif self._fed_long(now_ms):
            if self._pulses.known:
                self._follow_slowly(now_ms)
            else:
                self._enter(EASING, self.cause, now_ms)

    @micropython.native
    def _step_powered(self, now_ms: int, fed: bool, behind: int) -> None:
        state = self.state
        if state == FOLLOWING:
            if not fed:
                self._enter(HOLDING, CAUSE_SILENCE, now_ms)
        elif state == RESTING:
            if fed:
                self._enter(FOLLOWING, self._source, now_ms)
        elif state == HOLDING:
            if fed:
                self._enter(FOLLOWING, self._source, now_ms)
            elif ticks_diff(now_ms, self._since_ms) >= HOLD_MS:
                self._enter(EASING, CAUSE_SILENCE, now_ms)
        elif self.cause == CAUSE_SILENCE and fed and self._fed_long(now_ms):
            self._follow_slowly(now_ms)
        elif self._eased(now_ms, behind):
            self._enter(RELEASED if self.cause == CAUSE_SILENCE else RESTING, self.cause, now_ms)

    def _eased(self, now_ms: int, behind: int) -> bool:
        passed_ms = ticks_diff(now_ms, self._since_ms)
        if passed_ms >= EASE_MOST_MS:
            return True
        return passed_ms >= EASE_MS and behind == 0 and self._pulses.all_on

    def _fed_long(self, now_ms: int) -> bool:
        return ticks_diff(now_ms, self._fed_since_ms) >= REARM_MS

    def _follow_slowly(self, now_ms: int) -> None:
        self._enter(FOLLOWING, self._source, now_ms)
        self.cap = _SLOW_START_HZ // self._tick_hz
        self._doubled_ms = now_ms

    def _enter(self, state: int, cause: int, now_ms: int) -> None:
        self.state = state
        self.cause = cause
        self._since_ms = now_ms
        if state <= REARMING:
            self._pulses.off()
        if state == EASING:
            self.cap = FREE
