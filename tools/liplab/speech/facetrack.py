"""Lip tracks of a video of one face, by MediaPipe's face mesh (extra `vision`).

Distances between landmarks over the distance of the eyes, so neither the camera's nor the head's distance
matters.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from liplab.eyes.camera import open_camera
from liplab.eyes.mesh import CHIN, EYES, LEFT_CORNER, RIGHT_CORNER, MeshTracker
from liplab.eyes.sight import Missed
from lipwright.clock import RealClock
from lipwright.errors import LipwrightError

# Landmarks of the canonical face mesh.
INNER_LIPS = ((13, 14), (82, 87), (312, 317))  # upper and lower, in the middle and to both sides of it
CORNERS = (RIGHT_CORNER, LEFT_CORNER)
JAW = (6, CHIN)  # bridge of the nose, chin
LEAST_FOUND = 0.9  # of the frames must show a face

Values = npt.NDArray[np.float64]


def track(video: Path) -> dict[str, Values]:
    """The lips in a video: t (n,) in s; aperture, width and jaw (n,) over the distance of the eyes.

    Frames in which no face was found are interpolated. Raises LipwrightError when the video cannot be read,
    mostly shows no face, or MediaPipe is not installed.
    """
    tracker = MeshTracker()
    camera = open_camera(str(video), RealClock())
    times, points = [], []
    try:
        while (frame := camera.read()) is not None:
            times.append(frame.time_s)
            points.append(tracker.landmarks(frame.pixels))
    finally:
        camera.close()
        tracker.close()
    seen = [frame for frame in points if not isinstance(frame, Missed)]
    if not seen or len(seen) < LEAST_FOUND * len(points):
        raise LipwrightError(f"{video} shows no face that could be tracked; choose a video of one face.")
    t = np.array(times) - times[0]
    found = np.array([not isinstance(frame, Missed) for frame in points])
    lips = measure(np.array(seen))
    return {"t": t, **{part: np.interp(t, t[found], lips[part]) for part in lips}}


def measure(points: Values) -> dict[str, Values]:
    """Aperture, width and jaw (n,) of landmarks (n, 478, 3), over the distance of the eyes."""

    def apart(one: int, other: int) -> Values:
        return np.asarray(np.linalg.norm(points[:, one] - points[:, other], axis=1))

    right, left = (points[:, corners].mean(axis=1) for corners in EYES)
    eyes = np.linalg.norm(right - left, axis=1)
    return {
        "aperture": np.mean([apart(*pair) for pair in INNER_LIPS], axis=0) / eyes,
        "width": apart(*CORNERS) / eyes,
        "jaw": apart(*JAW) / eyes,
    }
