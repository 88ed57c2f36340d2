"""Calibrating on the real firmware in virtual time: what moves, how fast, and what never does."""

import contextlib
import random

import numpy as np
import pytest
from weak_supply import weak_supply

from facewire import constants as wire
from lipwright.calibrate.mover import CREEP_LIMIT_US_S
from lipwright.calibrate.servos import CannotDo
from lipwright.calibrate.session import HOLDING, LIMP, MOVING, Session
from lipwright.calibrate.trial import REACH_US, Trial, reach
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.link.board_profile import BoardCollision, BoardProfile
from lipwright.link.frames import board_profile

from .rig import COUNT_US, OUTPUTS, STEP_S, own_profile, rig

# A pulse is told in whole counts, and another only when it is three quarters of one away.
SLACK_US = 2 * COUNT_US


@pytest.fixture
def made(tmp_path):
    with rig(own_profile(tmp_path)) as made:
        yield made


def assert_no_faster(pulses, us_s):
    """No two pulses (s, us) are further apart than a servo at this speed comes in the time between them."""
    times, widths = np.array(pulses).T
    rising, falling = widths - us_s * times, widths + us_s * times
    assert (rising - np.minimum.accumulate(rising)).max() <= SLACK_US
    assert (np.maximum.accumulate(falling) - falling).max() <= SLACK_US


def test_greeting_a_head_that_holds_makes_all_limp_and_a_servo_chosen_stays_so(tmp_path):
    path = own_profile(tmp_path)
    with rig(path) as made:
        board = made.board
        made.session.drop()
        with BoardLink(board, load_profile(path)) as link:
            link.connect()
            board.clock.sleep_until(board.clock.now() + 0.1)
        assert np.count_nonzero(made.meter.now()) == 26
        session = Session(board, made.session.file)
        session.open()
        made.session = session
        made.wait(0.1)
        assert not made.meter.now().any()
        session.choose(4)
        made.wait(1.0)
        assert not made.meter.now().any()
        assert session.state == LIMP


def test_the_first_pulses_are_where_it_rests_a_few_at_first_and_only_its_own(made):
    made.on("lower_lip_forward")
    servo = made.session.servo
    widths = made.meter.widths(servo.output)
    assert {round(width, 2) for _, width in widths} == {round(widths[0][1], 2)}
    assert widths[0][1] == pytest.approx(servo.rest_us, abs=COUNT_US)
    first_half_second = [
        bool(pulses[servo.output]) for t, pulses in made.meter.seen if t < widths[0][0] + 0.45
    ]
    assert first_half_second.count(False) >= 4, "it gets pulses now and then"
    assert made.meter.used() == {servo.output}


def test_each_key_moves_it_as_far_as_it_says_at_a_creep(made):
    made.on()
    start = made.session.at_us
    for by in (5.0, 20.0, -5.0, -20.0, 20.0):
        at = made.session.at_us
        made.session.move(by)
        assert made.session.state == MOVING
        made.settle()
        assert made.session.at_us == at + by
        assert made.width == pytest.approx(made.session.at_us, abs=COUNT_US)
    assert made.session.at_us == start + 20
    assert_no_faster(made.meter.widths(0), CREEP_LIMIT_US_S)


def test_a_held_key_does_not_run_ahead_of_the_servo(made):
    made.on()
    for _ in range(30):
        made.session.move(20)
        made.wait(STEP_S)
    released = made.session.at_us
    made.settle()
    assert made.session.at_us - released <= 40
    assert made.session.at_us - 1500 < 0.6 * 90 + 45


def test_it_stops_a_little_beyond_the_end_and_goes_on_without_a_jump_when_that_is_set(made):
    made.on()
    made.go(made.session.servo.max_us + REACH_US)
    made.session.move(5)
    made.settle()
    assert made.session.at_us == 1989 + REACH_US
    assert "beyond the end" in made.session.notice
    made.session.set_maximum()
    made.go(made.session.at_us + 100)
    assert made.width == pytest.approx(1989 + REACH_US + 100, abs=COUNT_US)
    assert_no_faster(made.meter.widths(0), CREEP_LIMIT_US_S)


