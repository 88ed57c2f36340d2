"""The simulated head does what its servos are told, in the time that servos take."""

from __future__ import annotations

import time

import numpy as np
import pytest

from liplab.head.geometry import LIP_NODE_NAMES
from liplab.head.head import Head
from liplab.head.measures import ARTICULATION, LIPS_AT_REST_MM
from liplab.head.poses import OTHER_POSES, POSES, pose_pulses, pose_targets
from liplab.head.servos import CHANNELS, DEADBAND_US, SERVOS, US_PER_DEGREE, pulses_from_degrees
from lipwright.face.profile import load_profile

SETTLED = 0.8
APERTURE, WIDTH, ROUNDING, JAW, TUCK = range(5)
MIRROR = [
    LIP_NODE_NAMES.index(
        name.replace("right", "left")
        if "right" in name
        else name.replace("left", "right")
        if "left" in name
        else f"{name.split('_')[0]}_{10 - int(name.split('_')[1])}"
    )
    for name in LIP_NODE_NAMES
]


def held(pulses: np.ndarray) -> Head:
    head = Head()
    head.set_pulses(pulses, 0.0)
    head.advance(SETTLED)
    return head


@pytest.fixture(scope="module")
def measured() -> dict[str, np.ndarray]:
    return {name: held(pose_pulses(pose)).articulation() for name, pose in (POSES | OTHER_POSES).items()}


def test_articulation_has_the_names_that_the_lip_model_uses() -> None:
    from lipwright.lips.model import ARTICULATION as HOST

    assert ARTICULATION == HOST


def test_neutral_mouth_is_gently_closed(measured: dict[str, np.ndarray]) -> None:
    assert -0.05 < measured["neutral"][APERTURE] <= 0.0
    assert np.abs(measured["neutral"][1:]).max() < 0.05


def test_mm_presses_the_lips_from_corner_to_corner(measured: dict[str, np.ndarray]) -> None:
    assert measured["mm"][APERTURE] <= -0.03


def test_ah_opens(measured: dict[str, np.ndarray]) -> None:
    assert measured["ah"][APERTURE] >= 1.0
    assert measured["ah"][JAW] > 0.6


def test_oo_puckers_and_ee_spreads(measured: dict[str, np.ndarray]) -> None:
    assert measured["oo"][WIDTH] < -0.9
    assert measured["oo"][ROUNDING] > 0.9
    assert measured["ee"][WIDTH] > 0.9
    assert measured["ee"][ROUNDING] < 0.1


def test_ff_tucks_the_lower_lip(measured: dict[str, np.ndarray]) -> None:
    assert measured["ff"][TUCK] > 0.8
    assert all(measured[name][TUCK] < 0.3 for name in POSES if name != "ff")


def test_lips_press_in_a_pucker_and_on_a_low_jaw_too(measured: dict[str, np.ndarray]) -> None:
    assert measured["pressed pucker"][APERTURE] < 0
    assert measured["closed on a low jaw"][APERTURE] < 0


@pytest.mark.parametrize("pose", ["ah", "oo", "ff"])
def test_symmetric_commands_give_symmetric_faces(pose: str) -> None:
    lips = held(pose_pulses(POSES[pose])).lips_mm()
    assert np.abs(lips - lips[MIRROR] * [-1, 1, 1]).max() < 0.05


def test_a_raised_left_corner_stays_on_the_left() -> None:
    still = held(pose_pulses(POSES["neutral"])).lips_mm()
    smirk = held(pose_pulses(POSES["neutral"] | {"corner_left": 40.0})).lips_mm()
    moved = np.linalg.norm(smirk - still, axis=1)
    left, right = LIP_NODE_NAMES.index("corner_left"), LIP_NODE_NAMES.index("corner_right")
    assert smirk[left, 0] > still[left, 0] + 2
    assert moved[right] < 0.2


def test_same_pulses_give_the_same_bits() -> None:
    def run() -> np.ndarray:
        head = Head()
        for k, pose in enumerate(["ah", "mm", "oo", "ff"] * 3):
            head.set_pulses(pose_pulses(POSES[pose]), 0.07 * k)
        head.advance(1.0)
        return head.history.lips_mm

    first, second = run(), run()
    assert first.tobytes() == second.tobytes()


def test_a_head_that_does_not_remember_moves_alike_and_does_not_grow() -> None:
    heads = [Head(), Head(remembers=False)]
    for head in heads:
        head.set_pulses(pose_pulses(POSES["ah"]), 0.0)
        head.advance(0.5)
    assert np.array_equal(heads[0].lips_mm(), heads[1].lips_mm())
    assert [len(head.history.times_s) for head in heads] == [51, 1]
    assert heads[1].history.times_s[0] == heads[1].time


