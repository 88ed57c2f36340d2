"""The painted skin of the head: face, lips, brows, lashes, and the colours of the inside of the mouth."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from liplab.head.geometry import (
    EYE_X,
    EYE_Z,
    FACE_MIDDLE_Z,
    LIP_NODE_NAMES,
    MOUTH_HALF_WIDTH,
    bump,
    contact_line,
    lip_border,
    lip_radius,
    node_parameter,
    smoothstep,
)
from liplab.head.skin import BAG_PATCH_X, LIP_ROW_HEIGHTS, eye_opening

Array = NDArray[np.float64]

SIZE = 1536  # pixels a side
EXTENT = 0.125  # m: the texture shows x and z from -EXTENT to EXTENT
SKIN = (222, 172, 146)
SKIN_SIDE = (196, 143, 119)  # at the face's outline; ears, neck and skull have it too
LIP = (182, 84, 84)
LIP_LINE = (92, 30, 34)
GUM = (150, 62, 64)
THROAT = (28, 8, 10)
BROW = (58, 40, 31)
# Dots for a camera to follow: one on every lip node's place, one on the chin, three on the rigid upper face.
LIP_DOT_RADIUS, FACE_DOT_RADIUS = 0.0011, 0.0018
LIP_DOT = (13, 64, 242)
FACE_DOT = (13, 204, 38)
CHIN_DOT = (0.0, -0.089)
ANCHOR_DOTS = ((-EYE_X, 0.052), (EYE_X, 0.052), (0.0, 0.002))  # over right and left eye, between the eyes


def to_texture(places: Array) -> Array:
    """Texture coordinates (n, 2) in 0..1 of places (n, 2) in metres of the front view."""
    return np.asarray((places * [1, -1] + EXTENT) / (2 * EXTENT))


class _Canvas:
    def __init__(self) -> None:
        rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
        self.x = (columns / SIZE * 2 - 1) * EXTENT
        self.z = (1 - rows / SIZE * 2) * EXTENT
        self.colour = np.ones((SIZE, SIZE, 3), np.float32) * np.array(SKIN, np.float32)

    def blend(self, share: Array, colour: tuple[int, int, int]) -> None:
        share = np.asarray(share, np.float32)
        rows, columns = (np.flatnonzero(share.max(axis) > 0.002) for axis in (1, 0))
        if len(rows):
            part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            self.colour[part] += share[part][..., None] * (np.array(colour, np.float32) - self.colour[part])

    def polygon(self, points: Array, blur: float) -> Array:
        """Coverage 0..1 of a polygon (n, 2) in metres, its edge blurred by this many pixels."""
        image = Image.new("L", (SIZE, SIZE), 0)
        pixels = [tuple(p) for p in np.c_[points[:, 0] + EXTENT, EXTENT - points[:, 1]] * SIZE / (2 * EXTENT)]
        ImageDraw.Draw(image).polygon(pixels, fill=255)
        return np.asarray(image.filter(ImageFilter.GaussianBlur(blur * SIZE / 2048)), np.float32) / 255.0


def face_png(dots: bool = False) -> bytes:
    """The texture as a PNG file, with painted dots if asked for; the same to the bit every time."""
    canvas = _Canvas()
    rng = np.random.default_rng(1)
    _paint_skin(canvas)
    _paint_pores(canvas, rng)
    _paint_lips(canvas, rng)
    _paint_brows(canvas, rng)
    _paint_lashes(canvas)
    _paint_mouth_inside(canvas)
    if dots:
        _paint_dots(canvas)
    buffer = BytesIO()
    Image.fromarray(np.clip(canvas.colour, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _paint_skin(canvas: _Canvas) -> None:
    x, z = canvas.x, canvas.z
    ax = np.abs(x)
    canvas.blend(0.42 * bump(ax, z, 0.040, -0.022, 0.019, 0.016), (216, 134, 116))  # cheeks
    canvas.blend(0.42 * bump(ax, z, 0.0315, 0.014, 0.019, 0.012), (172, 116, 97))  # eye sockets
    canvas.blend(0.20 * bump(ax, z, 0.030, -0.002, 0.013, 0.004), (168, 112, 98))  # under the eyes
    canvas.blend(0.35 * bump(x, z, 0, -0.034, 0.014, 0.009), (208, 134, 114))  # tip of the nose
    canvas.blend(0.95 * bump(ax, z, 0.0062, -0.0402, 0.0034, 0.0017), (70, 34, 30))  # nostrils
    canvas.blend(0.45 * bump(ax, z, 0.0165, -0.031, 0.0020, 0.006), (172, 116, 97))  # crease of the nose
    fold = ax - (0.0175 + 0.40 * np.clip(-0.034 - z, 0, 0.022))
    canvas.blend(
        0.22
        * np.exp(-((fold / 0.0022) ** 2))
        * smoothstep((-0.032 - z) / 0.006)
        * smoothstep((z + 0.056) / 0.008),
        (168, 112, 94),
    )
    canvas.blend(0.45 * bump(x, z, 0, -0.046, 0.003, 0.004), (198, 143, 122))  # groove over the lip
    canvas.blend(0.40 * bump(x, z, 0, -0.079, 0.016, 0.004), (182, 126, 105))  # fold over the chin
    canvas.blend(0.9 * smoothstep((ax - 0.048) / 0.024), SKIN_SIDE)
    across, along = np.abs(x / 0.074) ** 2.3, np.abs((z - FACE_MIDDLE_Z) / 0.108) ** 2.5
    canvas.blend(0.9 * smoothstep((across + along - 0.70) / 0.28), SKIN_SIDE)


def _paint_pores(canvas: _Canvas, rng: np.random.Generator) -> None:
    grain = Image.fromarray((rng.normal(128, 22, (SIZE, SIZE))).clip(0, 255).astype(np.uint8))
    fine = np.asarray(grain.filter(ImageFilter.GaussianBlur(2.2)), np.float32) - 128
    broad = np.asarray(grain.filter(ImageFilter.GaussianBlur(24)), np.float32) - 128
    calm = 1 - 0.9 * smoothstep((np.abs(canvas.x) - 0.035) / 0.025)  # the sides stretch the picture
    canvas.colour += (calm * (0.9 * fine + 6.0 * broad))[..., None] * np.array([1.0, 0.9, 0.85], np.float32)


def _paint_lips(canvas: _Canvas, rng: np.random.Generator) -> None:
    s = np.linspace(-1, 1, 161)
    upper, lower = np.c_[lip_border(s, True)], np.c_[lip_border(s, False)]
    red = canvas.polygon(np.vstack([upper, lower[::-1]]) * [1.004, 1.0], 4.0)
    canvas.blend(0.92 * red, LIP)
    along = np.clip(canvas.x / MOUTH_HALF_WIDTH, -1, 1)
    over_line = canvas.z - contact_line(along)
    canvas.blend(0.30 * red * bump(canvas.x, over_line, 0, -0.0048, 0.013, 0.0022), (226, 148, 142))  # shine
    canvas.blend(0.22 * red * (over_line > 0), (140, 52, 58))  # the upper lip lies in its own shade
    creases = np.interp(canvas.x, np.linspace(-0.03, 0.03, 150), rng.normal(0, 1, 150))
    canvas.blend(0.05 * red * np.clip(creases, 0, 2), (140, 50, 54))
    canvas.blend(0.75 * red * np.exp(-((over_line / 0.0011) ** 2)), LIP_LINE)


def _paint_brows(canvas: _Canvas, rng: np.random.Generator) -> None:
    t = np.linspace(0, 1, 40)
    for sign in (-1, 1):
        x, z = 0.013 + 0.041 * t, 0.030 + 0.010 * np.sin(2.2 * t) - 0.004 * t
        thick = 0.0029 * (1 - t**2) + 0.0008
        shape = np.vstack([np.c_[sign * x, z + thick], np.c_[sign * x[::-1], (z - thick)[::-1]]])
        image = Image.new("L", (SIZE, SIZE), 0)
        draw = ImageDraw.Draw(image)
        for _ in range(420):  # single hairs
            at = rng.uniform(0, 1)
            root_x = 0.013 + 0.041 * at
            root_z = (
                0.030
                + 0.010 * np.sin(2.2 * at)
                - 0.004 * at
                + rng.uniform(-1, 0.7) * (0.003 * (1 - at**2) + 0.0006)
            )
            lean = 0.9 - 0.9 * at + rng.normal(0, 0.2)
            length = rng.uniform(0.003, 0.006)
            ends = np.array(
                [
                    [root_x, root_z],
                    [root_x + length * np.cos(lean * 1.2), root_z + 0.6 * length * np.sin(lean * 1.2)],
                ]
            ) * [sign, 1]
            pixels = [tuple(p) for p in np.c_[ends[:, 0] + EXTENT, EXTENT - ends[:, 1]] * SIZE / (2 * EXTENT)]
            draw.line(pixels, fill=210, width=2)
        hairs = np.asarray(image.filter(ImageFilter.GaussianBlur(1.0)), np.float32) / 255.0
        canvas.blend(np.clip(0.55 * canvas.polygon(shape, 6.0) + 0.75 * hairs, 0, 0.92), BROW)


def _paint_lashes(canvas: _Canvas) -> None:
    for sign in (-1, 1):
        outline = eye_opening(sign)
        middle = np.array([sign * EYE_X, EYE_Z])
        ring = canvas.polygon(middle + (outline - middle) * [1.10, 1.16], 3.0)
        above = np.where(canvas.z > EYE_Z - 0.001, 0.85, 0.35)
        canvas.blend(ring * above, (60, 38, 32))


def _paint_mouth_inside(canvas: _Canvas) -> None:
    first, last = BAG_PATCH_X
    inside = (canvas.x > first - 0.004).astype(np.float32)
    canvas.blend(inside, GUM)
    canvas.blend(inside * smoothstep((canvas.x - first - 0.003) / (0.6 * (last - first))), THROAT)


def _paint_dots(canvas: _Canvas) -> None:
    lips = [_lip_dot(name) for name in LIP_NODE_NAMES]
    face = [CHIN_DOT, *ANCHOR_DOTS]
    t = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    circle = np.c_[np.cos(t), np.sin(t)]
    for places, radius, colour in ((lips, LIP_DOT_RADIUS, LIP_DOT), (face, FACE_DOT_RADIUS, FACE_DOT)):
        for place in places:
            canvas.blend(canvas.polygon(radius * circle + place, 1.0), colour)


def _lip_dot(name: str) -> tuple[float, float]:
    """Where in the texture the skin of a lip node is."""
    s = node_parameter(name)
    line = float(contact_line(s))
    if abs(s) == 1:
        return MOUTH_HALF_WIDTH * s, line
    x, border = lip_border(s, name.startswith("upper"))
    height = float(border) - line
    # The skin's rows are spread evenly in the texture, unevenly over the lip.
    share = np.interp(lip_radius(s) / abs(height), LIP_ROW_HEIGHTS, np.linspace(0, 1, len(LIP_ROW_HEIGHTS)))
    return float(x), line + height * float(share)
