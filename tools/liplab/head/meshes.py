"""Surfaces and geoms of what is only looked at, as MJCF."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Faces = NDArray[np.int64]


def numbers(values: Array | Faces, form: str = "{:.5g}") -> str:
    """Numbers, of whatever shape, as MJCF writes them."""
    return " ".join(form.format(value) for value in np.ravel(values))


def mesh(name: str, vertices: Array, faces: Faces) -> str:
    """The asset of a mesh with vertices (n, 3) in metres and triangles (m, 3)."""
    shape = f'vertex="{numbers(vertices)}" face="{numbers(faces, "{}")}"'
    return f'<mesh name="{name}" inertia="shell" {shape}/>\n'


def part(name: str, rgba: str, material: str, place: str = "0 0 0") -> str:
    """A geom that shows a mesh."""
    look = f'rgba="{rgba}" material="{material}"'
    return f'<geom class="looks" type="mesh" mesh="{name}" pos="{place}" {look}/>\n'


def grid_faces(rows: int, columns: int, closed: bool, both_sides: bool = False) -> Faces:
    """Triangles of a grid of vertices; `closed` joins the last column to the first."""
    number = np.arange(rows * columns).reshape(rows, columns)
    if closed:
        number = np.c_[number, number[:, 0]]
    a, b, c, d = (
        corner.ravel() for corner in (number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1])
    )
    faces = np.vstack([np.c_[a, b, c], np.c_[a, c, d]])
    return np.vstack([faces, faces[:, ::-1]]) if both_sides else faces


def crown(rows: int, columns: int) -> Array:
    """Vertices (rows * columns, 3) of a tooth's crown, a box with rounded edges that fills -1..1."""
    tilt = np.linspace(-np.pi / 2, np.pi / 2, rows)[:, None]
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]

    def power(value: Array) -> Array:
        return np.asarray(np.sign(value) * np.abs(value) ** 0.45)

    vertices = np.stack(
        [
            power(np.cos(tilt)) * power(np.cos(turn)),
            power(np.cos(tilt)) * power(np.sin(turn)),
            power(np.sin(tilt)) + 0 * turn,
        ],
        -1,
    )
    return np.asarray(vertices.reshape(-1, 3))
