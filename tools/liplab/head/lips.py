"""Soft lips as MJCF: 20 nodes on springs, tied to each other and the servos' rods, pushed apart on contact.

Contact is a spring too: a tendon between facing nodes that pushes when they come nearer than the lips are
thick. That is what a soft lip does (silicone of 60 kPa, 30 mm2 a node, 6.6 mm thick: about 270 N/m), it
compresses where rigid contact would not, and without constraints the simulation runs several times faster.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liplab.head.geometry import (
    LIP_NODE_NAMES,
    LIP_NODES_PER_SIDE,
    lip_nodes_at_rest,
    lip_radius,
    node_parameter,
)

Array = NDArray[np.float64]

NODE_MASS = 0.0008  # kg
ANCHOR_STIFFNESS = 14.0  # N/m, the silicone between a lip and the skull
TANGENT_STIFFNESS = 70.0  # N/m, between neighbours
BEND_STIFFNESS = 60.0  # N/m, between neighbours but one
TENSION = 0.93  # rest length of the lip's own springs over their length as built: lips are slightly taut
ROD_STIFFNESS = 350.0  # N/m, a servo's rod glued into the silicone
ROD_PLAY = 0.0003  # m
CONTACT_STIFFNESS = 270.0  # N/m, lip against lip
TOOTH_STIFFNESS = 400.0  # N/m, lip against upper incisors
TOOTH_CLEARANCE = 0.0030  # m from a node's middle to the edge of the teeth when they touch
TOOTH_PLACE = (0.0, 0.0085, 0.0062)  # m from a lower lip node at rest to the edge of the teeth
CONTACT_REACH = 1.0  # m: contact springs never pull
ROD_SPREAD = ((-1, 0.45), (0, 1.0), (1, 0.45))  # a rod holds its node and, less, both neighbours
MIDDLE = (LIP_NODES_PER_SIDE + 1) // 2
ROD_NODES = {"mid": MIDDLE, "right": MIDDLE - 3, "left": MIDDLE + 3}
TOOTH_NODES = range(MIDDLE - 2, MIDDLE + 3)  # lower lip nodes that can meet the upper incisors


def vector(values: Array) -> str:
    """Three numbers as MJCF writes them."""
    return " ".join(f"{value:.6g}" for value in values)


def node_body(name: str, origin: Array, stiffness: float = 1.0) -> str:
    """One lip node as a body with three slides, at its rest place relative to the parent's origin (3,).

    `stiffness` is a factor on that of the silicone, here and in `tendons`."""
    anchor = ANCHOR_STIFFNESS * stiffness
    damping = np.sqrt(anchor * NODE_MASS)
    slides = "".join(
        f'<joint name="{name}_{axis}" type="slide" axis="{way}" stiffness="{anchor}" '
        f'damping="{damping:.4g}"/>'
        for axis, way in (("x", "1 0 0"), ("y", "0 1 0"), ("z", "0 0 1"))
    )
    return (
        f'<body name="{name}" pos="{vector(lip_nodes_at_rest()[name] - origin)}">{slides}'
        f'<geom class="mechanism" type="sphere" size=".0015" mass="{NODE_MASS}"/><site name="s_{name}"/>'
        "</body>\n"
    )


def carriage(lip: str, origin: Array) -> str:
    """The carriage that pushes one lip ("upper", "lower") forward and back, with its three vertical rods."""
    nodes = lip_nodes_at_rest()
    base = nodes[f"{lip}_{MIDDLE}"]
    xml = (
        f'<body name="{lip}_carriage" pos="{vector(base - origin)}">'
        f'<joint name="{lip}_forward" type="slide" axis="0 -1 0" damping=".2"/>'
        '<geom class="mechanism" type="box" size=".012 .002 .001" pos="0 .012 0" mass=".004"/>\n'
    )
    for rod, node in ROD_NODES.items():
        place = nodes[f"{lip}_{node}"]
        xml += (
            f'<body name="{lip}_rod_{rod}" pos="{vector(place - base)}">'
            f'<joint name="{lip}_{rod}" type="slide" axis="0 0 1" damping=".1"/>'
            '<geom class="mechanism" type="box" size=".002 .001 .002" pos="0 .004 0" mass=".002"/>'
        )
        for step, _ in ROD_SPREAD:
            held = nodes[f"{lip}_{node + step}"]
            xml += f'<site name="r_{lip}_{rod}_{step}" pos="{vector(held - place)}"/>'
        xml += "</body>\n"
    return xml + "</body>\n"


def crank(side: str) -> str:
    """The crank of a mouth corner ("left" or "right"): out and back, or in and forward."""
    sign = 1 if side == "left" else -1
    corner = lip_nodes_at_rest()[f"corner_{side}"]
    pivot = corner + np.array([-sign * 0.006, 0.011, 0.0])
    arm = vector(corner - pivot)
    return (
        f'<body name="crank_{side}_arm" pos="{vector(pivot)}">'
        f'<joint name="crank_{side}" type="hinge" axis="0 0 {sign}" damping="2e-5"/>'
        f'<geom class="mechanism" type="capsule" fromto="0 0 0 {arm}" size=".0012" mass=".003"/>'
        f'<site name="r_corner_{side}" pos="{arm}"/></body>\n'
    )


def tooth_sites() -> str:
    """Sites on the edge of the upper incisors that the lower lip can press against."""
    nodes = lip_nodes_at_rest()
    sites = ""
    for i in TOOTH_NODES:
        lip = nodes[f"lower_{i}"]
        sites += f'<site name="tooth_{i}" pos="{vector(lip + np.array(TOOTH_PLACE))}"/>'
    return sites


def _spring(first: str, second: str, stiffness: float, length: str) -> str:
    damping = 0.5 * np.sqrt(stiffness * NODE_MASS)
    return (
        f'<spatial stiffness="{stiffness:.5g}" damping="{damping:.4g}" springlength="{length}">'
        f'<site site="{first}"/><site site="{second}"/></spatial>\n'
    )


def tendons(stiffness: float = 1.0) -> str:
    """All springs of the lips: tissue, rods and contacts."""
    nodes = lip_nodes_at_rest()
    upper = ["corner_right", *(n for n in LIP_NODE_NAMES if n.startswith("upper")), "corner_left"]
    lower = ["corner_right", *(n for n in LIP_NODE_NAMES if n.startswith("lower")), "corner_left"]
    xml = ""
    for chain in (upper, lower):
        for apart, pull, tension in ((1, TANGENT_STIFFNESS, TENSION), (2, BEND_STIFFNESS, 1.0)):
            for first, second in zip(chain[:-apart], chain[apart:], strict=True):
                length = float(np.linalg.norm(nodes[first] - nodes[second])) * tension
                xml += _spring(f"s_{first}", f"s_{second}", pull * stiffness, f"{length:.6g}")
    for lip in ("upper", "lower"):
        for rod, node in ROD_NODES.items():
            for step, share in ROD_SPREAD:
                ends = f"r_{lip}_{rod}_{step}", f"s_{lip}_{node + step}"
                xml += _spring(*ends, ROD_STIFFNESS * share, f"0 {ROD_PLAY}")
    for side in ("right", "left"):
        xml += _spring(f"r_corner_{side}", f"s_corner_{side}", ROD_STIFFNESS * 1.5, f"0 {ROD_PLAY}")
    for i in range(1, LIP_NODES_PER_SIDE + 1):
        thick = 2 * lip_radius(node_parameter(f"upper_{i}"))
        push = CONTACT_STIFFNESS * stiffness
        xml += _spring(f"s_upper_{i}", f"s_lower_{i}", push, f"{thick:.6g} {CONTACT_REACH}")
    for i in TOOTH_NODES:
        xml += _spring(f"tooth_{i}", f"s_lower_{i}", TOOTH_STIFFNESS, f"{TOOTH_CLEARANCE} {CONTACT_REACH}")
    return xml
