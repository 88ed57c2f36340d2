"""A cheap skull on a stand as a MuJoCo model: one servo opens its jaw, and it has teeth in place of lips.

Its "lip nodes" are points on the front of the teeth, so near their edges that the aperture is 0 where the
rows of teeth meet. Those of the upper teeth are fixed to the skull, those of the lower ones to the jaw, and
the corners lie midway: they turn with a joint of their own, by half the jaw's angle.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from liplab.head.geometry import (
    JAW_HINGE,
    LIP_NODE_NAMES,
    contact_line,
    lip_nodes_at_rest,
    lip_radius,
    node_parameter,
)
from liplab.head.lips import vector
from liplab.head.meshes import Array
from liplab.head.mjcf import TIME_STEP, actuator
from liplab.head.servos import NECK_RATE, Servo

SKULL_JAW = Servo("jaw", "jaw", 2.0, 60, gain=4.0, torque=0.3, inertia=5e-4, rate=NECK_RATE)
JAW_MOST = 0.5  # rad; the hinge's stop
JAW_SPRING = 0.05  # N m/rad, draws the jaw shut when the servo has no power
CORNERS_ARMATURE = 1e-5  # kg m2; the corners carry nothing
STIFF = f"{2 * TIME_STEP} 1"  # of a constraint, as stiff as MuJoCo's steps allow


@lru_cache(maxsize=1)
def teeth_nodes() -> dict[str, Array]:
    """Place (3,) of every "lip node" in the head's frame, metres, with the jaw shut.

    They lie where the lips of a soft mouth do, but that the rows just meet: no lip presses another.
    """
    nodes = {}
    for name, (x, y, _) in lip_nodes_at_rest().items():
        s = node_parameter(name)
        above = 0.0 if name.startswith("corner") else lip_radius(s) * (1 if name.startswith("upper") else -1)
        nodes[name] = np.array([x, y, float(contact_line(s)) + above])
    return nodes


def _nodes(kind: str, origin: Array, dot: str) -> str:
    return "".join(
        f'<body name="{name}" pos="{vector(teeth_nodes()[name] - origin)}">{dot}</body>\n'
        for name in LIP_NODE_NAMES
        if name.startswith(kind)
    )


def skull_mjcf(looks: dict[str, str] | None = None) -> str:
    """MJCF of the skull. `looks` adds pieces by place: asset, world, head, jaw, node, visual (see
    `liplab.head.skull_looks`); without it the model holds only what moves."""
    looks = looks or {}
    dot = looks.get("node", "")
    place = vector(JAW_HINGE)
    return f"""<mujoco model="lipwright jaw skull"><compiler angle="radian" autolimits="true"/>
<option timestep="{TIME_STEP}" integrator="discrete" gravity="0 0 -9.81"><flag contact="disable"/></option>
{looks.get("visual", "")}
<default><geom contype="0" conaffinity="0"/>
<default class="looks"><geom group="1" mass="0"/></default>
<default class="mechanism"><geom group="3" rgba=".5 .5 .55 1"/></default></default>
<asset>{looks.get("asset", "")}</asset>
<worldbody>{looks.get("world", "")}
<body name="head">{_nodes("upper", np.zeros(3), dot)}{looks.get("head", "")}
<body name="jaw" pos="{place}" gravcomp="1">
<joint name="jaw" axis="1 0 0" damping=".002" stiffness="{JAW_SPRING}" range="0 {JAW_MOST}"
 solreflimit="{STIFF}"/>
<geom class="mechanism" type="box" size=".03 .02 .004" pos="0 -.04 -.062" mass=".06"/>
{_nodes("lower", JAW_HINGE, dot)}{looks.get("jaw", "")}</body>
<body name="corners" pos="{place}" gravcomp="1">
<joint name="corners" axis="1 0 0" armature="{CORNERS_ARMATURE}"/>
<geom class="mechanism" type="sphere" size=".002" mass=".001"/>
{_nodes("corner", JAW_HINGE, dot)}</body></body></worldbody>
<equality><joint joint1="corners" joint2="jaw" polycoef="0 .5 0 0 0" solref="{STIFF}"/></equality>
<actuator>{actuator(0, SKULL_JAW)}</actuator>
</mujoco>
"""
