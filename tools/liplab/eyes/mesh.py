"""Finds a face by MediaPipe's face mesh (extra `vision`): people, and heads that look like them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from liplab.eyes.sight import CUT_OFF, NO_FACE, TOO_DARK, TWO_FACES, Floats, Missed, Pixels, Sight
from lipwright.errors import LipwrightError
from lipwright.quiet import quiet

# Landmarks of the canonical face mesh. Contours of the lips run from the head's right to its left.
RIGHT_CORNER, LEFT_CORNER = 61, 291
UPPER_OUTER = np.array([61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291])
UPPER_INNER = np.array([61, 78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 291])
LOWER_INNER = np.array([61, 78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 291])
LOWER_OUTER = np.array([61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291])
CHIN = 152
EYES = ((33, 133), (362, 263))  # both corners of the right and of the left
RIGID = (33, 263, 133, 362, 168, 6, 197, 9, 151, 10)  # eyes' corners, bridge of the nose, forehead

LIP_STEPS = np.linspace(-0.8, 0.8, 9)  # where the nine nodes of a lip lie from corner (-1) to corner (1)
# Of the way from a lip's inner edge to its outer border, where its points are read: a head's nodes lie there.
# On the simulated head the border alone is seen better (0.9 mm rms in height, not 1.05), but people's lips
# grow thin as they open: only the inner edge tells how far (r to tracks of GRID: 0.98 at 0.33, 0.94 at 0.8).
OUTWARD = 0.33
DARK = 40  # mean grey level of a picture below which darkness is to blame
TWO_ARE_APART = 0.5  # of a face's width: nearer ones are one face that was found twice


class MeshTracker:
    """MediaPipe's face mesh as a `Tracker`. The anchors are ten: the middles of the eyes come first."""

    name = "mesh"

    def __init__(self, most_faces: int = 2) -> None:
        """Follows up to `most_faces`. Raises LipwrightError where MediaPipe is not installed."""
        self._most_faces = most_faces
        try:
            with quiet():  # it notes its start at length
                import mediapipe
        except ImportError as error:
            raise LipwrightError(
                "Tracking a face needs MediaPipe, which Python 3.13 does not have: pip install "
                "'lipwright[vision]' under Python 3.12, or paint dots on the lips."
            ) from error
        self._mediapipe = mediapipe
        with quiet():
            self._mesh = self._open()
            self._mesh.process(np.zeros((64, 64, 3), np.uint8))

    def find(self, pixels: Pixels) -> Sight | Missed:
        """Looks at one picture (h, w, 3), RGB."""
        points = self.landmarks(pixels)
        if isinstance(points, Missed):
            return points
        sight = sight_of(points)
        places = np.vstack([sight.lips, sight.chin, sight.anchors])
        inside = (places >= 0).all() and (places[:, 0] < pixels.shape[1]).all()
        return sight if inside and (places[:, 1] < pixels.shape[0]).all() else Missed(CUT_OFF)

    def landmarks(self, pixels: Pixels) -> Floats | Missed:
        """All landmarks (478, 3) of the one face in a picture; pixels, z too."""
        faces = self.faces(pixels)
        if not faces:
            return Missed(TOO_DARK if pixels.mean() < DARK else NO_FACE)
        return faces[0] if len(faces) == 1 else Missed(TWO_FACES)

    def faces(self, pixels: Pixels) -> list[Floats]:
        """All landmarks (478, 3) of every face in a picture (h, w, 3), RGB; pixels, z too."""
        height, width = pixels.shape[:2]
        apart: list[Floats] = []
        for face in self._mesh.process(np.ascontiguousarray(pixels)).multi_face_landmarks or []:
            places = np.array([(mark.x * width, mark.y * height, mark.z * width) for mark in face.landmark])
            least = TWO_ARE_APART * np.ptp(places[:, 0])
            if all(np.hypot(*(places - other).mean(0)[:2]) > least for other in apart):
                apart.append(places)
        return apart

    def reset(self) -> None:
        """Forgets the picture before."""
        with quiet():  # it starts anew, and notes it
            self._mesh.reset()
            self._mesh.process(np.zeros((64, 64, 3), np.uint8))

    def close(self) -> None:
        """Ends MediaPipe's threads."""
        self._mesh.close()

    def _open(self) -> Any:
        return self._mediapipe.solutions.face_mesh.FaceMesh(
            static_image_mode=False, max_num_faces=self._most_faces, refine_landmarks=True
        )


def sight_of(landmarks: Floats) -> Sight:
    """The sight of a face with these landmarks (478, 2 or more)."""
    places = landmarks[:, :2]
    upper = _along(places, UPPER_INNER, UPPER_OUTER)
    lower = _along(places, LOWER_INNER, LOWER_OUTER)
    lips = np.vstack([places[RIGHT_CORNER], upper, places[LEFT_CORNER], lower])
    eyes = [places[list(corners)].mean(0) for corners in EYES]
    return Sight(lips, places[CHIN], np.vstack([*eyes, places[list(RIGID)]]))


def _along(places: Floats, inner: NDArray[np.int64], outer: NDArray[np.int64]) -> Floats:
    """Points (9, 2) between two contours of a lip, at LIP_STEPS from corner to corner."""
    right, left = places[RIGHT_CORNER], places[LEFT_CORNER]
    middle, half = (right + left) / 2, (left - right) / 2
    length = max(float(half @ half), 1e-9)
    across = np.array([-half[1], half[0]])
    heights = np.zeros(len(LIP_STEPS))
    for contour, share in ((inner, 1 - OUTWARD), (outer, OUTWARD)):
        off = places[contour] - middle
        heights += share * np.interp(LIP_STEPS, off @ half / length, off @ across / length)
    return np.asarray(middle + LIP_STEPS[:, None] * half + heights[:, None] * across)
