"""What the skull is seen with: bone, sockets, teeth, a hinged jaw, a stand, and painted dots if asked for."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from liplab.head.geometry import JAW_HINGE, LIP_NODES_PER_SIDE, MOUTH_Z, smoothstep
from liplab.head.looks import CAMERAS, MIRROR_MATERIAL, ROOM, VISUAL
from liplab.head.meshes import Array, Faces, crown, grid_faces, mesh, numbers, part
from liplab.head.skull import skull_mjcf, teeth_nodes

BONE_RGBA = ".89 .85 .72 1"
TOOTH_RGBA = ".95 .93 .86 1"
HOLLOW_RGBA = ".10 .08 .07 1"
STAND_RGBA = ".22 .22 .24 1"
NODE_DOT_RGBA, STILL_DOT_RGBA = ".05 .25 .95 1", ".05 .8 .15 1"
NODE_DOT_RADIUS, STILL_DOT_RADIUS = 0.0018, 0.0034  # m

# Bone, as ellipsoids that melt into each other: middle and half axes, metres; the x of a pair is mirrored.
MELT = 0.010  # m, how far from a seam they melt
BONES = (
    ((0.000, 0.012, 0.034), (0.070, 0.092, 0.070)),  # braincase
    ((0.000, -0.048, 0.034), (0.052, 0.036, 0.034)),  # forehead
    ((0.030, -0.066, 0.029), (0.022, 0.012, 0.006)),  # brow ridges
    ((0.042, -0.048, -0.015), (0.014, 0.019, 0.011)),  # cheekbones
    ((0.032, -0.054, -0.025), (0.016, 0.016, 0.011)),  # from the cheekbones down to the upper jaw
    ((0.055, -0.014, -0.013), (0.006, 0.040, 0.006)),  # arches back to the ears
    ((0.000, -0.060, -0.006), (0.010, 0.024, 0.030)),  # bridge of the nose
    ((0.000, -0.048, -0.030), (0.032, 0.031, 0.020)),  # upper jaw
    ((0.000, -0.048, -0.041), (0.028, 0.034, 0.013)),  # gum
)
HOLLOWS = (
    ((0.0300, -0.082, 0.008), (0.0185, 0.034, 0.0160)),  # eye sockets
    ((0.0055, -0.094, -0.025), (0.0070, 0.030, 0.0125)),  # nose
)
# Darkness in the hollows, a little below their edges.
DARK = (
    ((0.0305, -0.054, 0.008), (0.0165, 0.016, 0.0142)),
    ((0.0052, -0.066, -0.026), (0.0060, 0.010, 0.0112)),
)
HEART: Array = np.array([0.0, -0.012, 0.0])  # every point of the skull's surface is seen from here
ROWS, COLUMNS = 120, 190
MARCH: Array = np.linspace(0.13, 0.005, 64)  # m from the heart, from outside in
HALVINGS = 8

# The jaw as a bent bar: middle (x, y, z), half its thickness, half its height, from the hinge to the chin.
JAW_BAR = (
    (0.0560, -0.006, -0.018, 0.0040, 0.0060),
    (0.0550, -0.004, -0.040, 0.0035, 0.0140),
    (0.0520, -0.008, -0.066, 0.0040, 0.0150),
    (0.0430, -0.032, -0.081, 0.0050, 0.0125),
    (0.0310, -0.056, -0.085, 0.0060, 0.0150),
    (0.0160, -0.074, -0.087, 0.0070, 0.0175),
    (0.0000, -0.0800, -0.088, 0.0075, 0.0185),
)
BAR_RINGS, BAR_CORNERS = 81, 20

# Teeth: half widths from the middle outward, half heights, half depth, metres.
UPPER_HALF_WIDTHS = (0.0042, 0.0034, 0.0036, 0.0034, 0.0034, 0.0040)
LOWER_HALF_WIDTHS = (0.0028, 0.0030, 0.0034, 0.0034, 0.0036, 0.0040)
UPPER_HALF_HEIGHT, LOWER_HALF_HEIGHT, TOOTH_HALF_DEPTH = 0.0072, 0.0056, 0.0030
NODE_BEFORE_TOOTH = 0.0004  # m, so that a dot stands out


def _both_sides(shapes: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]) -> list[tuple[Array, Array]]:
    pairs: list[tuple[Array, Array]] = []
    for middle, half in shapes:
        for sign in (1, -1) if middle[0] else (1,):
            mirror = np.array([sign, 1.0, 1.0])
            pairs.append((np.array(middle, dtype=np.float64) * mirror, np.array(half, dtype=np.float64)))
    return pairs


def _outside(points: Array, shape: tuple[Array, Array]) -> Array:
    """About how far (m) points (..., 3) lie outside an ellipsoid; negative inside."""
    middle, half = shape
    return np.asarray((np.linalg.norm((points - middle) / half, axis=-1) - 1) * half.min())


def _air(points: Array) -> Array:
    """About how far (m) points (..., 3) lie outside the bone; negative inside."""
    bones = np.stack([_outside(points, shape) for shape in _both_sides(BONES)])
    air = -MELT / 3 * np.log(np.exp(-3 * np.clip(bones, -0.1, 0.1) / MELT).sum(axis=0))
    for shape in _both_sides(HOLLOWS):
        air = np.maximum(air, -_outside(points, shape))
    return np.asarray(air)


def _surface(directions: Array) -> Array:
    """Points (n, 3) where rays from the heart in directions (n, 3) leave the bone for good."""
    inside = _air(np.asarray(HEART + MARCH[:, None] * directions[:, None])) < 0
    inside[:, -1] = True
    first = np.maximum(inside.argmax(axis=1), 1)
    high, low = MARCH[first - 1], MARCH[first]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        out = _air(HEART + middle[:, None] * directions) > 0
        high, low = np.where(out, middle, high), np.where(out, low, middle)
    return np.asarray(HEART + low[:, None] * directions)


@lru_cache(maxsize=1)
def _cranium() -> str:
    tilt = np.linspace(0.001, np.pi - 0.001, ROWS)[:, None]
    turn = np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False)[None]
    directions = np.stack(
        [np.sin(tilt) * np.sin(turn), -np.sin(tilt) * np.cos(turn), np.cos(tilt) + 0 * turn], -1
    )
    rows = [_surface(row) for row in directions]
    return mesh("cranium", np.vstack(rows), grid_faces(ROWS, COLUMNS, True)[:, ::-1])


def _jaw_bar() -> str:
    right = np.array(JAW_BAR) * [-1, 1, 1, 1, 1]
    knots = np.vstack([right, np.array(JAW_BAR)[-2::-1]])
    fine = np.linspace(0, len(knots) - 1, BAR_RINGS)
    bar = np.array([np.interp(fine, np.arange(len(knots)), column) for column in knots.T])
    soften = np.hanning(11)[1:-1] / np.hanning(11).sum()
    x, y, z, thick, tall = (np.convolve(np.pad(row, 4, mode="edge"), soften, "valid") for row in bar)
    middle = np.stack([x, y, z], -1)
    along = np.gradient(middle, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    outward = np.stack([x, np.minimum(y + 0.03, -0.0) * smoothstep(-(y + 0.02) / 0.02), 0 * x], -1)
    outward -= (outward * along).sum(1, keepdims=True) * along
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    up = np.cross(along, outward)
    turn = np.linspace(0, 2 * np.pi, BAR_CORNERS, endpoint=False)
    across = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.7
    high = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** 0.7
    points = (
        middle[:, None]
        + (thick[:, None] * across)[..., None] * outward[:, None]
        + (tall[:, None] * high)[..., None] * up[:, None]
    )
    return mesh("jaw", points.reshape(-1, 3) - JAW_HINGE, grid_faces(BAR_RINGS, BAR_CORNERS, True, True))


def _arch(lip: str) -> tuple[Array, Array]:
    """The row of nodes from corner to corner seen from above: x and y, metres."""
    names = ("corner_right", *(f"{lip}_{i}" for i in range(1, LIP_NODES_PER_SIDE + 1)), "corner_left")
    x, y, _ = np.array([teeth_nodes()[name] for name in names]).T
    return x, y


def _teeth(lip: str) -> str:
    """A row of teeth behind the nodes, edges where the rows meet."""
    upper = lip == "upper"
    widths = UPPER_HALF_WIDTHS if upper else LOWER_HALF_WIDTHS
    height = UPPER_HALF_HEIGHT if upper else LOWER_HALF_HEIGHT
    shape, faces = crown(13, 24), grid_faces(13, 24, True)
    arch_x, arch_y = _arch(lip)
    fine = np.linspace(0, arch_x[-1] + 0.004, 400)
    slope = np.gradient(np.interp(fine, arch_x, arch_y), fine)
    slope[fine > arch_x[-1]] = 1.2
    front = np.interp(0.0, arch_x, arch_y) + np.concatenate([[0], np.cumsum(slope[1:] * np.diff(fine))])
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(fine), np.diff(front)))])
    vertices: list[Array] = []
    for sign in (-1, 1):
        begin = 0.0
        for width in widths:
            place = np.interp(begin + width, length, fine)
            angle = np.arctan(np.interp(place, fine, slope))
            begin += 2 * width
            ahead = np.array([-np.sin(angle), np.cos(angle), 0.0])  # into the mouth, on the left side
            middle = np.array([place, np.interp(place, fine, front), 0.0])
            middle += ahead * (TOOTH_HALF_DEPTH + NODE_BEFORE_TOOTH)
            middle[2] = MOUTH_Z + (height if upper else -height)
            turned = np.array(
                [[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
            )
            tooth = middle + (shape * [0.97 * width, TOOTH_HALF_DEPTH, height]) @ turned
            vertices.append(tooth * [sign, 1, 1])
    every: list[Faces] = []
    for number in range(len(vertices)):
        turned_faces = faces[:, ::-1] if number < len(widths) else faces  # mirrored
        every.append(turned_faces + number * len(shape))
    origin = np.zeros(3) if upper else JAW_HINGE
    return mesh(f"teeth_{lip}", np.vstack(vertices) - origin, np.vstack(every))


def _dot(place: Array, rgba: str, radius: float) -> str:
    return f'<geom class="looks" type="sphere" size="{radius}" pos="{numbers(place)}" rgba="{rgba}"/>\n'


def _still_dots() -> str:
    """Both temples and between the eyes, on the bone."""
    aims = np.array([[-0.034, -0.074, 0.050], [0.034, -0.074, 0.050], [0.0, -0.080, 0.022]]) - HEART
    places = _surface(aims / np.linalg.norm(aims, axis=1, keepdims=True))
    return "".join(_dot(place, STILL_DOT_RGBA, STILL_DOT_RADIUS) for place in places)


def _chin_dot() -> str:
    _, y, z, thick, _ = JAW_BAR[-1]
    return _dot(np.array([0.0, y - thick, z - 0.003]) - JAW_HINGE, STILL_DOT_RGBA, STILL_DOT_RADIUS)


def _darkness() -> str:
    return "".join(
        f'<geom class="looks" type="ellipsoid" size="{numbers(half)}" pos="{numbers(middle)}" '
        f'rgba="{HOLLOW_RGBA}" material="bone"/>\n'
        for middle, half in _both_sides(DARK)
    )


@lru_cache(maxsize=2)
def visible_skull_mjcf(dots: bool = False) -> tuple[str, dict[str, bytes]]:
    """MJCF of the skull with its looks, and the files it names (none). With `dots`, blue ones on the lip
    nodes, green ones on the chin, both temples and between the eyes."""
    stand = (
        f'<geom class="looks" type="capsule" fromto="0 .03 -.03 0 .03 -.20" size=".009" rgba="{STAND_RGBA}"/>'
        f'<geom class="looks" type="cylinder" pos="0 .02 -.165" size=".07 .006" rgba="{STAND_RGBA}"/>\n'
    )
    looks = {
        "visual": VISUAL,
        "asset": (
            '<material name="bone" specular=".12" shininess=".2"/>'
            '<material name="tooth" specular=".6" shininess=".6"/>'
            + MIRROR_MATERIAL
            + _cranium()
            + _jaw_bar()
            + _teeth("upper")
            + _teeth("lower")
        ),
        "world": ROOM + stand + CAMERAS,
        "head": part("cranium", BONE_RGBA, "bone") + part("teeth_upper", TOOTH_RGBA, "tooth") + _darkness(),
        "jaw": part("jaw", BONE_RGBA, "bone") + part("teeth_lower", TOOTH_RGBA, "tooth"),
    }
    if dots:
        looks["head"] += _still_dots()
        looks["jaw"] += _chin_dot()
        looks["node"] = _dot(np.zeros(3), NODE_DOT_RGBA, NODE_DOT_RADIUS)
    return skull_mjcf(looks), {}
