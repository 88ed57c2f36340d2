"""What the head is seen with: skin, hair, ears, neck, eyes, teeth, tongue, light and cameras.

Everything here is massless and moves with the bodies of `mjcf`; the simulation does not know of it.
"""

from __future__ import annotations

from functools import lru_cache

import mujoco
import numpy as np

from liplab.head.geometry import (
    EYE_RADIUS,
    FACE_DEPTH,
    FACE_HALF_HEIGHT,
    FACE_HALF_WIDTH,
    FACE_MIDDLE_Z,
    JAW_HINGE,
    MOUTH_Z,
    SKULL_DEPTH,
    face_depth,
    smoothstep,
)
from liplab.head.meshes import Array, Faces, crown, grid_faces, mesh, numbers, part
from liplab.head.mjcf import NECK_TO_HEAD, head_mjcf
from liplab.head.skin import BONES, build_skin
from liplab.head.texture import SKIN_SIDE, face_png, to_texture

TEXTURE_FILE = "face.png"
FILM_SIZE = (1280, 1280)  # largest picture, width and height
SKIN_RGBA = " ".join(f"{value / 255:.3f}" for value in SKIN_SIDE) + " 1"
HAIR_RGBA = ".17 .115 .085 1"
SHIRT_RGBA = ".19 .27 .38 1"
CAMERAS = """
<camera name="front" pos="0 -.66 -.022" xyaxes="1 0 0 0 0 1" fovy="28"/>
<camera name="three_quarter" pos="-.42 -.51 -.012" xyaxes=".772 -.636 0 .0 .0 1" fovy="28"/>
<camera name="side" pos="-.66 -.0 -.012" xyaxes="0 -1 0 0 0 1" fovy="28"/>
<camera name="face" pos="0 -.66 -.024" xyaxes="1 0 0 0 0 1" fovy="20"/>
<camera name="face_side" pos="-.28 -.60 -.024" xyaxes=".906 -.423 0 0 0 1" fovy="20"/>
<camera name="mirror" pos="0 -.66 -.024" xyaxes=".969 -.247 0 0 0 1" fovy="23"/>
<camera name="mouth" pos="0 -.42 -.062" xyaxes="1 0 0 0 0 1" fovy="12"/>
<camera name="mouth_side" pos="-.30 -.29 -.062" xyaxes=".564 -.826 0 0 0 1" fovy="13"/>
"""
VIEWS = ("front", "three_quarter", "side", "face", "face_side", "mirror", "mouth", "mouth_side")
# A mirror beside the head's left cheek, which only the view of that name shows.
MIRROR_GROUP = 5
MIRROR = f'''<geom class="looks" group="{MIRROR_GROUP}" type="plane" size=".3 .2 .01" pos=".15 -.12 -.03"
xyaxes="0 -1 0 0 0 1" material="mirror"/>'''
MIRROR_MATERIAL = '<material name="mirror" reflectance="1" rgba="0 0 0 1" specular="0"/>'
VISUAL = f"""<visual><global offwidth="{FILM_SIZE[0]}" offheight="{FILM_SIZE[1]}"/>
<quality offsamples="4"/><map znear=".05" zfar="30"/>
<headlight ambient=".36 .36 .37" diffuse=".26 .26 .26" specular=".03 .03 .03"/></visual>
<statistic extent=".4" center="0 0 0"/>"""
ROOM = (
    """
<light pos="-.25 -.6 .45" dir=".35 .8 -.5" diffuse=".50 .48 .46" specular=".12 .12 .12" type="directional"/>
<light pos=".5 -.5 .1" dir="-.7 .7 -.1" diffuse=".16 .16 .19" castshadow="false" type="directional"/>
<geom class="looks" type="plane" size="3 3 .1" pos="0 .9 0" euler="1.5708 0 0" rgba=".60 .65 .70 1"/>
"""
    + MIRROR
)
WORLD = f"""{ROOM}<geom class="looks" type="mesh" mesh="shirt" rgba="{SHIRT_RGBA}"/>
{CAMERAS}"""


def _on_skull(directions: Array) -> Array:
    """Points (n, 3) where directions (n, 3) from the middle of the head leave face and skull."""
    reach = np.full(len(directions), 0.01)
    ahead = directions[:, 1] < 0
    depth = np.where(ahead, FACE_DEPTH, SKULL_DEPTH)
    low, high = reach, np.full(len(directions), 0.2)
    for _ in range(40):
        middle = (low + high) / 2
        x, y, z = np.abs(directions * middle[:, None]).T
        out = (x / FACE_HALF_WIDTH) ** 2.3 + (z / FACE_HALF_HEIGHT) ** 2.5 + (y / depth) ** 2.3 > 1
        high, low = np.where(out, middle, high), np.where(out, low, middle)
    return np.asarray(directions * low[:, None])


