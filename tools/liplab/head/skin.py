"""The skin: one mesh of face, lips and the inside of the mouth, and how much each bone moves each vertex.

The lips' rows run from their outer border over the red to the inner edge, and on into a bag that lines the
mouth, so that an open mouth is closed to the sides. Texture coordinates are the front view's x and z in
metres, which `texture.to_texture` maps; the bag has a patch of its own beside the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path
from matplotlib.tri import Triangulation
from numpy.typing import NDArray

from liplab.head.geometry import (
    BROW_INNER_X,
    BROW_OUTER_X,
    BROW_Z,
    CORNER_LEFT,
    CORNER_RIGHT,
    EYE_X,
    EYE_Z,
    FACE_HALF_HEIGHT,
    FACE_HALF_WIDTH,
    FACE_MIDDLE_Z,
    LIP_NODE_NAMES,
    LIP_NODES_PER_SIDE,
    MOUTH_HALF_WIDTH,
    MOUTH_Z,
    contact_line,
    face_depth,
    lip_border,
    lip_nodes_at_rest,
    outline_radius,
    smoothstep,
)

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

COLUMNS = 49  # vertices along a lip
OUTLINE_POINTS = 110
# A lip from its border (0) to its inner edge (1): height over the contact line as a share of the border's,
# extra height, and depth behind the border's or the contact line's skin.
LIP_ROWS = np.linspace(0, 1, 9)
# Heights over the contact line, as shares of the border's, of the skin that the texture shows at even steps
# from the contact line to the border.
LIP_ROW_HEIGHTS = (0.0, 0.38, 0.72, 1.0)
BAG_PATCH_X = (0.092, 0.118)  # where the bag's colours lie in the texture
# The bag behind the lips, from front to back: half width, height above, height below, depth behind the
# skin, and the share of a vertex that still follows the lip.
BAG = (
    (0.0245, 0.0075, 0.0085, 0.0068, 0.75),
    (0.0250, 0.0120, 0.0130, 0.0085, 0.40),
    (0.0240, 0.0150, 0.0170, 0.0140, 0.12),
    (0.0220, 0.0160, 0.0180, 0.0240, 0.0),
    (0.0180, 0.0140, 0.0165, 0.0360, 0.0),
    (0.0100, 0.0080, 0.0110, 0.0440, 0.0),
    (0.0, 0.0, 0.0, 0.0460, 0.0),
)
# Half of the bag's rows that swings with the jaw: all in front, none at its closed end.
BAG_JAW = (1.0, 1.0, 1.0, 0.9, 0.6, 0.3, 0.0)
RIM_BACK_Y = 0.02
BORDER_SHARE = 0.8  # how much the border of the red follows its node; the rest stays with skull and jaw
CORNER_ALONE = 0.88  # |s| from which the skin turns to its corner's node alone
CORNER_FADE = 0.006  # m from the corner, over which the skin beside it follows other nodes again
BROW_BONES = tuple(f"brow_{side}_{part}" for side in ("right", "left") for part in ("inner", "outer"))
BONES = ("head", "jaw", *LIP_NODE_NAMES, *BROW_BONES)


@dataclass(frozen=True)
class Skin:
    """Vertices (n, 3) m in the head's frame, their place in the texture (n, 2) m, triangles (m, 3), and
    weights (n, len(BONES)) that sum to 1 for each vertex."""

    vertices: Array
    places: Array
    faces: Indices
    weights: Array


def _columns() -> Array:
    even = np.linspace(-1, 1, COLUMNS)
    return np.asarray(0.35 * np.sin(even * np.pi / 2) + 0.65 * even)


def eye_opening(side: int) -> Array:
    """Outline (44, 2) of the hole in the skin for one eye, side -1 or 1."""
    t = np.linspace(0, 2 * np.pi, 44, endpoint=False)
    height = np.where(np.sin(t) > 0, 0.0080, 0.0062) * np.abs(np.sin(t)) ** 0.9 * np.sign(np.sin(t))
    return np.asarray(np.c_[side * EYE_X + 0.0150 * np.cos(t), EYE_Z + height])


def _face_points() -> tuple[Array, NDArray[np.int64], list[Path]]:
    """Front view points (n, 2), the mouth's border first; which of them are the face's outline; the holes."""
    s = _columns()
    upper, lower = np.c_[lip_border(s, True)], np.c_[lip_border(s, False)][1:-1]
    eyes = [eye_opening(-1), eye_opening(1)]
    t = np.linspace(0, 2 * np.pi, OUTLINE_POINTS, endpoint=False)
    x = FACE_HALF_WIDTH * 0.995 * np.sign(np.cos(t)) * np.abs(np.cos(t)) ** (2 / 2.3)
    z = FACE_MIDDLE_Z + FACE_HALF_HEIGHT * 0.995 * np.sign(np.sin(t)) * np.abs(np.sin(t)) ** (2 / 2.5)
    holes = [Path(np.vstack([upper, lower[::-1]])), *(Path(eye) for eye in eyes)]
    points = np.vstack([upper, lower, *eyes, np.c_[x, z]])
    outline = np.arange(len(points) - OUTLINE_POINTS, len(points))
    # Finer where the face bends most: mouth, nose, then everywhere.
    for spacing, (x0, x1, z0, z1) in (
        (0.0020, (-0.040, 0.040, -0.082, -0.042)),
        (0.0019, (-0.017, 0.017, -0.046, 0.020)),
        (0.0036, (-0.075, 0.075, -0.112, 0.106)),
    ):
        grid_x, grid_z = np.meshgrid(np.arange(x0, x1, spacing), np.arange(z0, z1, spacing))
        grid_x = grid_x + (np.arange(grid_x.shape[0]) % 2)[:, None] * spacing / 2
        grid = np.c_[grid_x.ravel(), grid_z.ravel()]
        keep = outline_radius(grid[:, 0], grid[:, 1]) < 0.975
        for hole in holes:
            keep &= ~hole.contains_points(grid)
        grid = grid[keep]
        nearest = np.sqrt(((grid[:, None] - points[None]) ** 2).sum(-1)).min(1)
        points = np.vstack([points, grid[nearest > 0.62 * spacing]])
    return points, outline, holes


def _turned(faces: Indices, vertices: Array, outward: Array) -> Indices:
    """The triangles with their corners ordered so that their normals point along `outward` (m, 3)."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    wrong = np.einsum("ij,ij->i", np.cross(b - a, c - a), outward) < 0
    faces = faces.copy()
    faces[wrong] = faces[wrong][:, ::-1]
    return faces


