"""From pixels to millimetres on the face, wherever the head is in the picture."""

from __future__ import annotations

import numpy as np
import pytest

from liplab.eyes import sight
from liplab.eyes.frame import FaceFrame
from liplab.eyes.sight import Sight
from liplab.head import geometry
from liplab.head.measures import LIPS_AT_REST_MM
from lipwright.errors import LipwrightError

# A face in mm: x to its left, y back, z up. The first two anchors are its eyes.
ANCHORS = np.array(
    [[-31, 0, 0], [31, 0, 0], [-46, 5, 1], [46, 5, 1], [0, -20, -6], [0, -12, 45]], dtype=float
)
CHIN = np.array([0.0, -15.0, -100.0])
LIPS = LIPS_AT_REST_MM - LIPS_AT_REST_MM[[0, 10]].mean(0) + [0, -5, -70]
PIXELS_PER_MM = 2.0


def seen(
    lips: np.ndarray = LIPS,
    yaw: float = 0.0,
    roll: float = 0.0,
    scale: float = PIXELS_PER_MM,
    shift: tuple[float, float] = (320, 200),
) -> Sight:
    """A parallel picture; a positive yaw brings the head's left side nearer to the camera."""

    def project(points: np.ndarray) -> np.ndarray:
        x = points[..., 0] * np.cos(yaw) + points[..., 1] * np.sin(yaw)
        flat = scale * (x - 1j * points[..., 2]) * np.exp(1j * roll) + complex(*shift)
        return np.stack([flat.real, flat.imag], -1)

    return Sight(project(lips), project(CHIN), project(ANCHORS))


def test_the_order_of_the_lips_is_the_head_s() -> None:
    assert sight.LIP_NODES_PER_SIDE == geometry.LIP_NODES_PER_SIDE
    assert (sight.CORNER_RIGHT, sight.CORNER_LEFT) == (geometry.CORNER_RIGHT, geometry.CORNER_LEFT)


def test_points_are_in_mm_from_the_middle_of_the_mouth_left_and_up() -> None:
    points = FaceFrame.at_rest([seen()] * 3, 62.0).points_mm(seen())
    truth = np.vstack([LIPS, CHIN])[:, [0, 2]]
    assert np.allclose(points, truth - truth[[0, 10]].mean(0), atol=1e-6)


def test_a_head_that_shifts_tilts_or_comes_nearer_does_not_move_its_lips() -> None:
    frame = FaceFrame.at_rest([seen()], 62.0)
    open_mouth = LIPS + np.where(np.arange(20) > 10, 1.0, 0.0)[:, None] * [0, 0, -12]
    still = frame.points_mm(seen(open_mouth))
    moved = frame.points_mm(seen(open_mouth, roll=0.08, scale=2.1, shift=(350, 170)))
    assert np.allclose(still, moved, atol=1e-6)
    assert np.allclose(still[11:20, 1] - frame.points_mm(seen())[11:20, 1], -12)


def test_a_tilted_camera_is_levelled_by_the_eyes() -> None:
    level, tilted = (FaceFrame.at_rest([seen(roll=roll)], 62.0) for roll in (0.0, 0.2))
    assert np.allclose(level.points_mm(seen()), tilted.points_mm(seen(roll=0.2)), atol=1e-6)


def test_one_bad_picture_among_those_at_rest_does_no_harm() -> None:
    frame = FaceFrame.at_rest([seen(), seen(shift=(500, 90)), seen()], 62.0)
    assert np.allclose(frame.points_mm(seen()), FaceFrame.at_rest([seen()], 62.0).points_mm(seen()))


@pytest.mark.parametrize("yaw", [-0.6, -0.3, 0.3, 0.6])
def test_yaw_is_measured_and_positive_where_the_left_side_comes_nearer(yaw: float) -> None:
    front = FaceFrame.at_rest([seen()], 62.0)
    turned = front.turned([seen(yaw=yaw, scale=1.7)])
    assert turned.yaw_rad == pytest.approx(yaw, abs=1e-6)
    assert turned.mm_per_pixel == pytest.approx(1 / 1.7)


def test_lips_that_come_forward_show_to_the_side_of_a_turned_head() -> None:
    turned = FaceFrame.at_rest([seen()], 62.0).turned([seen(yaw=0.5)])
    pucker = LIPS - [0, 8, 0]
    way = turned.points_mm(seen(pucker, yaw=0.5))[:20] - turned.points_mm(seen(yaw=0.5))[:20]
    assert np.allclose(way[:, 0], -8 * np.sin(turned.yaw_rad), atol=1e-6)
    assert np.allclose(way[:, 1], 0, atol=1e-6)


def test_a_face_on_its_side_or_none_at_all_is_refused() -> None:
    with pytest.raises(LipwrightError, match="upright"):
        FaceFrame.at_rest([seen(roll=np.pi)], 62.0)
    with pytest.raises(LipwrightError, match="light"):
        FaceFrame.at_rest([], 62.0)
