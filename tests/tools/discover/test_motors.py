"""Motors that are dead, reversed or exchanged are named; a healthy head gets no complaint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from liplab.discover.motors import ALIVE, DEAD, REVERSED, SWAPPED, Motor, examine
from liplab.discover.plan import Planner
from liplab.discover.session import FRONT, SECOND
from liplab.head.bodies import AS_BUILT, Wear
from lipwright.face.profile import HeadProfile

if TYPE_CHECKING:
    from liplab.discover.session import Filmed

    from .conftest import Physics

EYES_MM = 63.0
YAW_RAD = 0.5


def found(
    physics: Physics, profile: HeadProfile, wear: Wear, views: tuple[str, ...] = (FRONT, SECOND)
) -> list[Motor]:
    """What is said of the motors of a head that moved each alone."""
    mouth = profile.indices("mouth")
    take = Planner(profile, None, 1).motors()
    seen = {view: physics(profile, take, wear, YAW_RAD if view == SECOND else 0.0) for view in views}
    return examine([profile.channels[k].name for k in mouth], profile.rest_targets()[mouth], seen)


def complaints(motors: list[Motor]) -> dict[str, tuple[str, str]]:
    return {motor.name: (motor.state, motor.partner) for motor in motors if motor.state != ALIVE}


def test_a_healthy_head_gets_no_complaint(physics: Physics, profile: HeadProfile) -> None:
    motors = found(physics, profile, AS_BUILT)
    assert [motor.name for motor in motors] == [profile.channels[k].name for k in profile.indices("mouth")]
    assert complaints(motors) == {}
    assert complaints(found(physics, profile, AS_BUILT, (FRONT,))) == {}
    for motor in motors:
        assert max(motor.moves_mm.values()) > 1
        assert motor.name in motor.sentence()


@pytest.mark.parametrize("name", ["jaw", "lower_lip_right", "upper_lip_forward"])
def test_one_dead_and_one_reversed_motor_is_named(
    physics: Physics, reference: HeadProfile, name: str
) -> None:
    assert complaints(found(physics, reference, Wear(dead=(name,)))) == {name: (DEAD, "")}
    assert complaints(found(physics, reference, Wear(reversed=(name,)))) == {name: (REVERSED, "")}


@pytest.mark.parametrize(
    "pair",
    [
        ("jaw", "lower_lip_mid"),
        ("lower_lip_left", "lower_lip_right"),
        ("upper_lip_forward", "lower_lip_forward"),
        ("corner_left", "corner_right"),
    ],
)
def test_exchanged_motors_are_both_named(
    physics: Physics, reference: HeadProfile, pair: tuple[str, str]
) -> None:
    one, other = pair
    expected = {one: (SWAPPED, other), other: (SWAPPED, one)}
    assert complaints(found(physics, reference, Wear(swapped=pair))) == expected


def test_a_mouth_of_few_servos_is_judged_as_well(physics: Physics, six_servos: HeadProfile) -> None:
    # Each turned the right way round; only their plugs tell why both go the wrong way.
    swapped = {"jaw": (SWAPPED, "lower_lip"), "lower_lip": (SWAPPED, "jaw")}
    assert complaints(found(physics, six_servos, Wear(swapped=("jaw", "lower_lip")))) == swapped
    both = Wear(reversed=("jaw", "lower_lip"))
    assert complaints(found(physics, six_servos, both)) == {
        "jaw": (REVERSED, ""),
        "lower_lip": (REVERSED, ""),
    }
    assert complaints(found(physics, six_servos, Wear(dead=("lips_forward",)))) == {
        "lips_forward": (DEAD, "")
    }


def test_a_skull_whose_jaw_is_dead_is_told_so(physics: Physics, skull: HeadProfile) -> None:
    motors = found(physics, skull, Wear(dead=("jaw",)), (FRONT,))
    assert complaints(motors) == {"jaw": (DEAD, "")}
    assert "does not move anything" in motors[0].sentence()


def test_what_only_goes_forward_is_not_called_dead_by_eyes_before_it(
    physics: Physics, reference: HeadProfile
) -> None:
    wear = Wear(reversed=("upper_lip_forward",), dead=("corner_left",))
    assert complaints(found(physics, reference, wear, (FRONT,))) == {"corner_left": (DEAD, "")}


def test_motors_with_names_of_their_own_are_only_judged_dead_or_alive(
    physics: Physics, reference: HeadProfile
) -> None:
    wear = Wear(dead=("upper_lip_left",), reversed=("jaw",), swapped=("corner_left", "corner_right"))
    mouth = reference.indices("mouth")
    names = [f"servo {k}" for k in mouth]
    seen = {FRONT: physics(reference, Planner(reference, None, 1).motors(), wear)}
    motors = examine(names, reference.rest_targets()[mouth], seen)
    place = list(mouth).index(reference.index("upper_lip_left"))
    dead = [motor.name for motor in motors if motor.state == DEAD]
    assert names[place] in dead and len(dead) <= 3  # the two that go forward may not be seen
    assert {motor.state for motor in motors} == {DEAD, ALIVE}


def test_the_faults_of_a_worn_head_are_seen_on_film(
    worn_film: dict[str, Filmed], reference: HeadProfile
) -> None:
    from liplab.discover.delay import measure
    from liplab.discover.seen import front_frame, gather, tracks

    claps, alone = worn_film["claps"], worn_film["motors"]
    frame = front_frame([claps, alone], EYES_MM)
    times, points, _ = tracks(claps, FRONT, frame, EYES_MM)
    jaw = claps.take.targets[:, reference.index("jaw")]
    late = measure(jaw.astype(np.float64), times, points.astype(np.float64))
    mouth = reference.indices("mouth")
    seen = gather([alone], FRONT, frame, EYES_MM, mouth, late.camera_s)
    assert seen is not None
    names = [reference.channels[k].name for k in mouth]
    motors = examine(names, reference.rest_targets()[mouth], {FRONT: seen})
    assert complaints(motors) == {
        "upper_lip_left": (DEAD, ""),
        "corner_right": (REVERSED, ""),
        "lower_lip_left": (SWAPPED, "lower_lip_right"),
        "lower_lip_right": (SWAPPED, "lower_lip_left"),
    }
    for motor in motors:
        assert motor.sentence().startswith(motor.name) and motor.sentence().endswith(".")