def _hair() -> str:
    """A short cut: the skull's surface, raised where hair grows and sunk under the skin where it does not."""
    rows, columns = 84, 128
    tilt = np.linspace(0.001, 0.78 * np.pi, rows)[:, None]
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    direction = np.stack(
        [np.sin(tilt) * np.sin(turn), -np.sin(tilt) * np.cos(turn), np.cos(tilt) + 0 * turn], -1
    )
    points = _on_skull(direction.reshape(-1, 3))
    x, y, z = points.T
    rng = np.random.default_rng(3)
    strands = np.tile(
        np.interp(np.arange(columns), np.arange(0, columns, 2), rng.normal(0, 1, columns // 2)), rows
    )
    # Height of the hairline from the forehead over the temples to the nape.
    back = np.rad2deg(np.arctan2(np.abs(x), -y))  # 0 ahead, 90 at the ear, 180 behind
    line = np.interp(
        back, [0, 22, 38, 52, 66, 80, 92, 104, 125, 180], [68, 67, 60, 40, 24, -6, -8, 22, -52, -62]
    )
    line = line / 1000 + 0.0007 * strands
    grown = smoothstep((z - line) / 0.014)
    crown = 0.006 * smoothstep((z - 0.03) / 0.06) + 0.0025 * smoothstep((y - 0.0) / 0.04)
    thick = 0.004 + crown + 0.0007 * strands * smoothstep((z - line) / 0.02)
    # A parting and a sweep to the head's left.
    thick = thick + 0.004 * smoothstep((z - 0.055) / 0.03) * np.sin(np.clip((x + 0.02) / 0.05, -1, 1) * 1.57)
    raised = -0.007 + (thick + 0.007) * grown
    outward = points / np.linalg.norm(points, axis=1, keepdims=True)
    faces = grid_faces(rows, columns, True)[:, ::-1]
    faces = faces[(z > line - 0.004)[faces].any(1)]
    return mesh("hair", points + outward * raised[:, None], faces)


def _skull() -> str:
    """The back of the head under the hair, in the colour of the skin."""
    tilt = np.linspace(0.001, np.pi - 0.001, 40)[:, None]
    turn = np.linspace(0, 2 * np.pi, 80, endpoint=False)[None]
    direction = np.stack(
        [np.sin(tilt) * np.sin(turn), -np.sin(tilt) * np.cos(turn), np.cos(tilt) + 0 * turn], -1
    )
    points = _on_skull(direction.reshape(-1, 3))
    points *= 0.985 - 0.05 * smoothstep(-points[:, 2:] / 0.03)  # the jaw's sides move over it
    points[:, 1] = np.maximum(points[:, 1], 0.0)
    return mesh("skull", points, grid_faces(40, 80, True)[:, ::-1])


def _ear(sign: int) -> str:
    """One ear as a shell: a rim, a hollow, a lobe."""
    rings, spokes = 12, 40
    r = np.linspace(0, 1, rings)[:, None]
    a = np.linspace(0, 2 * np.pi, spokes, endpoint=False)[None]
    half_width = 0.0150 * (1 + 0.22 * np.sin(a)) * (1 - 0.10 * np.cos(a))
    y, z = r * half_width * np.cos(a), r * 0.030 * np.sin(a)
    rim = (
        0.0050
        * np.exp(-(((r - 0.86) / 0.12) ** 2))
        * (0.35 + 0.65 * smoothstep((np.cos(a - 0.6) + 0.75) / 0.8))
    )
    fold = 0.0028 * np.exp(-(((r - 0.52) / 0.12) ** 2)) * smoothstep(np.cos(a - 0.3) + 0.2)
    hollow = -0.0040 * np.exp(-(((r - 0.12) / 0.25) ** 2))
    lobe = 0.0025 * smoothstep((-np.sin(a) - 0.55) / 0.3) * r
    out = 0.004 + rim + fold + hollow + lobe - 0.006 * smoothstep((r - 0.93) / 0.07)
    out = out + 0.30 * (y + 0.010)  # the ear stands off behind
    points = np.stack([sign * out, y, z], -1).reshape(-1, 3)
    lean = np.deg2rad(12)
    points = points @ np.array([[1, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
    return mesh(f"ear_{'left' if sign > 0 else 'right'}", points, grid_faces(rings, spokes, True, True))


def _loft(name: str, rings: list[tuple[float, float, float, float]]) -> str:
    """A body through horizontal ellipses given as (z, middle y, half width, half depth)."""
    z, y, half_x, half_y = np.array(rings).T
    fine = np.linspace(0, 1, 40)
    knots = np.linspace(0, 1, len(rings))
    z, y, half_x, half_y = (np.interp(fine, knots, value) for value in (z, y, half_x, half_y))
    soften = np.array([1, 2, 3, 2, 1]) / 9
    y, half_x, half_y = (np.convolve(np.pad(v, 2, mode="edge"), soften, "valid") for v in (y, half_x, half_y))
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    points = np.stack(
        [
            half_x[:, None] * np.cos(turn),
            y[:, None] + half_y[:, None] * np.sin(turn),
            np.repeat(z[:, None], len(turn), 1),
        ],
        -1,
    )
    return mesh(name, points.reshape(-1, 3), grid_faces(40, len(turn), True)[:, ::-1])


def _lid(upper: bool) -> str:
    """A band of a sphere over the eyeball, seen from both sides."""
    radius = EYE_RADIUS * 1.06
    low, high = (17, 125) if upper else (-120, -23)
    side = np.deg2rad(np.linspace(-88, 88, 25))[:, None]
    up = np.deg2rad(np.linspace(low, high, 13))[None]
    points = radius * np.stack(
        [np.sin(side) + 0 * up, -np.cos(side) * np.cos(up), np.cos(side) * np.sin(up)], -1
    )
    return mesh("lid_upper" if upper else "lid_lower", points.reshape(-1, 3), grid_faces(25, 13, False, True))


def _teeth(upper: bool) -> str:
    """A row of teeth along the arch: crowns with rounded corners and nearly straight edges."""
    half = [0.0043, 0.0033, 0.0037, 0.0035, 0.0036] if upper else [0.0028, 0.0030, 0.0034, 0.0034, 0.0036]
    behind, edge, tall = (0.0112, -0.0004, 0.0056) if upper else (0.0200, -0.0078, 0.0042)
    shape = crown(13, 24)
    vertices: list[Array] = []
    faces: list[Faces] = []
    for sign in (-1, 1):
        x = 0.0
        for i, width in enumerate(half):
            middle, x = sign * (x + width), x + 2 * width
            slope = float(face_depth(middle + 0.001, MOUTH_Z) - face_depth(middle - 0.001, MOUTH_Z)) / 0.002
            height = tall * (0.94 if i == 1 and upper else 1.0)
            z = MOUTH_Z + edge + (height if upper else -height)
            place = np.array([middle, behind - float(face_depth(middle, MOUTH_Z)), z])
            angle = -np.arctan(slope)
            turned = np.array(
                [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
            )
            faces.append(grid_faces(13, 24, True) + 13 * 24 * len(vertices))
            vertices.append(place + (shape * [width * 0.985 / np.cos(angle), 0.0028, height]) @ turned.T)
    origin = np.zeros(3) if upper else JAW_HINGE
    name = "teeth_upper" if upper else "teeth_lower"
    return mesh(name, np.vstack(vertices) - origin, np.vstack(faces))


def _tongue() -> str:
    """A tongue on the jaw: a smooth mound with a groove, its tip behind the lower teeth."""
    along, across = np.linspace(0, 1, 20)[:, None], np.linspace(0, 2 * np.pi, 32, endpoint=False)[None]
    size = np.sqrt(np.maximum(1 - (1 - along) ** 2.6, 0)) * np.ones_like(across)
    half_width, half_height = 0.0165 * size, (0.0048 + 0.004 * along) * size
    y = -0.0655 + 0.040 * along + 0 * across
    x, lift = half_width * np.cos(across), half_height * np.sin(across)
    groove = 0.0016 * np.exp(-((x / 0.004) ** 2)) * (lift > 0)
    z = MOUTH_Z - 0.0125 + 0.006 * along + lift - groove
    points = np.stack([x, y, z], -1).reshape(-1, 3) - JAW_HINGE
    return mesh("tongue", points, grid_faces(20, 32, True, True))


def _eye() -> str:
    r = EYE_RADIUS
    parts = f'<geom class="looks" type="sphere" size="{r}" rgba=".94 .93 .91 1" material="wet"/>'
    for radius, ahead, colour in (
        (0.52, 0.835, ".22 .15 .10"),
        (0.47, 0.850, ".38 .26 .16"),
        (0.22, 0.965, ".02 .02 .02"),
    ):
        thick = {0.52: 0.19, 0.47: 0.185, 0.22: 0.07}[radius]
        parts += (
            f'<geom class="looks" type="ellipsoid" size="{r * radius:.5g} {r * thick:.5g} {r * radius:.5g}" '
            f'pos="0 {-r * ahead:.5g} 0" rgba="{colour} 1" material="wet"/>'
        )
    return parts


def _skin_xml(bind: mujoco.MjData) -> str:
    skin = build_skin()
    bones = ""
    for k, bone in enumerate(BONES):
        held = np.nonzero(skin.weights[:, k])[0]
        body = bind.body(bone)
        bones += (
            f'<bone body="{bone}" bindpos="{numbers(body.xpos)}" bindquat="{numbers(body.xquat)}" '
            f'vertid="{numbers(held, "{}")}" vertweight="{numbers(skin.weights[held, k], "{:.4g}")}"/>\n'
        )
    return (
        f'<skin name="face" material="skin" vertex="{numbers(skin.vertices)}" '
        f'texcoord="{numbers(to_texture(skin.places))}" face="{numbers(skin.faces, "{}")}">{bones}</skin>'
    )


@lru_cache(maxsize=2)
def visible_mjcf(dots: bool = False) -> tuple[str, dict[str, bytes]]:
    """MJCF of the head with its looks, and the files it names."""
    plain = mujoco.MjModel.from_xml_string(head_mjcf())
    bind = mujoco.MjData(plain)
    mujoco.mj_kinematics(plain, bind)
    middle = f"0 0 {FACE_MIDDLE_Z}"
    neck = -NECK_TO_HEAD  # the neck's meshes are drawn in the head's frame at rest
    looks = {
        "visual": VISUAL,
        "asset": (
            f'<texture name="face" type="2d" file="{TEXTURE_FILE}"/>'
            + MIRROR_MATERIAL
            + '<material name="skin" texture="face" specular=".10" shininess=".2"/>'
            '<material name="wet" specular=".8" shininess=".8"/>'
            '<material name="matt" specular=".05" shininess=".1"/>'
            '<material name="hair" specular=".20" shininess=".25"/>'
            + _hair()
            + _skull()
            + _ear(-1)
            + _ear(1)
            + _lid(True)
            + _lid(False)
            + _tongue()
            + _teeth(True)
            + _teeth(False)
            + _loft(
                "neck",
                [
                    (-0.05, 0.028, 0.050, 0.052),
                    (-0.085, 0.026, 0.050, 0.050),
                    (-0.125, 0.028, 0.052, 0.050),
                    (-0.175, 0.034, 0.060, 0.054),
                ],
            )
            + _loft(
                "shirt",
                [
                    (-0.148, 0.032, 0.062, 0.056),
                    (-0.152, 0.033, 0.066, 0.060),
                    (-0.162, 0.034, 0.092, 0.066),
                    (-0.176, 0.036, 0.140, 0.076),
                    (-0.20, 0.038, 0.180, 0.086),
                    (-0.26, 0.040, 0.200, 0.096),
                    (-0.36, 0.040, 0.205, 0.100),
                ],
            )
        ),
        "world": WORLD,
        "neck": part("neck", SKIN_RGBA, "matt", numbers(-neck)),
        "head": (
            part("skull", SKIN_RGBA, "matt", middle)
            + part("hair", HAIR_RGBA, "hair", middle)
            + part("ear_right", SKIN_RGBA, "matt", "-.0735 .014 .002")
            + part("ear_left", SKIN_RGBA, "matt", ".0735 .014 .002")
            + part("teeth_upper", ".93 .91 .85 1", "wet")
        ),
        "jaw": part("teeth_lower", ".91 .88 .81 1", "wet") + part("tongue", ".70 .33 .34 1", "wet"),
        "eye": _eye(),
        "lid_upper": part("lid_upper", ".76 .56 .47 1", "matt"),
        "lid_lower": part("lid_lower", ".78 .58 .49 1", "matt"),
        "deformable": _skin_xml(bind),
    }
    return head_mjcf(looks), {TEXTURE_FILE: face_png(dots)}