def test_no_servo_is_sent_beyond_what_servos_bear(made):
    made.on()
    for _ in range(4):
        made.go(min(2600.0, made.session.servo.max_us + REACH_US))
        made.session.set_maximum()
    made.session.move(20)
    assert made.session.goal_us == 2600 and "no servo bears" in made.session.notice
    made.settle()
    assert max(width for _, width in made.meter.widths(0)) <= 2600


def test_what_is_set_is_where_it_stands(made):
    made.on("corner_right")
    session = made.session
    made.go(940.0)
    session.set_minimum()
    made.go(1480.0)
    session.set_rest()
    made.go(1900.0)
    session.set_maximum()
    session.invert()
    session.set_speed(4.5)
    servo = session.servo
    assert (servo.min_us, servo.rest_us, servo.max_us) == (940, 1480, 1900)
    assert (servo.inverted, servo.speed) == (False, 4.5)
    at = made.width
    for _ in range(5):
        session.undo()
    made.settle()
    assert made.width == at, "taking back moves nothing"
    assert session.servo == session.settings.servos[10] and not session.unsaved


def test_limp_servos_do_not_move_and_nothing_is_set_by_them(made):
    session = made.session
    for wish in (
        lambda: session.move(5),
        session.set_minimum,
        session.set_rest,
        session.set_maximum,
        session.show_range,
        session.show_rest,
        session.show_speed,
    ):
        with pytest.raises(CannotDo, match="limp"):
            wish()
    made.wait(0.5)
    assert made.meter.used() == set() and not session.unsaved


def test_another_servo_has_the_first_one_limp_on_the_other_driver_too(made):
    made.on("neck_roll")
    made.on("jaw")
    assert set(np.flatnonzero(made.meter.now())) == {0}
    made.on("neck_roll")
    assert set(np.flatnonzero(made.meter.now())) == {25}


def test_a_servo_that_was_let_go_comes_back_where_it_was(made):
    made.on()
    made.go(1560.0)
    made.session.let_go()
    made.on("corner_left")
    made.meter.forget()
    made.on("jaw")
    assert {round(width) for _, width in made.meter.widths(0)} == {round(made.width)}
    assert made.width == pytest.approx(1560, abs=COUNT_US)


def test_its_range_is_shown_at_a_creep_and_any_wish_stops_it(made):
    made.on()
    made.session.show_range()
    made.settle()
    widths = made.meter.widths(0)
    assert min(width for _, width in widths) == pytest.approx(1500, abs=COUNT_US)
    assert max(width for _, width in widths) == pytest.approx(1989, abs=COUNT_US)
    assert made.width == pytest.approx(1500, abs=COUNT_US)
    assert_no_faster(widths, CREEP_LIMIT_US_S)
    made.session.show_range()
    made.wait(2.0)
    made.session.halt()
    at = made.session.at_us
    made.settle()
    assert made.session.at_us == at and made.session.state == HOLDING
    assert 1500 < at < 1989


def test_a_speed_is_shown_from_slow_to_fast_within_the_range_and_never_above(made):
    made.on()
    made.session.set_speed(4.0)
    made.meter.forget()
    made.session.show_speed()
    made.settle()
    widths = made.meter.widths(0)
    span = made.session.servo.max_us - made.session.servo.min_us
    assert_no_faster(widths, 4.0 * span)
    with pytest.raises(AssertionError):
        assert_no_faster(widths, 2.0 * span)
    assert min(width for _, width in widths) >= 1500 - COUNT_US
    assert max(width for _, width in widths) <= 1989 + COUNT_US
    made.meter.forget()
    made.session.move(20)
    made.settle()
    assert_no_faster(made.meter.widths(0), CREEP_LIMIT_US_S)


