"""A mirror beside the head is a second view: the simulated one reflects as a real one does."""

from __future__ import annotations

import numpy as np
import pytest

from liplab.eyes.camera import Camera, Frame
from liplab.eyes.dots import DotTracker
from liplab.eyes.frame import FaceFrame
from liplab.eyes.mirror import LEFT, RIGHT, WAITING, halves, split
from liplab.eyes.sight import Pixels, Sight
from liplab.head.geometry import UPPER_MIDDLE
from liplab.head.head import Head
from liplab.head.poses import POSES, pose_pulses
from liplab.head.render import HeadRenderer
from lipwright.errors import LipwrightError

EYES_MM = 63.0


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    """The head and its image in the mirror while its lips are pushed forward, from rest on."""
    drawn = []
    head = Head()
    with HeadRenderer((960, 400), dots=True) as renderer:
        for step in range(6):
            pose = POSES["neutral"] | dict.fromkeys(("upper_lip_forward", "lower_lip_forward"), 9.0 * step)
            head.set_pulses(pose_pulses(pose), 0.5 * step)
            head.advance(0.5 * step + 0.5)
            drawn.append(renderer.draw(head.snapshot().joints, "mirror"))
    return drawn


def sights(picture: Pixels) -> tuple[Sight, Sight]:
    found = []
    for half in halves(picture, RIGHT):
        sight = DotTracker().find(half)
        assert isinstance(sight, Sight)
        found.append(sight)
    return found[0], found[1]


def test_the_mirror_shows_the_face_from_aside(pictures: list[Pixels]) -> None:
    own, mirrored = sights(pictures[0])
    frame = FaceFrame.at_rest([own], EYES_MM)
    turned = frame.turned([mirrored])
    # The mirror stands at x = 150 mm: the camera in it, 660 mm before the head, at 300 mm.
    assert abs(abs(np.rad2deg(turned.yaw_rad)) - np.rad2deg(np.arctan2(300, 660))) < 6


def test_lips_that_go_forward_are_seen_in_the_mirror_and_not_from_the_front(pictures: list[Pixels]) -> None:
    own, mirrored = sights(pictures[0])
    frame = FaceFrame.at_rest([own], EYES_MM)
    turned = frame.turned([mirrored])
    aside = []
    for half, view in enumerate((frame, turned)):
        tracker = DotTracker()
        found = [tracker.find(halves(picture, RIGHT)[half]) for picture in pictures]
        assert isinstance(found[0], Sight) and isinstance(found[-1], Sight)
        aside.append(float((view.points_mm(found[-1]) - view.points_mm(found[0]))[UPPER_MIDDLE, 0]))
    assert abs(aside[0]) < 0.5
    assert -np.sign(turned.yaw_rad) * aside[1] > 1.5, "7 mm forward are 2.8 mm aside at 24 degrees"


def test_the_half_with_the_mirror_is_turned_round() -> None:
    picture = np.arange(2 * 6 * 3, dtype=np.uint8).reshape(2, 6, 3)
    own, mirrored = halves(picture, LEFT)
    assert np.array_equal(own, picture[:, 3:])
    assert np.array_equal(mirrored, picture[:, :3][:, ::-1])


def test_a_camera_that_is_split_drops_old_pictures_of_the_mirror_and_ends_with_its_film() -> None:
    class Film:
        name = "a film"

        def __init__(self) -> None:
            self.left = 10

        def read(self) -> Frame | None:
            self.left -= 1
            return (
                Frame(float(self.left), np.full((2, 4, 3), self.left, np.uint8)) if self.left >= 0 else None
            )

        def close(self) -> None:
            self.left = 0

    film: Camera = Film()
    own, mirrored = split(film, RIGHT)
    seen = []
    while (frame := own.read()) is not None:
        seen.append(frame.time_s)
    assert seen == [float(k) for k in range(9, -1, -1)]
    times = []
    while (frame := mirrored.read()) is not None:
        times.append(frame.time_s)
    assert times == [2.0, 1.0, 0.0] and len(times) < WAITING


def test_a_mirror_whose_camera_is_not_read_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liplab.eyes.mirror.PATIENCE_S", 0.05)

    class Still:
        name = "a camera"

        def read(self) -> Frame | None:
            return None

        def close(self) -> None:
            pass

    with pytest.raises(LipwrightError, match="the mirror before a camera"):
        split(Still(), LEFT)[1].read()
