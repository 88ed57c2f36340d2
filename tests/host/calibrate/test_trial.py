"""What a board is allowed while a servo is tried."""

from hypothesis import given
from hypothesis import strategies as st

from facewire import constants as wire
from lipwright.calibrate.servos import CannotDo, Servo
from lipwright.calibrate.trial import CREEP_LIMIT_US_S, CREEP_US_S, REACH_US, Trial, reach
from lipwright.face.profile import ACCELERATION_PER_SPEED
from lipwright.link.board_profile import BoardProfile

PULSES = st.floats(400, 2600)
SERVO = Servo("jaw", 7, 1000.0, 1300.0, 2000.0, False, 8.0, None)


@given(PULSES, PULSES, PULSES)
def test_whatever_the_ends_the_board_lets_it_creep_and_the_frames_do_not_outrun_that(low, high, at):
    try:
        servo = SERVO.with_ends(low, high)
    except CannotDo:
        return
    trial = Trial.around(servo, at, 50)
    span = trial.high_us - trial.low_us
    # The firmware's own sum (mcu/head_profile.py): steps of 65536ths of the range, a hundred a second.
    step = trial.speed_percent * 65535 // 10000
    assert step * 100 / 65535 * span <= CREEP_LIMIT_US_S
    assert step * 100 / 65535 * span >= CREEP_US_S
    assert trial.low_us >= max(400, min(servo.min_us - REACH_US, at) - 1)
    assert trial.high_us <= min(2600, max(servo.max_us + REACH_US, at) + 1)
    assert trial.holds(at)
    profile = trial.profile()
    assert BoardProfile.from_body(profile.body()) == profile
    (channel,) = profile.channels
    rest = trial.low_us + channel.rest / wire.POSITION_MAX * span
    assert abs(rest - at) < 0.5, "it begins where the servo stands"


def test_a_trial_reaches_a_little_further_than_the_ends_but_not_beyond_what_servos_bear():
    assert reach(SERVO) == (800, 2200)
    assert reach(SERVO.with_ends(450, 2500)) == (400, 2600)
    assert reach(SERVO.with_ends(min_us=None, max_us=2599)) == (800, 2600)


def test_a_speed_is_tried_between_the_ends_with_the_servo_s_own_limits():
    (channel,) = Trial.at_speed(SERVO, 1500, 50).profile().channels
    assert (channel.pulse_at_0_us, channel.pulse_at_1_us) == (1000, 2000)
    assert (channel.speed, channel.acceleration, channel.output) == (800, 8 * ACCELERATION_PER_SPEED, 7)
    gentle = Servo("jaw", 7, 1000.0, 1300.0, 2000.0, False, 8.0, 30.0)
    assert Trial.at_speed(gentle, 1500, 50).profile().channels[0].acceleration == 30
