"""Shape of the reference head: the face as a height field, the border of the lips, the lip nodes at rest.

Lengths are metres. The head's frame has its origin between the eyes in the middle of the skull: x points to
the head's left (the viewer's right), -y forward to the viewer, z up. The measures are those of an adult face
with some symmetry added; they are a designer's, not a scan's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

FACE_HALF_WIDTH = 0.074
FACE_HALF_HEIGHT = 0.108
FACE_MIDDLE_Z = -0.004
FACE_DEPTH = 0.088
SKULL_DEPTH = 0.100  # how far the back of the skull lies behind the frame's origin
MOUTH_Z = -0.060
MOUTH_HALF_WIDTH = 0.0255
LIP_RADIUS = 0.0033  # half the height of one closed lip at its middle
LIP_NODES_PER_SIDE = 9
EYE_X, EYE_Y, EYE_Z, EYE_RADIUS = 0.0315, -0.0655, 0.010, 0.0125
BROW_INNER_X, BROW_OUTER_X, BROW_Z = 0.019, 0.044, 0.033
JAW_HINGE = np.array([0.0, -0.005, -0.022])
REST_OVERLAP = 0.0002  # at 0 degrees of all servos the lips touch this lightly

# Order of every array of lip nodes: right corner, upper lip from the head's right to its left, left corner,
# lower lip from right to left.
LIP_NODE_NAMES = (
    "corner_right",
    *(f"upper_{i}" for i in range(1, LIP_NODES_PER_SIDE + 1)),
    "corner_left",
    *(f"lower_{i}" for i in range(1, LIP_NODES_PER_SIDE + 1)),
)
CORNER_RIGHT, CORNER_LEFT = 0, LIP_NODES_PER_SIDE + 1
UPPER_MIDDLE = 1 + LIP_NODES_PER_SIDE // 2
LOWER_MIDDLE = CORNER_LEFT + UPPER_MIDDLE


def smoothstep(t: ArrayLike) -> Array:
    """0 below 0, 1 above 1, a smooth ramp between."""
    clipped = np.clip(t, 0, 1)
    return np.asarray(clipped**2 * (3 - 2 * clipped), dtype=np.float64)


def bump(x: ArrayLike, z: ArrayLike, x0: float, z0: float, width: float, height: float) -> Array:
    """A Gaussian hill of height 1 at (x0, z0)."""
    dx, dz = (np.asarray(x) - x0) / width, (np.asarray(z) - z0) / height
    return np.asarray(np.exp(-(dx**2) - dz**2), dtype=np.float64)


def outline_radius(x: ArrayLike, z: ArrayLike) -> Array:
    """0 in the middle of the face, 1 on its outline seen from the front."""
    across = np.abs(np.asarray(x) / FACE_HALF_WIDTH) ** 2.3
    along = np.abs((np.asarray(z) - FACE_MIDDLE_Z) / FACE_HALF_HEIGHT) ** 2.5
    return np.asarray(across + along, dtype=np.float64)


def face_depth(x: ArrayLike, z: ArrayLike) -> Array:
    """How far the skin lies in front of the frame's x-z plane (m) at the front view position (x, z)."""
    x, z = np.asarray(x, float), np.asarray(z, float)
    ax = np.abs(x)
    depth = FACE_DEPTH * np.maximum(0, 1 - outline_radius(x, z)) ** (1 / 2.3)
    depth = depth - 0.010 * bump(ax, z, 0.032, 0.010, 0.017, 0.013)  # eye sockets
    depth = depth + 0.0035 * bump(ax, z, 0.030, 0.034, 0.022, 0.010)  # brow ridges
    depth = depth + 0.0045 * bump(ax, z, 0.038, -0.022, 0.018, 0.018)  # cheeks
    along_nose = np.clip((0.016 - z) / 0.048, 0, 1)
    ridge = np.exp(-((x / (0.0055 + 0.0045 * along_nose)) ** 2))
    depth = depth + (0.004 + 0.017 * along_nose**1.3) * ridge * smoothstep((z + 0.041) / 0.008) * smoothstep(
        (0.032 - z) / 0.02
    )
    depth = depth + 0.006 * bump(ax, z, 0.011, -0.033, 0.006, 0.006)  # wings of the nose
    depth = depth + 0.0055 * bump(x, z, 0, MOUTH_Z, 0.026, 0.020)  # the teeth push the mouth forward
    depth = depth - 0.003 * bump(x, z, 0, MOUTH_Z - 0.019, 0.018, 0.006)  # fold above the chin
    return np.asarray(depth + 0.007 * bump(x, z, 0, -0.092, 0.020, 0.012), dtype=np.float64)  # chin


def lip_border(s: ArrayLike, upper: bool) -> tuple[Array, Array]:
    """Outer border of the red of the lip, (x, z) in metres, at s = -1 (right corner) .. 1 (left corner)."""
    s = np.asarray(s, float)
    bulge = np.maximum(0, 1 - np.abs(s) ** 2.0)
    height = 0.0092 * bulge**0.8 - 0.0016 * np.exp(-((s / 0.13) ** 2)) if upper else -0.0108 * bulge**0.75
    return MOUTH_HALF_WIDTH * s, contact_line(s) + height


def contact_line(s: ArrayLike) -> Array:
    """Height z (m) of the line where the closed lips meet, at s = -1 .. 1."""
    return np.asarray(MOUTH_Z - 0.0012 * np.asarray(s, float) ** 2, dtype=np.float64)


def lip_radius(s: float) -> float:
    """Half the height (m) of one closed lip at s = -1 .. 1: lips grow thin to their corners."""
    return LIP_RADIUS * (1 - 0.55 * abs(s) ** 3)


def node_parameter(name: str) -> float:
    """Where a lip node sits along the mouth: s = -1 (right corner) .. 1 (left corner)."""
    if name.startswith("corner"):
        return -1.0 if name.endswith("right") else 1.0
    return -1.0 + 2.0 * int(name.rsplit("_", 1)[1]) / (LIP_NODES_PER_SIDE + 1)


def lip_nodes_at_rest() -> dict[str, Array]:
    """Position (3,) of every lip node in the head's frame, metres, with all servos at 0 degrees."""
    nodes = {}
    for name in LIP_NODE_NAMES:
        s = node_parameter(name)
        x, z = MOUTH_HALF_WIDTH * s, float(contact_line(s))
        y = -(float(face_depth(x, z)) + 0.001 * (1 - s * s))
        if name.startswith("corner"):
            nodes[name] = np.array([x, y + 0.0005, z])
        else:
            sign = 1 if name.startswith("upper") else -1
            nodes[name] = np.array([x, y, z + sign * (lip_radius(s) - REST_OVERLAP / 2)])
    return nodes
