"""What the lips do, from the places of their nodes: articulation in mm and degrees.

A head profile's `articulation` (its `from_mm` and `to_mm`) turns it into the normalised scale and back.

In millimetres (order of `ARTICULATION`):
- aperture: the widest gap along the mouth, over the facing pairs of nodes, so lips count as closed only when
  they are closed from corner to corner. A gap is what is seen from the front: the height between the lips'
  surfaces. 0: they just meet. Negative: pressed, by how much the soft tissue is compressed where it is
  least. Lips that pass each other in depth without touching (the lower one tucked) are at 0.
- width: distance between the corners along the head's x axis.
- rounding: mean way of both lips' middles forward of their neutral place, each in the frame of its own
  carrier (skull, jaw), so that an opening jaw is no rounding; a lip that moves back counts as 0.
- jaw: angle in degrees.
- tuck: way of the lower lip's middle back from its neutral place in the jaw's frame, at least 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liplab.head.geometry import (
    CORNER_LEFT,
    CORNER_RIGHT,
    JAW_HINGE,
    LIP_NODE_NAMES,
    LIP_NODES_PER_SIDE,
    LOWER_MIDDLE,
    UPPER_MIDDLE,
    lip_nodes_at_rest,
    lip_radius,
    node_parameter,
)

Array = NDArray[np.float64]

ARTICULATION = ("aperture", "width", "rounding", "jaw", "tuck")
LIPS_AT_REST_MM = 1000 * np.array([lip_nodes_at_rest()[name] for name in LIP_NODE_NAMES])
_HINGE_YZ_MM = 1000 * JAW_HINGE[1:]
_UPPER = slice(1, 1 + LIP_NODES_PER_SIDE)
_LOWER = slice(CORNER_LEFT + 1, CORNER_LEFT + 1 + LIP_NODES_PER_SIDE)
_THICKNESS_MM = 2000 * np.array([lip_radius(node_parameter(name)) for name in LIP_NODE_NAMES[_UPPER]])


def articulation_mm(lips_mm: Array, jaw_deg: Array | float) -> Array:
    """Articulation (..., 5) in mm and degrees from lip nodes (..., 20, 3) in mm in the head's frame and the
    jaw.

    The jaw's angle (...) is a reading of its own: lips alone do not tell it from a lowered lip.
    """
    lips_mm = np.asarray(lips_mm, dtype=np.float64)
    jaw_deg = np.asarray(jaw_deg, dtype=np.float64)
    upper, lower = lips_mm[..., UPPER_MIDDLE, :], lips_mm[..., LOWER_MIDDLE, :]
    apart = lips_mm[..., _UPPER, 1:] - lips_mm[..., _LOWER, 1:]
    height = apart[..., 1] - _THICKNESS_MM
    pressed = np.minimum(np.hypot(apart[..., 0], apart[..., 1]) - _THICKNESS_MM, 0)
    aperture = np.maximum(height, pressed).max(axis=-1)
    width = lips_mm[..., CORNER_LEFT, 0] - lips_mm[..., CORNER_RIGHT, 0]
    angle = np.deg2rad(jaw_deg)
    from_hinge = lower[..., 1:] - _HINGE_YZ_MM
    lower_y = _HINGE_YZ_MM[0] + np.cos(angle) * from_hinge[..., 0] + np.sin(angle) * from_hinge[..., 1]
    upper_forward = LIPS_AT_REST_MM[UPPER_MIDDLE, 1] - upper[..., 1]
    lower_forward = LIPS_AT_REST_MM[LOWER_MIDDLE, 1] - lower_y
    rounding = (np.maximum(upper_forward, 0) + np.maximum(lower_forward, 0)) / 2
    return np.stack([aperture, width, rounding, jaw_deg + 0.0, np.maximum(-lower_forward, 0)], axis=-1)