@pytest.mark.parametrize("after_s", [0.1, 0.7, 2.5, 6.3])
def test_a_speed_that_is_being_shown_can_be_stopped_and_is_a_creep_again(made, after_s):
    made.on()
    made.session.set_speed(8.0)
    made.session.show_speed()
    made.wait(after_s)
    made.session.halt()
    made.settle()
    made.meter.forget()
    made.session.move(20)
    made.settle()
    made.session.show_rest()
    made.settle()
    assert_no_faster(made.meter.widths(0), CREEP_LIMIT_US_S)


def test_saving_gives_the_board_what_is_in_the_file_and_no_servo_a_pulse(tmp_path):
    path = own_profile(tmp_path)
    flash = tmp_path / "flash"
    flash.mkdir()
    with rig(path, flash=flash) as made:
        made.on()
        made.go(1540.0)
        made.session.set_minimum()
        made.meter.forget()
        made.session.save()
        made.wait(2.0)
        assert made.meter.used() <= {0} and not made.meter.now().any()
        crc = board_profile(load_profile(path)).crc
        assert load_profile(path).channels[0].pulse_min_us == 1540
        assert f"{crc:08x}" in made.session.notice and not made.session.unsaved
        kept = (flash / "profile.bin").read_bytes()
        assert int.from_bytes(kept[-4:], "little") == crc
        # The trial is not kept, and what was kept is in use again at the end.
        made.on("corner_left")
        assert (flash / "profile.bin").read_bytes() == kept
        made.session.close()
        made.meter.forget()
        with BoardLink(made.board, None) as link:
            info = link.connect()
            assert (info.profile_crc, link.request_status().state_name) == (crc, "released")
        made.board.clock.sleep_until(made.board.clock.now() + 2)
        assert not made.meter.now().any() and made.meter.used() <= {9}


def test_a_profile_that_cannot_be_used_changes_neither_file_nor_board(made, tmp_path):
    made.on("lower_lip_mid")
    made.go(2000.0)
    made.session.set_rest()
    with pytest.raises(CannotDo, match="broken by the rest pose"):
        made.session.save()
    assert made.session.unsaved
    assert [file.name for file in tmp_path.iterdir()] == ["my_head.toml"]
    made.session.undo()
    made.session.save()


def test_the_largest_profile_is_kept_without_a_pulse_too(tmp_path):
    """It takes the board several reads, and a tick may come between any two of them."""
    names = [f"servo_{number}" for number in range(OUTPUTS)]
    head = own_profile(tmp_path).read_text().partition("[[collisions]]")[0]
    group = (
        '[[channels]]\nname = "{}"\ngroup = "mouth"\noutput = {}\npulse_min_us = 1000\npulse_max_us = 2000\n'
    )
    channels = "".join(
        group.format(name, number) + "rest = 0.5\nspeed = 10.0\n" for number, name in enumerate(names)
    )
    pairs = "".join(
        f'[[collisions]]\nchannels = ["{a}", "{b}"]\nweights = [14.0, -12.2]\nmost = 90.0\n'
        for a, b in zip(names[:16], names[16:], strict=True)
    )
    path = tmp_path / "large.toml"
    path.write_text(head + pairs + channels)
    with rig(path) as made:
        made.session.save()
        made.wait(1.0)
        assert made.meter.used() == set()
        assert "agree" in made.session.notice


def test_nobody_there_for_a_while_and_it_is_let_go(made):
    made.on()
    made.wait(42)
    assert made.session.state == HOLDING
    made.wait(4)
    assert made.session.state == LIMP and "without a wish" in made.session.notice
    assert not made.meter.now().any()


def test_a_program_that_is_held_up_finds_its_servo_limp_and_does_not_wake_it(made):
    made.on()
    made.go(1580.0)
    made.board.clock.sleep_until(made.board.clock.now() + 3.0)
    made.wait(2.0)
    assert made.session.state == LIMP and "held up" in made.session.notice
    assert not made.meter.now().any()
    assert_no_faster(made.meter.widths(0), CREEP_LIMIT_US_S)
    made.on()
    assert made.session.at_us == pytest.approx(1500, abs=1), "the board took it back to where it began"


