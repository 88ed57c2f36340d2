"""MediaPipe's mesh finds the face, or says why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from liplab.eyes.camera import open_camera
from liplab.eyes.find import open_tracker
from liplab.eyes.frame import FaceFrame
from liplab.eyes.mesh import MeshTracker
from liplab.eyes.sight import CUT_OFF, NO_FACE, TOO_DARK, TWO_FACES, Missed, Sight
from lipwright.clock import RealClock
from lipwright.errors import LipwrightError

pytest.importorskip("cv2")
pytest.importorskip("mediapipe")

GRID = Path(__file__).parents[4] / "shared" / "data" / "grid"
EYES_MM = 63.0


@pytest.fixture(scope="module")
def pictures(babble: tuple[np.ndarray, np.ndarray], draw: Callable[..., np.ndarray]) -> np.ndarray:
    return draw(babble[0][::3], False)


@pytest.fixture
def tracker() -> Iterator[MeshTracker]:
    mesh = MeshTracker()
    yield mesh
    mesh.close()


def reason(sight: Sight | Missed) -> str:
    assert isinstance(sight, Missed)
    return sight.reason


def test_the_rendered_face_is_followed(
    tracker: MeshTracker, pictures: np.ndarray, babble: tuple[np.ndarray, np.ndarray]
) -> None:
    sights = [tracker.find(picture) for picture in pictures]
    assert all(isinstance(sight, Sight) for sight in sights)
    frame = FaceFrame.at_rest(sights[:2], EYES_MM)
    points = np.array([frame.points_mm(sight)[:20] for sight in sights])
    truth = babble[1][::3][..., [0, 2]]
    away = (points - points[0]) - (truth - truth[0])
    assert np.sqrt((away[..., 1] ** 2).mean()) < 1.6  # mm

    def gap(lips: np.ndarray) -> np.ndarray:
        return (lips[:, 1:10, 1] - lips[:, 11:, 1]).max(1)

    assert np.corrcoef(gap(points), gap(truth))[0, 1] > 0.95


def test_the_right_corner_comes_first_and_the_upper_lip_lies_above(
    tracker: MeshTracker, pictures: np.ndarray
) -> None:
    sight = tracker.find(pictures[0])
    assert isinstance(sight, Sight)
    assert sight.lips[0, 0] < sight.lips[10, 0] and sight.anchors[0, 0] < sight.anchors[1, 0]
    assert (np.diff(sight.lips[:11, 0]) > 0).all() and (np.diff(sight.lips[11:, 0]) > 0).all()
    assert (sight.lips[1:10, 1] < sight.lips[11:, 1]).all()
    assert sight.chin[1] > sight.lips[:, 1].max()


def test_what_is_wrong_with_the_picture_is_told(tracker: MeshTracker, pictures: np.ndarray) -> None:
    picture = pictures[0]
    faults = {
        NO_FACE: np.full_like(picture, 150),
        TOO_DARK: np.zeros_like(picture),
        TWO_FACES: np.hstack([picture, picture]),
        CUT_OFF: picture[: picture.shape[0] * 3 // 4],
    }
    for expected, fault in faults.items():
        tracker.reset()
        assert reason(tracker.find(fault)) == expected


def test_the_mesh_is_chosen_where_there_are_no_dots(pictures: np.ndarray) -> None:
    chosen = open_tracker("auto", pictures[:2])
    assert chosen.name == "mesh"
    chosen.close()


def test_where_there_is_no_face_the_user_is_told_what_to_do() -> None:
    with pytest.raises(LipwrightError, match=r"before the camera.*painted dots"):
        open_tracker("auto", [np.full((240, 320, 3), 150, np.uint8)])


@pytest.mark.skipif(not GRID.is_dir(), reason="the clips of GRID are not part of the repository")
def test_lips_of_a_person_agree_with_the_track_of_the_clip(tracker: MeshTracker) -> None:
    with np.load(GRID / "grid_swwp2s.npz") as known:
        aperture, width = known["aperture"], known["width"]
    camera = open_camera(str(GRID / "grid_swwp2s.mpg"), RealClock())
    gaps, widths = [], []
    while (frame := camera.read()) is not None:
        sight = tracker.find(frame.pixels)
        assert isinstance(sight, Sight)
        eyes = np.hypot(*(sight.anchors[1] - sight.anchors[0]))
        gaps.append(np.hypot(*(sight.lips[11:] - sight.lips[1:10]).T).max() / eyes)
        widths.append(np.hypot(*(sight.lips[10] - sight.lips[0])) / eyes)
    camera.close()
    assert np.corrcoef(gaps, aperture[: len(gaps)])[0, 1] > 0.98
    assert np.corrcoef(widths, width[: len(widths)])[0, 1] > 0.98
