"""What a tracker sees in one picture of a face, or why it sees nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

# As in liplab.head.geometry, which needs the simulation; eyes must open without it.
LIP_NODES_PER_SIDE = 9
CORNER_RIGHT, CORNER_LEFT = 0, LIP_NODES_PER_SIDE + 1

TOO_DARK = "too dark"
NO_FACE = "no face"
TWO_FACES = "two faces"
CUT_OFF = "cut off"
NO_DOTS = "no dots"
LOST_DOTS = "lost dots"
MIXED_DOTS = "mixed dots"

# For people: what is wrong, and what to do.
EXPLAINED = {
    TOO_DARK: "The picture is too dark: give the face more light, from the front.",
    NO_FACE: "No face is to be seen: put the whole face before the camera, half a metre to a metre away.",
    TWO_FACES: "Two faces are to be seen: leave only the head in the picture.",
    CUT_OFF: "The picture cuts the face off: move camera or head until the whole face is in it.",
    NO_DOTS: "The painted dots are not to be seen: 8, 12 or 20 blue ones go on the lips, 4 green ones on the "
    "chin, between the eyes and over them; look at light and distance.",
    LOST_DOTS: "Painted dots are hidden or ran into each other: look that nothing covers them, and repaint "
    "those that have worn off.",
    MIXED_DOTS: "The dots of the two lips cannot be told apart: let the head rest with its mouth closed.",
}


@dataclass(frozen=True)
class Sight:
    """Where a face's points are in one picture: pixels, x to the right, y down.

    `lips` (20, 2) are in the order of `liplab.head.geometry.LIP_NODE_NAMES`. `chin` is (2,). `anchors` (k, 2)
    are points of the rigid upper face; the first two are mirror images of each other, the head's right one,
    then its left one. k and the order are the same in every picture of a tracker.
    """

    lips: Floats
    chin: Floats
    anchors: Floats


@dataclass(frozen=True)
class Missed:
    """No face could be followed in a picture; `reason` is a key of EXPLAINED."""

    reason: str


class Tracker(Protocol):
    """Finds a face in pictures that follow each other."""

    name: str

    def find(self, pixels: Pixels) -> Sight | Missed:
        """Looks at one picture (h, w, 3), RGB."""

    def reset(self) -> None:
        """Forgets the picture before: the next one need not be like it."""

    def close(self) -> None:
        """Lets go of what the tracker holds."""
