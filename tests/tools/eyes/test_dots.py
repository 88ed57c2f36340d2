"""Painted dots are found, told apart, and followed while the lips move."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from liplab.eyes.find import open_tracker
from liplab.eyes.frame import FaceFrame
from liplab.eyes.sight import (
    CUT_OFF,
    EXPLAINED,
    LOST_DOTS,
    MIXED_DOTS,
    NO_DOTS,
    TOO_DARK,
    TWO_FACES,
    Missed,
    Sight,
)
from liplab.head.geometry import LIP_NODES_PER_SIDE, LOWER_MIDDLE, UPPER_MIDDLE
from lipwright.errors import LipwrightError

cv2 = pytest.importorskip("cv2")

from liplab.eyes.dots import DotTracker  # noqa: E402

REST = 6  # pictures of the head at rest, at the beginning
EYES_MM = 63.0
PICTURE = (240, 320)
PAINTS = {"lips": (13, 64, 242), "face": (13, 204, 38)}
FACE = np.array([[120, 40], [200, 40], [160, 90], [160, 200]], dtype=float)


def reason(sight: Sight | Missed) -> str:
    assert isinstance(sight, Missed)
    return sight.reason


def mouth(per_lip: int, gap: float = 0.0, half_width: float = 42.0) -> np.ndarray:
    """Dots (2 + 2 * per_lip, 2) of a painted mouth; `gap` is how far it is open, in pixels."""
    s = np.linspace(-1, 1, per_lip + 2)
    heights = 5 + (3 + gap / 2) * np.sqrt(1 - s[1:-1] ** 2)
    row = half_width * s[1:-1]
    dots = [[-half_width, 0], *np.c_[row, -heights], [half_width, 0], *np.c_[row, heights]]
    return np.array(dots) + 160


def painted(lips: np.ndarray, face: np.ndarray = FACE) -> np.ndarray:
    """A grey picture with dots of sub-pixel places."""
    picture = np.full((*PICTURE, 3), 150, np.uint8)
    for places, colour, radius in ((lips, PAINTS["lips"], 2.2), (face, PAINTS["face"], 3.0)):
        for x, y in places:
            centre = (round(float(x) * 16), round(float(y) * 16))
            cv2.circle(picture, centre, round(radius * 16), colour, -1, cv2.LINE_AA, 4)
    return picture


def test_dots_are_found_to_a_fraction_of_a_pixel() -> None:
    lips = mouth(9) + np.array([0.3, -0.4])
    sight = DotTracker().find(painted(lips))
    assert isinstance(sight, Sight)
    assert np.abs(sight.lips - lips).max() < 0.25
    assert np.abs(np.vstack([sight.anchors, sight.chin]) - FACE).max() < 0.25


@pytest.mark.parametrize("per_lip", [3, 5])
def test_fewer_dots_are_filled_up_to_twenty_points(per_lip: int) -> None:
    sight = DotTracker().find(painted(mouth(per_lip, gap=10)))
    assert isinstance(sight, Sight)
    assert sight.lips.shape == (20, 2)
    away = sight.lips - mouth(LIP_NODES_PER_SIDE, gap=10)
    assert np.abs(away[[UPPER_MIDDLE, LOWER_MIDDLE, 0, 10]]).max() < 0.5
    assert np.abs(away).max() < 4.5  # beside the corners


def test_dots_are_followed_at_six_pixels_a_picture() -> None:
    tracker = DotTracker()
    for number in range(60):
        shift = 30 * np.sin(number / 5) * np.array([1.0, 0.3])
        lips = mouth(9, gap=15 + 15 * np.sin(number / 4)) + shift
        sight = tracker.find(painted(lips, FACE + shift))
        assert isinstance(sight, Sight), number
        assert np.abs(sight.lips - lips).max() < 0.4, number


def test_lips_whose_dots_run_into_each_other_are_followed() -> None:
    tracker = DotTracker()
    for lift in (0, 1, 2, 3, 3, 2, 1, 0):
        lips = mouth(9)
        lips[11 + 4, 1] -= 4 * lift  # the middle of the lower lip, up to the middle of the upper one
        sight = tracker.find(painted(lips))
        assert isinstance(sight, Sight)
        assert np.abs(sight.lips - lips).max() < 1.5


def test_two_hidden_dots_are_filled_in_and_three_are_missed() -> None:
    tracker = DotTracker()
    lips, shift = mouth(9, gap=8), np.array([2.0, 0.0])
    assert isinstance(tracker.find(painted(lips)), Sight)
    filled = tracker.find(painted(np.delete(lips + shift, [4, 14], axis=0)))
    assert isinstance(filled, Sight)
    assert np.abs(filled.lips - lips - shift).max() < 1
    assert reason(tracker.find(painted(np.delete(lips, [4, 14, 17], axis=0)))) == LOST_DOTS
    assert isinstance(tracker.find(painted(lips)), Sight)


def test_a_reset_tracker_finds_the_order_again_and_keeps_nothing() -> None:
    tracker = DotTracker()
    tracker.find(painted(mouth(9)))
    tracker.reset()
    elsewhere = mouth(9) + np.array([0, 12])
    sight = tracker.find(painted(elsewhere))
    assert isinstance(sight, Sight)
    assert np.abs(sight.lips - elsewhere).max() < 0.3


def test_lips_out_of_order_are_not_guessed() -> None:
    lips = mouth(9)
    lips[11:] += [4.5, 0]  # the lower lip half a step aside
    assert reason(DotTracker().find(painted(lips))) == MIXED_DOTS


def test_what_is_wrong_with_the_picture_is_told() -> None:
    tracker = DotTracker()
    assert reason(tracker.find(np.full((*PICTURE, 3), 150, np.uint8))) == NO_DOTS
    assert reason(tracker.find(np.zeros((*PICTURE, 3), np.uint8))) == TOO_DARK
    assert reason(tracker.find(painted(mouth(9))[:200])) == CUT_OFF
    assert reason(tracker.find(np.hstack([painted(mouth(9))] * 2))) == TWO_FACES
    assert reason(tracker.find(painted(mouth(9)[:12]))) in (LOST_DOTS, MIXED_DOTS)


def test_a_plant_and_a_blue_shirt_are_no_dots() -> None:
    picture = painted(mouth(9))
    picture[20:120, 260:310] = PAINTS["face"]
    picture[215:, 40:280] = PAINTS["lips"]
    sight = DotTracker().find(picture)
    assert isinstance(sight, Sight)
    assert np.abs(sight.lips - mouth(9)).max() < 0.4


def test_every_reason_has_a_sentence() -> None:
    assert all(sentence.endswith(".") for sentence in EXPLAINED.values())


def test_lips_are_seen_where_they_are_through_a_babble(
    dotted: np.ndarray, babble: tuple[np.ndarray, np.ndarray]
) -> None:
    tracker = DotTracker()
    sights = [tracker.find(picture) for picture in dotted]
    found = np.array([isinstance(sight, Sight) for sight in sights])
    assert found.mean() > 0.95
    frame = FaceFrame.at_rest(sights[:REST], EYES_MM)
    points = np.array([frame.points_mm(sight)[:20] for sight in sights if isinstance(sight, Sight)])
    truth = babble[1][found][..., [0, 2]]
    away = (points - points[0]) - (truth - truth[0])
    assert np.sqrt((away[:, 3:8] ** 2).mean()) < 0.3  # mm, the middle of the upper lip
    assert np.sqrt((away[:, 13:18] ** 2).mean()) < 0.5  # of the lower one
    assert np.median(np.abs(away)) < 0.15


@pytest.mark.parametrize("yaw_deg", [20.0, -20.0])
def test_the_turn_of_the_neck_is_seen(
    yaw_deg: float, babble: tuple[np.ndarray, np.ndarray], draw: Callable[..., np.ndarray]
) -> None:
    rest = babble[0][:3]
    tracker = DotTracker()
    front = FaceFrame.at_rest([tracker.find(picture) for picture in draw(rest, True)], EYES_MM)
    tracker.reset()
    turned = front.turned([tracker.find(picture) for picture in draw(rest, True, yaw_deg)])
    # The neck's positive yaw brings the right side nearer, and the face beside the camera's axis, which turns
    # it a little more.
    assert np.rad2deg(turned.yaw_rad) == pytest.approx(-1.13 * yaw_deg, abs=2.5)


def test_dots_are_chosen_where_there_are_dots(dotted: np.ndarray) -> None:
    assert open_tracker("auto", dotted[:2]).name == "dots"
    assert open_tracker("dots", []).name == "dots"


def test_other_eyes_are_refused() -> None:
    with pytest.raises(LipwrightError, match="auto, dots or mesh"):
        open_tracker("nose", [])
