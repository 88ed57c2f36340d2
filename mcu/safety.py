"""What the board may do when: the state machine that nothing on the wire can get around.

Start at rest; follow while there are frames; when they cease, hold, ease to rest, release; follow again after
a while of good frames, slowly at first. Times are board time in ms; one step a tick.
"""

from clock import ticks_diff
from micropython import const
from motion import EASE_MS

from facewire.constants import (
    CAUSE_BOOT,
    CAUSE_BUS,
    CAUSE_FRAMES,
    CAUSE_PARK,
    CAUSE_SESSION,
    CAUSE_SILENCE,
    CAUSE_STOP,
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
FREE = const(65535)  # a step that no channel exceeds
_SLOW_STEP = const(328)  # half a range per second: how the first move after a re-arm begins


class Safety:
    """The board's state and its cause.

    live: how many channels have pulses; they come on one a tick, so that the supply need not start all servos
    at once. cap: how far a channel may move in one tick besides its own limit.
    """

    def __init__(self) -> None:
        self.state = UNCONFIGURED
        self.cause = CAUSE_BOOT
        self.live = 0
        self.cap = FREE
        self._count = 0
        self._since_ms = 0
        self._fed = False
        self._fed_since_ms = 0

    def configure(self, count: int, cause: int, now_ms: int) -> None:
        """A profile with `count` channels has come into force: to its rest pose."""
        self._count = count
        self.live = 0
        self._enter(EASING, cause, now_ms)

    def park(self, now_ms: int) -> bool:
        """To the rest pose, with pulses on, from any state. Returns whether the state has changed."""
        if self.state == UNCONFIGURED or self.state == RESTING:
            return False
        if self.state == EASING and self.cause != CAUSE_SILENCE:  # on its way already
            return False
        self._enter(EASING, CAUSE_PARK, now_ms)
        return True

    def stop(self, now_ms: int) -> bool:
        """Releases at once, until `park` or `open_session`. Returns whether the state has changed."""
        if self.state == UNCONFIGURED:
            return False
        self._enter(STOPPED, CAUSE_STOP, now_ms)
        return True

    def open_session(self, now_ms: int) -> bool:
        """A host says hello: what moved for another one goes to rest, what was stopped may arm again.

        Returns whether the state has changed.
        """
        if self.state == STOPPED:
            self._enter(RELEASED, CAUSE_SESSION, now_ms)
        elif self.state >= FOLLOWING:
            self._enter(EASING, CAUSE_SESSION, now_ms)
        else:
            return False
        return True

    def step(self, now_ms: int, fed: bool, behind: int, bus_ready: bool) -> bool:
        """One tick: whether frames are waiting, how many channels have not arrived, whether the chips answer.

        Returns whether the state has changed.
        """
        if fed and not self._fed:
            self._fed_since_ms = now_ms
        self._fed = fed
        before = self.state
        if before <= STOPPED:
            return False
        if not bus_ready:
            if before != RELEASED or self.cause != CAUSE_BUS:
                self._enter(RELEASED, CAUSE_BUS, now_ms)
            return self.state != before
        if before <= REARMING:
            self._step_released(now_ms, fed)
        else:
            if self.live < self._count:
                self.live += 1
            elif behind == 0:
                self.cap = FREE
            if self.cap < FREE:
                self.cap += self.cap >> 5
                if self.cap > FREE:
                    self.cap = FREE
            self._step_powered(now_ms, fed, behind)
        return self.state != before

    def _step_released(self, now_ms: int, fed: bool) -> None:
        if self.cause == CAUSE_BUS:  # the chips answer again, and know nothing of before
            self._enter(EASING, CAUSE_BUS, now_ms)
        elif self.state == RELEASED:
            if fed:
                self._enter(REARMING, self.cause, now_ms)
        elif not fed:
            self._enter(RELEASED, self.cause, now_ms)
        elif self._fed_long(now_ms):
            self._follow_slowly(now_ms)

    def _step_powered(self, now_ms: int, fed: bool, behind: int) -> None:
        state = self.state
        if state == FOLLOWING:
            if not fed:
                self._enter(HOLDING, CAUSE_SILENCE, now_ms)
        elif state == RESTING:
            if fed:
                self._enter(FOLLOWING, CAUSE_FRAMES, now_ms)
        elif state == HOLDING:
            if fed:
                self._enter(FOLLOWING, CAUSE_FRAMES, now_ms)
            elif ticks_diff(now_ms, self._since_ms) >= HOLD_MS:
                self._enter(EASING, CAUSE_SILENCE, now_ms)
        elif self.cause == CAUSE_SILENCE and fed and self._fed_long(now_ms):
            self._follow_slowly(now_ms)
        elif ticks_diff(now_ms, self._since_ms) >= EASE_MS and behind == 0 and self.live == self._count:
            self._enter(RELEASED if self.cause == CAUSE_SILENCE else RESTING, self.cause, now_ms)

    def _fed_long(self, now_ms: int) -> bool:
        return ticks_diff(now_ms, self._fed_since_ms) >= REARM_MS

    def _follow_slowly(self, now_ms: int) -> None:
        self._enter(FOLLOWING, CAUSE_FRAMES, now_ms)
        self.cap = _SLOW_STEP

    def _enter(self, state: int, cause: int, now_ms: int) -> None:
        self.state = state
        self.cause = cause
        self._since_ms = now_ms
        if state <= REARMING:
            self.live = 0
        if state == EASING:
            self.cap = FREE
