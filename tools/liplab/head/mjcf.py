"""The head as a MuJoCo model: bodies, joints, servos, and, if it is to be seen, its looks.

The same bodies and joints stand in both models, so a state simulated without looks can be rendered with them.
What is only looked at has no mass and touches nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liplab.head.geometry import (
    BROW_INNER_X,
    BROW_OUTER_X,
    BROW_Z,
    EYE_X,
    EYE_Y,
    EYE_Z,
    JAW_HINGE,
    LIP_NODES_PER_SIDE,
    face_depth,
)
from liplab.head.lips import carriage, crank, node_body, tendons, tooth_sites, vector
from liplab.head.servos import DELAY_S, SERVOS, Servo

Array = NDArray[np.float64]

TIME_STEP = 0.002  # s; 100 Hz samples fall on whole steps
NECK_TO_HEAD = np.array([0.0, -0.02, 0.13])
NECK_PLACE = np.array([0.0, 0.02, -0.13])


def hinge(name: str, axis: str, damping: str) -> str:
    return f'<joint name="{name}" axis="{axis}" damping="{damping}"/>'


def actuator(index: int, servo: Servo) -> str:
    """One servo. Its group is its channel, so that a released one can be switched off alone."""
    limit = np.deg2rad(servo.limit_deg)
    samples = round(DELAY_S / TIME_STEP)
    return (
        f'<pid name="{servo.name}" group="{index}" joint="{servo.joint}" input="pos" kp="{servo.gain}" '
        f'dampratio="1" slewmax="{servo.rate:.5g}" armature="{servo.inertia}" gear="{servo.gear:.6g}" '
        f'posrange="{-limit:.5g} {limit:.5g}" forcerange="{-servo.torque} {servo.torque}" '
        f'delay="{samples * TIME_STEP:.5g}" nsample="{samples}"/>\n'
    )


def _eye_and_brow(side: str, looks: dict[str, str]) -> str:
    sign = 1 if side == "left" else -1
    eye = vector(np.array([sign * EYE_X, EYE_Y, EYE_Z]))
    ball = '<geom class="mechanism" type="sphere" size=".006" mass=".008"/>'
    xml = (
        f'<body name="eye_{side}" pos="{eye}">{hinge(f"eye_{side}_pan", "0 0 1", "2e-5")}'
        f"{hinge(f'eye_{side}_tilt', '-1 0 0', '2e-5')}{ball}{looks.get('eye', '')}</body>\n"
    )
    for lid, axis in (("upper", "-1 0 0"), ("lower", "1 0 0")):
        xml += (
            f'<body name="lid_{side}_{lid}" pos="{eye}">{hinge(f"lid_{side}_{lid}", axis, "2e-5")}'
            f'<geom class="mechanism" type="sphere" size=".004" mass=".003"/>{looks.get(f"lid_{lid}", "")}'
            "</body>\n"
        )
    for part, x in (("inner", BROW_INNER_X), ("outer", BROW_OUTER_X)):
        place = vector(np.array([sign * x, -float(face_depth(x, BROW_Z)), BROW_Z]))
        xml += (
            f'<body name="brow_{side}_{part}" pos="{place}">'
            f'<joint name="brow_{side}_{part}" type="slide" axis="0 0 1" damping=".05"/>'
            '<geom class="mechanism" type="sphere" size=".002" pos="0 .006 0" mass=".002"/></body>\n'
        )
    return xml


def _head_bodies(looks: dict[str, str], stiffness: float) -> str:
    numbers = range(1, LIP_NODES_PER_SIDE + 1)
    here = np.zeros(3)
    xml = "".join(crank(side) + node_body(f"corner_{side}", here, stiffness) for side in ("right", "left"))
    xml += carriage("upper", here) + "".join(node_body(f"upper_{i}", here, stiffness) for i in numbers)
    xml += tooth_sites() + looks.get("head", "")
    xml += (
        f'<body name="jaw" pos="{vector(JAW_HINGE)}">{hinge("jaw", "1 0 0", ".002")}'
        '<geom class="mechanism" type="box" size=".03 .02 .004" pos="0 -.04 -.062" mass=".06"/>\n'
        + carriage("lower", JAW_HINGE)
        + "".join(node_body(f"lower_{i}", JAW_HINGE, stiffness) for i in numbers)
        + looks.get("jaw", "")
        + "</body>\n"
    )
    return xml + _eye_and_brow("right", looks) + _eye_and_brow("left", looks)


def head_mjcf(
    looks: dict[str, str] | None = None, motors: Sequence[Servo] = SERVOS, stiffness: float = 1.0
) -> str:
    """MJCF of the head. `looks` adds pieces by place: asset, world, neck, head, jaw, eye, lid_upper,
    lid_lower, deformable, visual (see `liplab.head.looks`); without it the model holds only what moves.
    `motors` turn the joints; `stiffness` is a factor on that of the silicone."""
    looks = looks or {}
    return f"""<mujoco model="lipwright reference head"><compiler angle="radian" autolimits="true"/>
<option timestep="{TIME_STEP}" integrator="discrete" gravity="0 0 -9.81"><flag contact="disable"/></option>
{looks.get("visual", "")}
<default><geom contype="0" conaffinity="0"/><site size=".0008" group="4"/>
<tendon width=".0003" group="4"/>
<default class="looks"><geom group="1" mass="0"/></default>
<default class="mechanism"><geom group="3" rgba=".5 .5 .55 1"/></default></default>
<asset>{looks.get("asset", "")}</asset>
<worldbody>{looks.get("world", "")}
<body name="neck" pos="{vector(NECK_PLACE)}">{hinge("neck_yaw", "0 0 1", ".02")}
{hinge("neck_pitch", "-1 0 0", ".02")}{hinge("neck_roll", "0 1 0", ".02")}{looks.get("neck", "")}
<body name="head" pos="{vector(NECK_TO_HEAD)}">
<geom class="mechanism" type="ellipsoid" size=".06 .07 .09" pos="0 .02 0" mass=".6"/>
{_head_bodies(looks, stiffness)}</body></body></worldbody>
<deformable>{looks.get("deformable", "")}</deformable>
<tendon>{tendons(stiffness)}</tendon>
<actuator>{"".join(actuator(i, motor) for i, motor in enumerate(motors))}</actuator>
</mujoco>
"""
