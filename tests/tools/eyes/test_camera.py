"""Cameras and video files give pictures with their times, and say clearly what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from liplab.eyes.camera import open_camera
from lipwright.clock import RealClock
from lipwright.errors import LipwrightError

cv2 = pytest.importorskip("cv2")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Three pictures, 20 a second: red, green, blue."""
    path = tmp_path / "colours.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20, (64, 48))
    for bgr in ((0, 0, 255), (0, 255, 0), (255, 0, 0)):
        writer.write(np.full((48, 64, 3), bgr, np.uint8))
    writer.release()
    return path


def test_a_video_gives_its_pictures_at_its_own_rate_and_then_ends(video: Path) -> None:
    camera = open_camera(str(video), RealClock())
    frames = [camera.read() for _ in range(3)]
    assert camera.read() is None
    camera.close()
    assert np.allclose(np.diff([frame.time_s for frame in frames]), 0.05)
    assert [int(frame.pixels[20, 20].argmax()) for frame in frames] == [0, 1, 2]  # RGB
    assert abs(frames[0].time_s - RealClock().now()) < 5


@pytest.mark.parametrize("source", ["99", "/dev/video99"])
def test_a_camera_that_is_not_there_is_named(source: str) -> None:
    with pytest.raises(LipwrightError, match="no camera /dev/video99"):
        open_camera(source, RealClock())


def test_a_video_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LipwrightError, match=r"no video .*gone\.mp4"):
        open_camera(str(tmp_path / "gone.mp4"), RealClock())


@pytest.mark.parametrize("name", ["letter.txt", "letter.mp4"])
def test_a_text_is_no_video(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("Dear head,\n" * 100)
    with pytest.raises(LipwrightError, match="cannot be read as a video"):
        open_camera(str(path), RealClock())


def test_bytes_without_meaning_are_no_video(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    path.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(LipwrightError, match="cannot be read as a video"):
        open_camera(str(path), RealClock())


def test_a_stream_that_is_off_says_so() -> None:
    with pytest.raises(LipwrightError, match="stream that is on"):
        open_camera("http://127.0.0.1:9/head.mjpg", RealClock())
