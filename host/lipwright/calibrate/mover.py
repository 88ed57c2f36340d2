"""Moves one servo of a board at a creep: keeps the board fed with frames, and lets go when anything is odd.

Frames never cease while the servo has pulses. So if this program dies, the board eases to where the trial
began and lets go, by itself.
"""

from __future__ import annotations

from collections import deque
from math import copysign

from facewire import constants as wire
from lipwright.calibrate.servos import CannotDo
from lipwright.calibrate.trial import CREEP_LIMIT_US_S, CREEP_US_S, Trial
from lipwright.calibrate.trial_link import TrialLink
from lipwright.link import plain_words

FRAME_S = 0.02
AHEAD_S = 0.15
# The board brings the servo to where the trial begins: one group's way to full pulses, and a margin. Frames
# for this time are sent at once: the board has something to follow, and to miss, as soon as it is there.
START_S = 0.8
# The goal is never further off than this: what moves because a key is held stops soon after it is let go.
LEASH_US = 40.0
# How long after its last frame a servo may still be catching up.
SETTLE_S = 0.15
# The board keeps the last pose for 150 ms without frames; then it has begun to let go.
HELD_UP_S = 0.15


class Mover:
    """One servo under power, or none.

    Attributes:
        at_us: The pulse that the servo gets now; that it had last, while it has none.
        goal_us: Where it is on its way to.
        let_go_because: Why the servo has no pulses, where that was not asked for; else empty.
    """

    def __init__(self, link: TrialLink) -> None:
        """`link` is connected."""
        self.link = link
        self.at_us = self.goal_us = 0.0
        self.let_go_because = ""
        self._trial: Trial | None = None
        self._us_s = CREEP_US_S
        self._next_s = 0.0
        self._sent: deque[tuple[float, float]] = deque(maxlen=round(2 * START_S / FRAME_S))  # when, us
        self._moved_s = 0.0  # when the servo is to be where the last move ends

    @property
    def powered(self) -> bool:
        """Whether a servo has pulses."""
        return self._trial is not None

    @property
    def arrived(self) -> bool:
        """Whether the servo is where it was sent."""
        return self.at_us == self.goal_us

    @property
    def settled(self) -> bool:
        """Whether the servo has stood for a while: only then may another trial begin where it is."""
        return self.arrived and self.link.clock.now() > self._moved_s + SETTLE_S

    def holds(self, us: float) -> bool:
        """Whether a pulse is within the trial."""
        return self._trial is not None and self._trial.holds(us)

    def start(self, trial: Trial, us_s: float = CREEP_US_S) -> None:
        """Gives the servo of a trial pulses, those of all others being off; it then moves with `us_s` (us/s).

        Raises CannotDo if the board gives none: its button is pressed, a driver does not answer.
        """
        self._trial = None
        self.let_go_because = ""
        status = self.link.use(trial.profile())
        if status.state <= wire.REARMING:
            self.let_go(plain_words.why_limp(status))
            raise CannotDo(self.let_go_because)
        self._trial = trial
        self.at_us = self.goal_us = trial.at_us
        self._us_s = us_s
        self._sent.clear()
        self._next_s = self._moved_s = self.link.clock.now() + AHEAD_S
        self._send_until(self.link.clock.now() + START_S)

    def let_go(self, because: str = "") -> None:
        """Takes the pulses off."""
        self.link.stop()
        if self.powered:  # frames that were still to come do not count
            now = self.link.clock.now()
            self.at_us = next((us for at, us in reversed(self._sent) if at <= now), self._sent[0][1])
        self._trial = None
        self.goal_us = self.at_us
        self.let_go_because = because

    def go(self, us: float) -> None:
        """Sends the servo somewhere within its trial, however far."""
        trial = self._trial
        if trial is not None:
            self.goal_us = min(float(trial.high_us), max(float(trial.low_us), us))

    def nudge(self, us: float) -> None:
        """Sends the servo a little further, up or down, to a whole microsecond; what is far already stays."""
        self.go(round(min(self.at_us + LEASH_US, max(self.at_us - LEASH_US, self.goal_us + us))))

    def halt(self) -> None:
        """Stops where it is."""
        self.goal_us = self.at_us

    def set_pace(self, us_s: float) -> None:
        """How fast to go from now on, in us/s; the board has its own limit, the trial's."""
        self._us_s = us_s

    def step(self) -> None:
        """Sends the frames that are due and hears what the board says; to be called every 20 ms or so.

        Raises LipwrightError when the link is lost.
        """
        now = self.link.clock.now()
        if self.powered:
            if now > self._next_s + HELD_UP_S:
                self._give_up(now - self._next_s)
            else:
                self._send_until(now + AHEAD_S)
        self.link.poll()
        if self.powered:
            self._look()

    def _send_until(self, until_s: float) -> None:
        trial = self._trial
        assert trial is not None
        while self._next_s <= until_s:
            way, most = self.goal_us - self.at_us, self._us_s * FRAME_S
            if way:
                self.at_us = self.goal_us if abs(way) <= most else self.at_us + copysign(most, way)
                self._moved_s = self._next_s
            self.link.send([trial.target_of(self.at_us)], self._next_s)
            self._sent.append((self._next_s, self.at_us))
            self._next_s += FRAME_S

    def _give_up(self, seconds: float) -> None:
        """So long without frames, the board was on its way to where the trial began."""
        trial = self._trial
        assert trial is not None
        self.let_go("this program was held up, so the board has begun to let go by itself.")
        way, most = trial.at_us - self.at_us, CREEP_LIMIT_US_S * seconds
        self.at_us = self.goal_us = self.at_us + min(most, max(-most, way))

    def _look(self) -> None:
        status = self.link.status
        if status.state <= wire.REARMING:
            self.let_go(plain_words.why_limp(status))
        elif status.hot:
            self.let_go("the board reckons that this servo has become too hot: let it cool for a minute.")