def test_advancing_in_small_steps_or_at_once_is_the_same() -> None:
    at_once, in_steps = Head(), Head()
    for head in (at_once, in_steps):
        head.set_pulses(pose_pulses(POSES["ah"]), 0.0)
    at_once.advance(0.5)
    for t in np.arange(0.0, 0.5001, 0.003):
        in_steps.advance(float(t))
    in_steps.advance(0.5)
    assert at_once.lips_mm().tobytes() == in_steps.lips_mm().tobytes()
    assert at_once.history.times_s.tolist() == in_steps.history.times_s.tolist()


def servo_track(degrees: float, channel: str = "eye_left_pan") -> tuple[np.ndarray, np.ndarray]:
    """Times after the pulse was given and angles, 2 ms apart, of one servo stepping from 0."""
    head = held(pulses_from_degrees(np.zeros(26)))
    goal = np.zeros(26)
    index = CHANNELS.index(channel)
    goal[index] = degrees
    head.set_pulses(pulses_from_degrees(goal), SETTLED)
    times = np.arange(1, 200) * 0.002
    angles = []
    for t in times:
        head.advance(SETTLED + t)
        angles.append(head.servo_degrees()[index])
    return times, np.array(angles)


def test_servo_takes_a_tenth_of_a_second_for_sixty_degrees() -> None:
    times, angles = servo_track(30.0)
    rate = np.gradient(angles, times)
    assert 540 <= rate.max() <= 700
    reached = times[np.argmax(angles > 27)]
    assert 0.040 < reached < 0.100
    assert angles.max() < 31.5
    assert abs(angles[-1] - 30) < 1.0


def test_servo_ignores_changes_inside_its_deadband() -> None:
    head = held(pulses_from_degrees(np.zeros(26)))
    before = head.servo_degrees()
    head.set_pulses(pulses_from_degrees(np.full(26, 0.8 * DEADBAND_US / US_PER_DEGREE)), SETTLED)
    head.advance(SETTLED + 0.3)
    assert np.abs(head.servo_degrees() - before).max() < 0.01


def test_released_servos_give_no_torque_and_come_back() -> None:
    head = held(pose_pulses(POSES["mm"]))
    pressed = head.articulation_mm()[APERTURE]
    head.set_pulses(np.zeros(26), SETTLED)
    head.advance(SETTLED + 1.5)
    assert head.articulation_mm()[APERTURE] > pressed + 0.5
    head.set_pulses(pose_pulses(POSES["mm"]), SETTLED + 1.5)
    head.advance(SETTLED + 3.0)
    assert head.articulation_mm()[APERTURE] == pytest.approx(pressed, abs=0.15)


def test_right_servos_are_mounted_mirrored() -> None:
    signs = {servo.name: servo.sign for servo in SERVOS}
    assert signs["corner_left"] == 1 and signs["corner_right"] == -1
    profile = load_profile()
    for channel in profile.channels:
        assert channel.inverted == ((signs[channel.name] < 0) != channel.name.startswith("lid")), channel.name


def test_profile_fits_the_head() -> None:
    profile = load_profile()
    assert tuple(channel.name for channel in profile.channels) == CHANNELS
    assert [channel.output for channel in profile.channels] == list(range(26))


@pytest.mark.parametrize("pose", list(POSES))
def test_targets_of_a_pose_are_its_pulses(pose: str) -> None:
    profile = load_profile()
    mouth = slice(0, 11)
    pulses = profile.pulses_us(pose_targets(POSES[pose], profile))
    assert np.allclose(pulses[mouth], pose_pulses(POSES[pose])[mouth], atol=1.0)


def test_rest_of_the_profile_closes_the_mouth() -> None:
    profile = load_profile()
    head = held(profile.pulses_us(profile.rest_targets()))
    assert -0.05 < head.articulation()[APERTURE] <= 0.0


def test_neck_and_head_do_not_change_what_lips_measure() -> None:
    degrees = np.zeros(26)
    degrees[CHANNELS.index("neck_yaw")] = 30
    degrees[CHANNELS.index("neck_pitch")] = -15
    turned = held(pulses_from_degrees(degrees)).lips_mm()
    assert np.abs(turned - LIPS_AT_REST_MM).max() < 0.6


def test_wrong_number_of_pulses_is_refused() -> None:
    with pytest.raises(ValueError, match="26"):
        Head().set_pulses(np.full(25, 1500.0), 0.0)


def test_ten_seconds_of_contact_take_less_than_a_second_and_a_half() -> None:
    head = Head()
    head.set_pulses(pose_pulses(POSES["mm"]), 0.0)
    head.advance(0.5)
    start = time.process_time()
    head.advance(5.5)
    assert 5.0 / (time.process_time() - start) > 7.0
