"""People's lips as a head would have them.

Every picture of a clip is laid over that person's mouth at rest, in millimetres between eyes that are as far
apart as the head's. Then mouths are made the same size: as wide at rest as the head's. What is kept are ways
from rest, in the frame of `liplab.discover.asked`: to the head's left and up. Depth is not seen from the
front.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liplab.eyes.frame import FaceFrame
from liplab.eyes.sight import CORNER_LEFT, CORNER_RIGHT, Floats, Sight
from lipwright.face.profile import load_profile

EYES_MM = 63.0  # between the middles of a grown-up's eyes; the head's as well
REST_SHARE = 0.1  # of a clip's pictures, those with the least aperture: the mouth at rest
SMALLEST, LARGEST = 0.6, 1.6  # times as wide as the head's: no mouth lies beyond


def lips_mm(sights: Sequence[Sight], aperture: Floats) -> NDArray[np.float32]:
    """Ways (n, 21, 2) of lips and chin from rest, in mm on the head; `aperture` (n,) says when it rests.

    Raises LipwrightError where the face lies on its side.
    """
    still = np.argsort(aperture)[: max(3, round(REST_SHARE * len(aperture)))]
    frame = FaceFrame.at_rest([sights[place] for place in still], EYES_MM)
    points = np.array([frame.points_mm(sight) for sight in sights])
    rest = np.median(points[still], axis=0)
    width = float(rest[CORNER_LEFT, 0] - rest[CORNER_RIGHT, 0])
    size = np.clip(width / _head_width_mm(), SMALLEST, LARGEST)
    return np.asarray((points - rest) / size, np.float32)


def _head_width_mm() -> float:
    return float(load_profile().articulation.width_neutral_mm)
