"""Lip tracks of a video of one face, by MediaPipe's face mesh (extra `vision`).

Distances between landmarks over the distance of the eyes, so neither the camera's nor the head's distance
matters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipwright.errors import LipwrightError

# Landmarks of the canonical face mesh.
INNER_LIPS = ((13, 14), (82, 87), (312, 317))  # upper and lower, in the middle and to both sides of it
CORNERS = (61, 291)
JAW = (6, 152)  # bridge of the nose, chin
EYES = ((33, 133), (263, 362))  # both corners of the right and of the left
LEAST_FOUND = 0.9  # of the frames must show a face

Values = npt.NDArray[np.float64]


def track(video: Path) -> dict[str, Values]:
    """The lips in a video: t (n,) in s; aperture, width and jaw (n,) over the distance of the eyes.

    Frames in which no face was found are interpolated. Raises LipwrightError when the video cannot be read,
    mostly shows no face, or MediaPipe is not installed.
    """
    try:
        import cv2
        import mediapipe
    except ImportError as error:
        raise LipwrightError("Tracking faces needs MediaPipe; pip install 'lipwright[vision]'.") from error
    source = cv2.VideoCapture(str(video))
    rate = float(source.get(cv2.CAP_PROP_FPS))
    points = []
    with mediapipe.solutions.face_mesh.FaceMesh(max_num_faces=1, refine_landmarks=True) as mesh:
        while True:
            read, picture = source.read()
            if not read:
                break
            points.append(_landmarks(mesh.process(picture[:, :, ::-1].copy()), picture.shape))
    found = np.array([frame is not None for frame in points])
    if not len(points) or found.mean() < LEAST_FOUND:
        raise LipwrightError(f"{video} shows no face that could be tracked; choose a video of one face.")
    times = np.arange(len(points)) / rate
    lips = _measure(np.array([frame for frame in points if frame is not None]))
    return {"t": times, **{part: np.interp(times, times[found], lips[part]) for part in lips}}


def _landmarks(result: Any, shape: tuple[int, ...]) -> Values | None:
    if not result.multi_face_landmarks:
        return None
    height, width = shape[:2]
    return np.array(
        [
            [mark.x * width, mark.y * height, mark.z * width]
            for mark in result.multi_face_landmarks[0].landmark
        ]
    )


def _measure(points: Values) -> dict[str, Values]:
    """Distances in frames of landmarks (n, 478, 3)."""

    def apart(one: int, other: int) -> Values:
        return np.asarray(np.linalg.norm(points[:, one] - points[:, other], axis=1))

    right, left = (points[:, corners].mean(axis=1) for corners in EYES)
    eyes = np.linalg.norm(right - left, axis=1)
    return {
        "aperture": np.mean([apart(*pair) for pair in INNER_LIPS], axis=0) / eyes,
        "width": apart(*CORNERS) / eyes,
        "jaw": apart(*JAW) / eyes,
    }
