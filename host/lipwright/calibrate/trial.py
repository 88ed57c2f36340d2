"""What a board may do while a servo is tried: a profile with this one servo in it, a narrow range, a creep.

The board keeps to it whatever the host sends, gives no pulses to any other servo, and forgets it when it
loses power. So a mistake of this program, or of whoever presses its keys, moves one servo slowly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from facewire import constants as wire
from lipwright.calibrate.servos import Servo
from lipwright.face.profile import ACCELERATION_PER_SPEED, PULSE_LIMITS_US
from lipwright.link.board_profile import BoardChannel, BoardProfile

# How far beyond the ends that are set a servo may be tried. Set an end there, and it goes on from that.
REACH_US = 200.0
# A creep: about 10 degrees a second. Frames go at this pace ...
CREEP_US_S = 90.0
# ... and the board lets nothing be faster than this. It counts in whole percent of the range, at least five.
CREEP_LIMIT_US_S = 120.0
TRIAL_TICK_HZ = 100


@dataclass(frozen=True)
class Trial:
    """What one servo may do for now. `low_us` and `high_us`: how far; `at_us`: where it begins."""

    output: int
    low_us: int
    high_us: int
    at_us: float
    speed_percent: int  # of that range per second
    acceleration: int  # such ranges per second, per second
    pwm_hz: int

    @classmethod
    def creep(cls, output: int, low_us: float, high_us: float, at_us: float, pwm_hz: float) -> Trial:
        """Within a range, at a creep."""
        low, high = round(low_us), round(high_us)
        percent = max(wire.SPEED_MIN, int(100 * CREEP_LIMIT_US_S / (high - low)))
        return cls(output, low, high, at_us, percent, _acceleration(percent / 100), round(pwm_hz))

    @classmethod
    def around(cls, servo: Servo, at_us: float, pwm_hz: float) -> Trial:
        """A little beyond the ends that are set, at a creep; further if it stands there already."""
        low, high = reach(servo)
        return cls.creep(servo.output, min(low, floor(at_us)), max(high, ceil(at_us)), at_us, pwm_hz)

    @classmethod
    def at_speed(cls, servo: Servo, at_us: float, pwm_hz: float) -> Trial:
        """Between the ends that are set, as fast as the servo may be when it speaks."""
        percent = min(wire.SPEED_MAX, max(wire.SPEED_MIN, round(100 * servo.speed)))
        acceleration = (
            _acceleration(servo.speed)
            if servo.acceleration is None
            else min(wire.ACCELERATION_MAX, max(1, round(servo.acceleration)))
        )
        return cls(
            servo.output,
            floor(servo.min_us),
            ceil(servo.max_us),
            at_us,
            percent,
            acceleration,
            round(pwm_hz),
        )

    def profile(self) -> BoardProfile:
        """For the board: it creeps to where the trial begins, since it cannot know where the servo stands."""
        channel = BoardChannel(
            output=self.output,
            pulse_at_0_us=self.low_us,
            pulse_at_1_us=self.high_us,
            rest=round(self.target_of(self.at_us) * wire.POSITION_MAX),
            speed=self.speed_percent,
            acceleration=self.acceleration,
            group=0,
        )
        return BoardProfile(self.pwm_hz, TRIAL_TICK_HZ, (channel,))

    def target_of(self, us: float) -> float:
        """A pulse as a target of 0 to 1, clipped."""
        return min(1.0, max(0.0, (us - self.low_us) / (self.high_us - self.low_us)))

    def holds(self, us: float) -> bool:
        """Whether a pulse is within the range."""
        return self.low_us <= us <= self.high_us


def reach(servo: Servo) -> tuple[float, float]:
    """How far a servo may be tried with the ends that are set, in whole us."""
    low, high = PULSE_LIMITS_US
    return max(low, ceil(servo.min_us - REACH_US)), min(high, floor(servo.max_us + REACH_US))


def _acceleration(speed: float) -> int:
    return min(wire.ACCELERATION_MAX, max(1, round(ACCELERATION_PER_SPEED * speed)))
