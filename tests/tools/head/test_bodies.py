"""Three heads, as built and worn: each does what its servos and its wear say."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from liplab.cli import main
from liplab.head.bodies import (
    BODIES,
    JAW_SKULL,
    REFERENCE_HEAD,
    SIX_SERVO_MOUTH,
    WORN,
    Body,
    Wear,
    body_for,
    body_named,
)
from liplab.head.geometry import CORNER_LEFT, CORNER_RIGHT, LIP_NODES_PER_SIDE
from liplab.head.head import Head
from liplab.head.mjcf import head_mjcf
from liplab.head.poses import OTHER_POSES, POSES, pose_pulses
from liplab.head.render import HeadRenderer
from liplab.head.servos import CHANNELS, SERVOS, pulses_from_degrees
from liplab.head.skull_looks import visible_skull_mjcf
from liplab.stage import SimulatedStage
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.link.board_link import BoardLink
from lipwright.resources import models_dir

SETTLED = 0.8
APERTURE, WIDTH, ROUNDING, JAW, TUCK = range(5)
CAMERA_SIZE = (480, 360)


def held(body: Body, wear: Wear | None = None, **degrees: float) -> Head:
    """A head whose servos were told these degrees, the others 0, once it stands still."""
    head = Head(body=body, wear=wear)
    angles = np.array([degrees.get(name, 0.0) for name in body.channels])
    head.set_pulses(pulses_from_degrees(angles, body.servos), 0.0)
    head.advance(SETTLED)
    return head


def turned(head: Head, name: str) -> float:
    return float(head.servo_degrees()[head.body.channels.index(name)])


def profile_of(body: Body) -> HeadProfile:
    return load_profile(models_dir() / body.profile)


def test_reference_head_is_the_default_and_has_its_model_as_before() -> None:
    assert Head().body is REFERENCE_HEAD
    assert REFERENCE_HEAD.mjcf(1.0) == head_mjcf()
    assert REFERENCE_HEAD.channels == CHANNELS


def test_reference_head_without_wear_does_the_same_to_the_bit() -> None:
    heads = [Head(), Head(body=REFERENCE_HEAD, wear=Wear())]
    for head in heads:
        for k, pose in enumerate(["ah", "mm", "oo"]):
            head.set_pulses(pose_pulses(POSES[pose]), 0.1 * k)
        head.advance(0.4)
    assert heads[0].history.lips_mm.tobytes() == heads[1].history.lips_mm.tobytes()


def test_six_servos_close_open_pucker_spread_and_tuck_a_little() -> None:
    assert held(SIX_SERVO_MOUTH, upper_lip=-20, lower_lip=20).articulation()[APERTURE] < -0.03
    assert held(SIX_SERVO_MOUTH, jaw=34, upper_lip=12).articulation()[APERTURE] > 1.0
    pucker = held(SIX_SERVO_MOUTH, corner_left=-45, corner_right=-45, lips_forward=50).articulation()
    assert pucker[WIDTH] < -0.9 and pucker[ROUNDING] > 0.9
    assert held(SIX_SERVO_MOUTH, corner_left=43, corner_right=43).articulation()[WIDTH] > 0.9
    tuck = held(SIX_SERVO_MOUTH, lips_forward=-15).articulation_mm()[TUCK]
    assert 1.5 < tuck < 3.0


def test_one_servo_moves_the_middle_and_less_the_sides_of_a_lip() -> None:
    still = held(SIX_SERVO_MOUTH, jaw=20).lips_mm()
    raised = held(SIX_SERVO_MOUTH, jaw=20, upper_lip=20).lips_mm() - still
    middle = 1 + LIP_NODES_PER_SIDE // 2
    assert 2.5 < raised[middle, 2] < 4.0
    assert raised[middle - 3, 2] == pytest.approx(raised[middle + 3, 2], abs=0.05)
    assert 0.6 < raised[middle + 3, 2] / raised[middle, 2] < 0.9


def test_joints_without_a_servo_stay_at_neutral() -> None:
    head = held(SIX_SERVO_MOUTH, jaw=40, corner_left=40)
    model, joints = head._model, head.snapshot().joints
    for name in ("eye_left_pan", "lid_right_upper", "brow_left_inner", "neck_pitch"):
        assert abs(joints[model.joint(name).qposadr[0]]) < 0.01


def test_servos_of_the_six_take_no_pulses_of_the_other_twenty() -> None:
    with pytest.raises(ValueError, match="6"):
        Head(body=SIX_SERVO_MOUTH).set_pulses(np.full(26, 1500.0), 0.0)


def test_aperture_of_the_skull_follows_its_jaw_and_is_zero_when_shut() -> None:
    measured = [held(JAW_SKULL, jaw=degrees).articulation_mm() for degrees in (0, 9, 18, 27, 36)]
    apertures = [row[APERTURE] for row in measured]
    assert abs(apertures[0]) < 0.01
    assert np.diff(apertures).min() > 4.0
    assert 20.0 < apertures[-1] < 26.0
    for row in measured:
        assert row[WIDTH] == pytest.approx(51.0, abs=0.01)
        assert row[JAW] == pytest.approx(measured[-1][JAW] * row[APERTURE] / apertures[-1], abs=0.5)
        assert row[[ROUNDING, TUCK]] == pytest.approx(0.0, abs=0.01)


def test_corners_of_the_skull_lie_midway_between_its_rows_of_teeth() -> None:
    shut, open_ = held(JAW_SKULL).lips_mm(), held(JAW_SKULL, jaw=36).lips_mm()
    drop = shut[:, 2] - open_[:, 2]
    assert np.abs(drop[1:CORNER_LEFT]).max() < 1e-6  # upper teeth
    last_lower = drop[[CORNER_LEFT + 1, -1]].mean()
    assert drop[[CORNER_RIGHT, CORNER_LEFT]] == pytest.approx(last_lower / 2, rel=0.1)


def test_jaw_of_the_skull_stays_shut_without_power() -> None:
    head = held(JAW_SKULL)
    head.set_pulses(np.zeros(1), SETTLED)
    head.advance(SETTLED + 1.0)
    assert abs(head.articulation_mm()[APERTURE]) < 0.05


def test_swapped_servos_get_each_others_pulses() -> None:
    head = held(REFERENCE_HEAD, Wear(swapped=("jaw", "lower_lip_mid")), lower_lip_mid=20)
    assert turned(head, "jaw") == pytest.approx(20, abs=1.5)
    assert turned(head, "lower_lip_mid") == pytest.approx(0, abs=1.0)


def test_a_reversed_servo_turns_the_other_way() -> None:
    head = held(REFERENCE_HEAD, Wear(reversed=("corner_right",)), corner_left=30, corner_right=30)
    assert turned(head, "corner_left") == pytest.approx(30, abs=1.5)
    assert turned(head, "corner_right") == pytest.approx(-30, abs=1.5)


def test_a_dead_servo_never_moves() -> None:
    head = held(SIX_SERVO_MOUTH, Wear(dead=("jaw",)), jaw=40)
    assert abs(turned(head, "jaw")) < 0.5
    head = held(REFERENCE_HEAD, Wear(dead=("upper_lip_left",)), **POSES["mm"])
    assert abs(turned(head, "upper_lip_left")) < 0.5


def test_a_horn_set_wrong_stands_off_by_its_offset_and_starts_at_neutral() -> None:
    wear = Wear(horn_offsets_deg={"lower_lip": -10.0})
    assert Head(body=SIX_SERVO_MOUTH, wear=wear).servo_degrees()[2] == 0
    assert turned(held(SIX_SERVO_MOUTH, wear, lower_lip=-5), "lower_lip") == pytest.approx(-15, abs=1.0)


def test_stiff_rubber_presses_and_spreads_less_and_stays_calm() -> None:
    for pose, index in (("mm", APERTURE), ("ee", WIDTH)):
        soft, stiff = (held(REFERENCE_HEAD, Wear(stiffness=factor), **POSES[pose]) for factor in (1, 2))
        at_rest = 0.0 if index == APERTURE else 50.5
        assert abs(stiff.articulation_mm()[index] - at_rest) < abs(soft.articulation_mm()[index] - at_rest)
        assert np.abs(np.diff(stiff.history.lips_mm[-5:], axis=0)).max() < 0.01


def test_the_worn_head_stays_whole_in_every_pose() -> None:
    head = Head(wear=WORN)
    for k, pose in enumerate((POSES | OTHER_POSES).values()):
        head.set_pulses(pose_pulses(pose), 0.2 * k)
    head.advance(3.5)
    assert np.isfinite(head.history.lips_mm).all()
    assert np.abs(np.diff(head.history.lips_mm, axis=0)).max() < 12.0


def test_wear_of_a_servo_that_is_not_there_is_refused() -> None:
    for wear in (
        Wear(dead=("nose",)),
        Wear(swapped=("jaw", "nose")),
        Wear(reversed=("nose",)),
        Wear(horn_offsets_deg={"nose": 3.0}),
    ):
        with pytest.raises(LipwrightError, match=r"no servo nose .* jaw, upper_lip, "):
            Head(body=SIX_SERVO_MOUTH, wear=wear)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_shipped_profile_names_its_body_and_rests_shut(body: Body) -> None:
    profile = profile_of(body)
    assert body_for(profile) is body
    head = Head(body=body)
    assert head.scale == profile.articulation
    head.set_pulses(profile.pulses_us(profile.rest_targets()), 0.0)
    head.advance(SETTLED)
    assert -0.05 < head.articulation()[APERTURE] < 0.001
    assert np.abs(head.articulation()[1:]).max() < 0.05


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_pulses_of_the_profile_stay_within_the_servos(body: Body) -> None:
    for channel, servo in zip(profile_of(body).channels, body.servos, strict=True):
        most = max(abs(channel.pulse_min_us - 1500), abs(channel.pulse_max_us - 1500)) * 90 / 1000
        assert most <= servo.limit_deg, servo.name


def test_a_profile_of_another_head_is_refused_with_the_bodies_to_choose_from() -> None:
    profile = load_profile()
    fewer = replace(profile, channels=profile.channels[:5])
    with pytest.raises(LipwrightError, match=r"5 channels .*reference head.*six-servo mouth.*jaw skull"):
        body_for(fewer)


def test_bodies_go_by_their_names_however_they_are_written() -> None:
    assert body_named("Jaw-Skull") is JAW_SKULL and body_named("six_servo_mouth") is SIX_SERVO_MOUTH
    with pytest.raises(LipwrightError, match="reference head, six-servo mouth or jaw skull"):
        body_named("nobody")


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_a_body_survives_the_way_to_another_process(body: Body) -> None:
    assert pickle.loads(pickle.dumps(body)) == body


def test_rods_hold_motors_that_the_model_has() -> None:
    for body in BODIES:
        motors = [motor.name for motor in body.motors]
        driven = [rod.motor for rods in body.linkage for rod in rods]
        assert len(body.linkage) == len(body.servos)
        assert set(driven) <= set(motors) and len(driven) == len(set(driven))
        assert all(rods[0].ratio == 1 for rods in body.linkage)
    assert len(SIX_SERVO_MOUTH.motors) == len(SERVOS)


def test_a_stage_has_the_body_of_the_profile_on_its_outputs() -> None:
    shipped = profile_of(JAW_SKULL)
    profile = replace(shipped, channels=(replace(shipped.channels[0], output=7),))
    with SimulatedStage(profile=profile, virtual=True) as stage, BoardLink(stage, profile) as link:
        link.connect()
        for _ in range(50):
            stage.clock.sleep_until(stage.clock.now() + 0.02)
            link.send(np.ones(1), stage.clock.now() + 0.15)
            link.poll()
        assert stage.head.body is JAW_SKULL
        assert stage.head.articulation()[APERTURE] > 1.0


def blobs(mask: np.ndarray) -> int:
    return int(ndimage.label(mask, np.ones((3, 3)))[1])


def test_skull_is_drawn_with_its_pose_and_its_dots_are_seen() -> None:
    shut, open_ = held(JAW_SKULL), held(JAW_SKULL, jaw=30)
    with HeadRenderer(CAMERA_SIZE, JAW_SKULL) as plain:
        bare = plain.draw(shut.snapshot().joints, "front").astype(int)
    with HeadRenderer(CAMERA_SIZE, JAW_SKULL, dots=True) as dotted:
        views = {
            (name, view): dotted.draw(head.snapshot().joints, view).astype(int)
            for name, head in (("shut", shut), ("open", open_))
            for view in ("front", "three_quarter")
        }
    assert np.abs(views["shut", "front"] - views["open", "front"]).mean() > 1.0
    for picture in views.values():
        red, green, blue = np.moveaxis(picture, -1, 0)
        assert blobs((green > 1.6 * red) & (green > 1.6 * blue)) == 4
    for name in ("shut", "open"):
        red, green, blue = np.moveaxis(views[name, "front"], -1, 0)
        assert blobs((blue > 1.5 * red + 30) & (blue > 1.5 * green)) == 20
    red, green, blue = np.moveaxis(bare, -1, 0)
    assert not ((green > 1.6 * red) | (blue > 1.5 * red + 30)).any()


def test_looks_of_the_skull_do_not_change_its_joints() -> None:
    import mujoco

    seen = mujoco.MjModel.from_xml_string(*visible_skull_mjcf(dots=True))
    plain = mujoco.MjModel.from_xml_string(JAW_SKULL.mjcf(1.0))
    assert seen.nq == plain.nq == 2
    assert np.array_equal(seen.body_mass, plain.body_mass)


def test_six_servo_mouth_is_drawn_as_the_face_that_it_is() -> None:
    with HeadRenderer((96, 96), SIX_SERVO_MOUTH) as renderer:
        shut, open_ = (
            renderer.draw(held(SIX_SERVO_MOUTH, jaw=jaw).snapshot().joints, "mouth").astype(int)
            for jaw in (0, 40)
        )
    assert np.abs(shut - open_).mean() > 5


def test_command_shows_another_body(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "skull.png"
    view = ["--view", "front", "--size", "32"]
    assert main(["head", "--body", "jaw-skull", "-o", str(sheet), *view]) == 0
    assert "jaw 1" in capsys.readouterr().out and sheet.stat().st_size > 0
    assert main(["head", "--body", "jaw-skull", "--pose", "ah"]) != 0
    assert "leave --pose out" in capsys.readouterr().err
