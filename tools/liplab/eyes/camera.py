"""Cameras, and what serves as one: video files and streams. Each picture comes with its time of exposure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from liplab.eyes.sight import Pixels
from lipwright.clock import Clock, RealClock
from lipwright.errors import LipwrightError

CAMERA_SIZE, CAMERA_HZ = (640, 480), 30  # asked of a camera, which may do otherwise
PATIENCE_MS = 4000  # with a stream that sends nothing
OLDEST_S = 1.0  # a picture cannot be older than this when it is read; else its time stamp is wrong
DEVICES = Path("/dev")
ERRORS_ONLY = 2  # of OpenCV's levels of talk
LONGEST_HEADER = 4096  # bytes of a file in which every kind of video has a zero
NO_VIDEO = "{} cannot be read as a video; give another video file, a stream that is on, or a camera's number."


@dataclass(frozen=True)
class Frame:
    """A picture (h, w, 3), RGB, and when it was exposed, in seconds on the clock given to `open_camera`."""

    time_s: float
    pixels: Pixels


class Camera(Protocol):
    """Gives pictures one after the other."""

    name: str

    def read(self) -> Frame | None:
        """Waits for the next picture; None: a file has ended. Raises LipwrightError if the camera is gone."""

    def close(self) -> None:
        """Lets go of the camera."""


def open_camera(source: str, clock: Clock) -> Camera:
    """A camera by its number ("0") or device ("/dev/video0"), a stream by its URL, or a video file.

    A file's times begin now and go by its own rate, however fast it is read. Raises LipwrightError where
    there is no such camera or file, or it cannot be read.
    """
    try:
        import cv2
    except ImportError as error:
        raise LipwrightError("Cameras need OpenCV; pip install opencv-python-headless.") from error
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what fails is said here, in a sentence
    cv2.setLogLevel(ERRORS_ONLY)
    if "://" in source:
        waits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
        patience = [number for wait in waits for number in (wait, PATIENCE_MS)]
        return _Stream(source, _opened(cv2, source, cv2.CAP_FFMPEG, patience), clock)
    if source.isdecimal() or Path(source).parent == DEVICES:
        return _open_device(cv2, source, clock)
    if not Path(source).is_file():
        raise LipwrightError(
            f"There is no video {source}; give a camera's number, such as 0, or a video file."
        )
    with Path(source).open("rb") as file:
        # FFmpeg would show a text file as a film of its letters.
        if b"\0" not in file.read(LONGEST_HEADER):
            raise LipwrightError(NO_VIDEO.format(source))
    return _File(source, _opened(cv2, source, cv2.CAP_FFMPEG), clock)


def _opened(cv2: Any, source: str, backend: int, settings: Sequence[int] = ()) -> Any:
    capture = cv2.VideoCapture(source, backend, list(settings))
    if not capture.isOpened():
        raise LipwrightError(NO_VIDEO.format(source))
    return capture


def _open_device(cv2: Any, source: str, clock: Clock) -> Camera:
    device = DEVICES / f"video{source}" if source.isdecimal() else Path(source)
    if not device.exists():
        there = ", ".join(str(path) for path in sorted(DEVICES.glob("video*"))) or "none"
        raise LipwrightError(
            f"There is no camera {device} (there are: {there}); plug one in or name another."
        )
    if not os.access(device, os.R_OK | os.W_OK):
        raise LipwrightError(
            f"You may not use the camera {device}: run sudo usermod -aG video $USER, then log out and in."
        )
    capture = cv2.VideoCapture(str(device), cv2.CAP_V4L2)
    if capture.isOpened():
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, CAMERA_SIZE[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, CAMERA_SIZE[1])
        capture.set(cv2.CAP_PROP_FPS, CAMERA_HZ)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    if not capture.isOpened() or not capture.read()[0]:
        capture.release()
        raise LipwrightError(
            f"The camera {device} gives no picture: close the programs that use it, or name another device."
        )
    return _Device(f"the camera {device}", capture, clock)


class _Capture:
    """What OpenCV captures, as a `Camera`."""

    def __init__(self, name: str, capture: Any, clock: Clock) -> None:
        import cv2

        self.name = name
        self._cv2 = cv2
        self._capture = capture
        self._clock = clock

    def close(self) -> None:
        """Lets go of the camera."""
        self._capture.release()

    def _picture(self) -> Pixels | None:
        read, picture = self._capture.read()
        return np.asarray(picture[:, :, ::-1]) if read else None


class _Stream(_Capture):
    def read(self) -> Frame | None:
        """Waits for the next picture."""
        picture = self._picture()
        if picture is None:
            raise LipwrightError(f"{self.name} gives no more pictures; look that it is on, and start again.")
        return Frame(self._clock.now(), picture)


class _Device(_Capture):
    def read(self) -> Frame | None:
        """Waits for the next picture."""
        picture = self._picture()
        if picture is None:
            raise LipwrightError(
                f"The camera was pulled out or stopped ({self.name}); plug it in, and start again."
            )
        # V4L2 stamps the exposure with the machine's own clock.
        age = RealClock().now() - self._capture.get(self._cv2.CAP_PROP_POS_MSEC) / 1000
        return Frame(self._clock.now() - (age if 0 <= age < OLDEST_S else 0.0), picture)


class _File(_Capture):
    def __init__(self, name: str, capture: Any, clock: Clock) -> None:
        super().__init__(name, capture, clock)
        self._start = clock.now()
        self._rate = float(capture.get(self._cv2.CAP_PROP_FPS))
        self._count = 0
        if self._rate <= 0:
            raise LipwrightError(NO_VIDEO.format(name))

    def read(self) -> Frame | None:
        """The next picture; None at the end."""
        picture = self._picture()
        if picture is None:
            return None
        self._count += 1
        return Frame(self._start + (self._count - 1) / self._rate, picture)