def _lip_rows(s: Array, upper: bool) -> tuple[Array, Array]:
    """Rows (rows, columns, 3) of one lip from just inside the border to the back of the bag, and their
    places in the texture (rows, columns, 2)."""
    sign = 1 if upper else -1
    border_x, border_z = lip_border(s, upper)
    line = contact_line(s)
    round_off = np.sqrt(np.maximum(0, 1 - s * s))
    border_y = -face_depth(border_x, border_z)
    line_y = -face_depth(border_x, line)
    height = border_z - line
    knots = [0, 0.25, 0.5, 0.75, 0.9, 1]
    heights = np.array(
        [
            height,
            LIP_ROW_HEIGHTS[2] * height,
            LIP_ROW_HEIGHTS[1] * height,
            sign * 0.00005 + 0 * s,
            sign * 0.0014 * round_off,
            sign * 0.0038 * round_off,
        ]
    )
    fullest = 0.0026 if upper else 0.0031
    depths = np.array(
        [
            border_y,
            border_y - 0.0016 * round_off,
            line_y - fullest * round_off,
            line_y + 0.0004 * round_off,
            line_y + 0.0032 * round_off,
            line_y + 0.0052 * round_off,
        ]
    )
    rows, places = [], []
    for t in LIP_ROWS[1:]:
        z = np.array([np.interp(t, knots, heights[:, j]) for j in range(len(s))])
        y = np.array([np.interp(t, knots, depths[:, j]) for j in range(len(s))])
        x = border_x * (1 - 0.03 * t)
        rows.append(np.c_[x, y, line + z])
        places.append(np.c_[x, line + height * np.interp(t, [0, 0.75, 1], [1, 0, 0])])
    # The inner edge once more, with its place in the bag's patch of the texture.
    rows.append(rows[-1])
    places.append(np.c_[np.full(len(s), BAG_PATCH_X[0]), 0.08 * sign * round_off])
    for k, (half_width, above, below, behind, _) in enumerate(BAG):
        x = half_width * s
        z = MOUTH_Z - 0.002 + sign * (above if upper else below) * round_off**0.8
        rows.append(np.c_[x, behind - np.asarray(face_depth(x, z)), z])
        patch_x = BAG_PATCH_X[0] + (BAG_PATCH_X[1] - BAG_PATCH_X[0]) * (0.1 + 0.8 * k / (len(BAG) - 1))
        places.append(np.c_[np.full(len(s), patch_x), 0.08 * sign * round_off])
    return np.array(rows), np.array(places)


def _node_shares(x: Array, lip: str, away: Array) -> Array:
    """How points at x share the nodes of one lip and the corners, (n, nodes), rows sum to 1.

    The farther `away` (n,) m from the red, the more nodes have a say, so that folds fade.
    """
    nodes = lip_nodes_at_rest()
    shares = np.zeros((len(x), len(LIP_NODE_NAMES)))
    own = [i for i, name in enumerate(LIP_NODE_NAMES) if name.startswith(("corner", lip))]
    node_x = np.array([nodes[LIP_NODE_NAMES[i]][0] for i in own])
    reach = 0.0042 + 0.5 * np.asarray(away)[:, None]
    inside = np.clip(x, -MOUTH_HALF_WIDTH, MOUTH_HALF_WIDTH)
    distance = ((inside[:, None] - node_x) / reach) ** 2
    near = np.exp(distance.min(1, keepdims=True) - distance)
    shares[:, own] = near / near.sum(1, keepdims=True)
    return shares