def test_a_supply_that_gives_in_is_said_and_the_servo_does_not_come_back_by_itself(tmp_path):
    flash = tmp_path / "flash"
    flash.mkdir()
    (flash / "supply.py").write_text(weak_supply(after=300))
    with rig(own_profile(tmp_path), flash=flash) as made:
        made.on()
        made.wait(3.0)
        assert made.session.state == LIMP
        assert "supply is too low (3.90 V)" in made.session.notice
        made.session.power()
        made.wait(1.0)
        assert made.session.state == LIMP and "supply is too low" in made.session.notice
        assert not made.meter.now().any()


WISHES = ("left", "right", "far left", "far right", "min", "rest", "max", "invert", "undo", "range", "home")
WISHES += ("power", "power", "power", "limp", "halt", "save", "next", "speed")


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_wished_nothing_is_faster_than_a_creep_or_leaves_its_trial(seed, tmp_path):
    chance = random.Random(seed)
    with rig(own_profile(tmp_path, "six_servo_mouth")) as made:
        session = made.session
        do = {
            "left": lambda: session.move(-5),
            "right": lambda: session.move(5),
            "far left": lambda: session.move(-20),
            "far right": lambda: session.move(20),
            "min": session.set_minimum,
            "rest": session.set_rest,
            "max": session.set_maximum,
            "invert": session.invert,
            "undo": session.undo,
            "range": session.show_range,
            "home": session.show_rest,
            "power": session.power,
            "limp": session.let_go,
            "halt": session.halt,
            "save": session.save,
            "next": lambda: session.choose((session.chosen + 1) % 2),
            "speed": lambda: session.set_speed(3.0),
        }
        furthest = [reach(servo) for servo in session.settings.servos[:2]]
        session.power()
        ways = []
        for _ in range(70):
            wish = chance.choice(WISHES)
            pause_s = chance.choice([0.02, 0.1, 0.5, 2.0])
            for _ in range(chance.randint(1, 15) if wish.endswith(("left", "right")) else 1):
                with contextlib.suppress(CannotDo):
                    do[wish]()
                made.wait(pause_s)
            for index, (low, high) in enumerate(furthest):
                now = reach(session.settings.servos[index])
                furthest[index] = (min(low, now[0]), max(high, now[1]))
        session.close()
        made.board.clock.sleep_until(made.board.clock.now() + 1)
        outputs = [servo.output for servo in session.settings.servos[:2]]
        assert made.meter.used() <= set(outputs)
        assert not made.meter.now().any()
        for output, (low, high) in zip(outputs, furthest, strict=True):
            pulses = made.meter.widths(output)
            if pulses:
                assert_no_faster(pulses, CREEP_LIMIT_US_S)
                widths = [width for _, width in pulses]
                assert min(widths) >= max(low, 400) - 1 and max(widths) <= min(high, 2600) + 1
                ways.append(max(widths) - min(widths))
        assert max(np.count_nonzero(widths) for _, widths in made.meter.seen) == 1
        assert max(ways) > 40, "a test in which nothing moves proves nothing"
        assert made.board.bus.problems == []


def test_a_trial_that_the_board_refuses_is_said_and_does_not_end_it(made):
    channel = Trial.around(made.session.servo, 1500, 50).profile().channels[0]
    broken = BoardProfile(50, 100, (channel,), (BoardCollision(-1, (0,), (1,)),))
    with pytest.raises(CannotDo, match="refused: collision 0 is broken by the rest pose"):
        made.session._link.use(broken)
    made.on()


def test_a_board_that_restarts_ends_it(made):
    made.on()
    made.session._link._session = 4242  # as if the board had forgotten who greeted it
    with pytest.raises(LipwrightError, match="has restarted"):
        made.wait(2)
    assert made.session._link.status.state <= wire.FOLLOWING
