"""The frame of one view of a head: turns pixels into millimetres on the face.

Every picture is first laid over the picture at rest by a 2-D similarity of the anchors, so it does not matter
that head or camera moved a little. The origin is the middle between the mouth's corners at rest, x points to
the head's left (right in the picture), z up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liplab.eyes.sight import CORNER_LEFT, CORNER_RIGHT, Floats, Sight
from lipwright.errors import LipwrightError

MIRROR_TOLERANCE = 0.12  # of the eyes' distance: how far a pair of anchors may be from mirror images
LEAST_SPREAD = 1.0  # pixels between the highest and the lowest anchor


@dataclass(frozen=True)
class FaceFrame:
    """A view of a head, learned from it at rest.

    `anchors` (k, 2) and `origin` (2,) are pixels at rest. `roll_rad` is how far the eyes' line falls to the
    right in the picture, `mm_per_pixel` the unit. `yaw_rad` is 0 for the front, and positive where the head's
    left side is nearer to the camera: a point x mm to the head's left and y mm behind the eyes is then seen
    x cos(yaw) + y sin(yaw) to the right of the point between the eyes.
    """

    anchors: Floats
    origin: Floats
    roll_rad: float
    mm_per_pixel: float
    yaw_rad: float = 0.0

    @staticmethod
    def at_rest(sights: Sequence[Sight], eyes_mm: float) -> FaceFrame:
        """The frame of the front view: `eyes_mm` is the true distance of the first two anchors."""
        anchors, origin = _median(sights)
        across = anchors[1] - anchors[0]
        distance = float(np.hypot(*across))
        if distance < LEAST_SPREAD or across[0] < 0:
            raise LipwrightError("The face is not upright before the camera; put it upright and try again.")
        return FaceFrame(anchors, origin, float(np.arctan2(across[1], across[0])), eyes_mm / distance)

    def turned(self, sights_at_rest: Sequence[Sight]) -> FaceFrame:
        """The frame of another view of this head, which is turned, or seen by another, equally level, camera.

        Heights do not change when a head turns, so they give the unit; then pairs of mirrored anchors, which
        are as deep as each other, draw nearer by the cosine of the angle, and points between them that lie
        before them tell to which side. Raises LipwrightError when the anchors show no height.
        """
        anchors, origin = _median(sights_at_rest)
        front, other = self._level(self.anchors), self._level(anchors)
        heights = front[:, 1] - front[:, 1].mean()
        ratio = float(heights @ other[:, 1] / max(heights @ heights, 1e-12))
        if ratio <= 0 or np.ptp(heights) < LEAST_SPREAD:
            raise LipwrightError("The face is not upright before the camera; put it upright and try again.")
        other = other / ratio
        pairs = _mirrored(front)
        before = np.array([front[left, 0] - front[right, 0] for right, left in pairs])
        now = np.array([other[left, 0] - other[right, 0] for right, left in pairs])
        yaw = float(np.arccos(np.clip(before @ now / (before @ before), 0.0, 1.0)))
        return FaceFrame(
            anchors, origin, self.roll_rad, self.mm_per_pixel / ratio, yaw * _side(front, other, yaw, pairs)
        )

    def points_mm(self, sight: Sight) -> Floats:
        """The points (21, 2) in mm, 20 of the lips and then the chin."""
        if len(sight.anchors) != len(self.anchors):
            raise ValueError(f"{len(sight.anchors)} anchors cannot be laid over {len(self.anchors)}.")
        seen = _complex(np.vstack([sight.lips, sight.chin]))
        anchors, rest = _complex(sight.anchors), _complex(self.anchors)
        spread = anchors - anchors.mean()
        # Least squares: the similarity is one complex factor.
        factor = np.vdot(spread, rest) / np.vdot(spread, spread).real
        laid = (seen - anchors.mean()) * factor + rest.mean()
        laid = (laid - _complex(self.origin)) * np.exp(-1j * self.roll_rad) * self.mm_per_pixel
        return np.column_stack([laid.real, -laid.imag])

    def _level(self, points: Floats) -> Floats:
        turned = _complex(points) * np.exp(-1j * self.roll_rad)
        return np.column_stack([turned.real, turned.imag])


def _median(sights: Sequence[Sight]) -> tuple[Floats, Floats]:
    """Anchors (k, 2) and the middle between the mouth's corners (2,)."""
    if not sights:
        raise LipwrightError("The face was not seen at rest; give it more light and try again.")
    anchors = np.median([sight.anchors for sight in sights], axis=0)
    lips = np.median([sight.lips for sight in sights], axis=0)
    return anchors, (lips[CORNER_RIGHT] + lips[CORNER_LEFT]) / 2


def _complex(points: Floats) -> NDArray[np.complex128]:
    return points[..., 0] + 1j * points[..., 1]


def _mirrored(front: Floats) -> list[tuple[int, int]]:
    """Pairs (right, left) of level anchors (k, 2) that mirror each other; the first two always do."""
    middle = (front[0, 0] + front[1, 0]) / 2
    apart = front[1, 0] - front[0, 0]
    pairs = [(0, 1)]
    for right in range(2, len(front)):
        mirrored = np.array([2 * middle - front[right, 0], front[right, 1]])
        away = np.hypot(*(front - mirrored).T)
        left = int(away.argmin())
        on_the_right = front[right, 0] < middle - MIRROR_TOLERANCE * apart
        if on_the_right and left > 1 and away[left] < MIRROR_TOLERANCE * apart:
            pairs.append((right, left))
    return pairs


def _side(front: Floats, other: Floats, yaw: float, pairs: list[tuple[int, int]]) -> float:
    """1.0 when the points between the pairs moved to the left against them, -1.0 for the right."""
    paired = [index for pair in pairs for index in pair]
    between = np.setdiff1d(np.arange(len(front)), paired)
    if not len(between):
        return 1.0

    def ahead(points: Floats) -> float:
        return float((points[between, 0].mean()) - points[paired, 0].mean())

    return 1.0 if ahead(other) <= np.cos(yaw) * ahead(front) else -1.0