def _spline_shares(s: Array, lip: str) -> Array:
    """The same along the lip by cubic B-splines, smooth along the red, for s = -1 .. 1."""
    count = LIP_NODES_PER_SIDE + 2
    chain = [i for i, name in enumerate(LIP_NODE_NAMES) if name.startswith(lip)]
    chain = [0, *chain, LIP_NODES_PER_SIDE + 1]
    place = (s + 1) / 2 * (count - 1)
    first = np.minimum(place.astype(int), count - 2)
    a = place - first
    shares = np.zeros((len(s), len(LIP_NODE_NAMES)))
    pieces = ((1 - a) ** 3, 3 * a**3 - 6 * a * a + 4, -3 * a**3 + 3 * a * a + 3 * a + 1, a**3)
    for offset, piece in zip(range(-1, 3), pieces, strict=True):
        node = np.array(chain)[np.clip(first + offset, 0, count - 1)]
        np.add.at(shares, (np.arange(len(s)), node), piece / 6)
    return shares


def _border_share(s: Array) -> Array:
    """How much the border of the red follows its nodes at s = -1 .. 1: the corners go all the way."""
    return np.asarray(BORDER_SHARE + (1 - BORDER_SHARE) * smoothstep(np.abs(s)))


def _corner_share(s: Array) -> Array:
    """How much of what the skin follows is its corner's node: 0 up to CORNER_ALONE, 1 at the corners."""
    return smoothstep((np.abs(s) - CORNER_ALONE) / (1 - CORNER_ALONE))


def _corner_alone(s: Array) -> Array:
    """Shares (n, nodes) of the corners' nodes only."""
    shares = np.zeros((len(s), len(LIP_NODE_NAMES)))
    shares[np.arange(len(s)), np.where(s < 0, CORNER_RIGHT, CORNER_LEFT)] = 1
    return shares


def _jaw_share(x: Array, z: Array) -> Array:
    """How much of the skin at (x, z) goes with the jaw: all of the chin, none of the nose."""
    ax = np.abs(x)
    blend = 0.012 + 0.05 * smoothstep((ax - 0.024) / 0.03)
    return np.asarray(smoothstep(0.5 + (MOUTH_Z - z) / blend) * (1 - 0.75 * smoothstep((ax - 0.035) / 0.035)))


def _face_weights(vertices: Array) -> Array:
    x, y, z = vertices.T
    weights = np.zeros((len(vertices), len(BONES)))
    brow_sum = np.zeros(len(vertices))
    for k, name in enumerate(BROW_BONES):
        sign = 1 if "left" in name else -1
        bx = sign * (BROW_INNER_X if "inner" in name else BROW_OUTER_X)
        reach = np.where(z < BROW_Z, 0.010, 0.018)
        share = 0.9 * np.exp(-(((x - bx) / 0.013) ** 2) - ((z - BROW_Z) / reach) ** 2)
        weights[:, len(BONES) - len(BROW_BONES) + k] = share
        brow_sum += share
    scale = np.where(brow_sum > 0.95, 0.95 / np.maximum(brow_sum, 1e-9), 1.0)
    weights[:, -len(BROW_BONES) :] *= scale[:, None]
    rest = 1 - brow_sum * scale
    upper = z >= MOUTH_Z
    s = np.clip(x / MOUTH_HALF_WIDTH, -1, 1)
    border_x = MOUTH_HALF_WIDTH * s
    border_z = np.where(upper, lip_border(s, True)[1], lip_border(s, False)[1])
    away = np.hypot(x - border_x, z - border_z)
    # Skin beside the corners follows over a longer way than skin above and below; the nose stays.
    reach = 0.016 + 0.012 * smoothstep((np.abs(x) - 0.010) / 0.016)
    lip = _border_share(s) * np.exp(-((away / reach) ** 2)) * smoothstep((0.019 - y) / 0.004)
    lip *= 1 - smoothstep((z + 0.049) / 0.012) * np.exp(-((x / 0.019) ** 4))
    up, low = _node_shares(x, "upper", away), _node_shares(x, "lower", away)
    blend = np.where(np.abs(s) < 1, upper, smoothstep(0.5 + (z - MOUTH_Z) / 0.030))[:, None]
    shares = blend * up + (1 - blend) * low
    alone = (_corner_share(s) * np.exp(-((away / CORNER_FADE) ** 2)))[:, None]
    shares = (1 - alone) * shares + alone * _corner_alone(s)
    weights[:, 2 : 2 + len(LIP_NODE_NAMES)] = shares * (lip * rest)[:, None]
    jaw = _jaw_share(x, z) * smoothstep((0.019 - y) / 0.004)
    weights[:, 1] = (1 - lip) * jaw * rest
    weights[:, 0] = (1 - lip) * (1 - jaw) * rest
    return weights


def _mouth_weights(s: Array, upper: bool) -> Array:
    """Weights (rows, columns, bones) of a lip's rows and its half of the bag."""
    lip = "upper" if upper else "lower"
    border_x, border_z = lip_border(s, upper)
    along, near = _spline_shares(s, lip), _node_shares(border_x, lip, np.zeros(len(s)))
    corner = np.abs(s) ** 8
    # At the very corner both lips are one.
    ends, only_corner = _corner_share(s)[:, None], _corner_alone(s)
    border = _border_share(s)
    rows = []
    steps: list[tuple[float, float | None, float]] = [(t, None, 0.0) for t in [*LIP_ROWS[1:], 1.0]]
    steps += [(1.0, bag[4], swing) for bag, swing in zip(BAG, BAG_JAW, strict=True)]
    for t, follow, swing in steps:
        mix = min(1.0, t / 0.3)
        shares = (1 - ends) * (mix * along + (1 - mix) * near) + ends * only_corner
        if follow is None:
            inward = float(np.interp(t, [0, 0.3, 0.55, 1], [0, 0.65, 1, 1]))
            own = border + (1 - border) * inward
        else:
            own = np.full(len(s), follow)
        jaw = _jaw_share(border_x, border_z) if follow is None else np.full(len(s), 0.0 if upper else swing)
        middle = 0.5 if follow is None else 0.5 * swing
        jaw = (1 - corner) * jaw + corner * middle
        weights = np.zeros((len(s), len(BONES)))
        weights[:, 2 : 2 + len(LIP_NODE_NAMES)] = shares * own[:, None]
        weights[:, 1] = (1 - own) * jaw
        weights[:, 0] = (1 - own) * (1 - jaw)
        rows.append(weights)
    return np.array(rows)


def build_skin() -> Skin:
    """The whole skin of the head at rest."""
    points, outline, holes = _face_points()
    triangles = Triangulation(points[:, 0], points[:, 1]).triangles.astype(np.int64)
    middles = points[triangles].mean(1)
    keep = np.ones(len(triangles), bool)
    for hole in holes:
        keep &= ~hole.contains_points(middles)
    triangles = triangles[keep]
    vertices = np.c_[points[:, 0], -face_depth(points[:, 0], points[:, 1]), points[:, 1]]
    triangles = _turned(triangles, vertices, np.tile([0.0, -1.0, 0.0], (len(triangles), 1)))
    places = points.copy()
    # The outline runs back as a rim: the sides of the face.
    rim = vertices[outline] * [0.97, 0, 1] + [0, RIM_BACK_Y, 0]
    back = len(vertices) + np.arange(len(outline))
    following, back_following = np.roll(outline, -1), np.roll(back, -1)
    rim_faces = np.vstack([np.c_[outline, following, back_following], np.c_[outline, back_following, back]])
    vertices, places = np.vstack([vertices, rim]), np.vstack([places, points[outline]])
    away = vertices[rim_faces].mean(1) - [0, 0, FACE_MIDDLE_Z]
    faces = [triangles, _turned(rim_faces, vertices, away * [1, 0, 1])]
    weights = [_face_weights(vertices)]
    s = _columns()
    for upper in (True, False):
        # Both borders share the corners' vertices.
        border = np.arange(COLUMNS) if upper else np.r_[0, COLUMNS + np.arange(COLUMNS - 2), COLUMNS - 1]
        rows, row_places = _lip_rows(s, upper)
        numbers = len(vertices) + np.arange(rows.shape[0] * COLUMNS).reshape(rows.shape[0], COLUMNS)
        grid = np.vstack([border, numbers])
        a, b, c, d = (
            grid[:-1, :-1].ravel(),
            grid[:-1, 1:].ravel(),
            grid[1:, 1:].ravel(),
            grid[1:, :-1].ravel(),
        )
        pairs = (np.c_[a, c, b], np.c_[a, d, c]) if upper else (np.c_[a, b, c], np.c_[a, c, d])
        vertices = np.vstack([vertices, rows.reshape(-1, 3)])
        places = np.vstack([places, row_places.reshape(-1, 2)])
        faces.append(np.vstack(pairs))
        weights.append(_mouth_weights(s, upper).reshape(-1, len(BONES)))
    share = np.vstack(weights)
    share[share < 1e-3] = 0
    return Skin(vertices, places, np.vstack(faces), share / share.sum(1, keepdims=True))
