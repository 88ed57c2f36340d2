"""One camera and a mirror beside the head: two views in one picture.

The half of the picture that shows the mirror is turned round, so that it is what a second camera would see
that stood where the mirror has the first one.
"""

from __future__ import annotations

import queue

import numpy as np

from liplab.eyes.camera import Camera, Frame
from liplab.eyes.sight import Pixels
from lipwright.errors import LipwrightError

LEFT, RIGHT = "mirror-left", "mirror-right"  # which half of the picture the mirror is in
WAITING = 4  # pictures of the mirror that may wait; older ones are dropped
PATIENCE_S = 5.0


def halves(pixels: Pixels, side: str) -> tuple[Pixels, Pixels]:
    """The half of a picture (h, w, 3) without the mirror, and the one with it, turned round."""
    middle = pixels.shape[1] // 2
    left, right = pixels[:, :middle], pixels[:, middle:]
    own, mirrored = (right, left) if side == LEFT else (left, right)
    return np.ascontiguousarray(own), np.ascontiguousarray(mirrored[:, ::-1])


def split(camera: Camera, side: str) -> tuple[Camera, Camera]:
    """A camera as two: what it sees of the head, and of the head in the mirror.

    The first one must be read for the second to see anything; closing the first closes the camera.
    """
    waiting: queue.Queue[Frame | None] = queue.Queue(WAITING)
    return _Own(camera, side, waiting), _Mirrored(camera.name, waiting)


class _Own:
    def __init__(self, camera: Camera, side: str, waiting: queue.Queue[Frame | None]) -> None:
        self.name = camera.name
        self._camera = camera
        self._side = side
        self._waiting = waiting

    def read(self) -> Frame | None:
        frame = self._camera.read()
        if frame is None:
            self._hand_on(None)
            return None
        own, mirrored = halves(frame.pixels, self._side)
        self._hand_on(Frame(frame.time_s, mirrored))
        return Frame(frame.time_s, own)

    def close(self) -> None:
        self._camera.close()

    def _hand_on(self, frame: Frame | None) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(frame)


class _Mirrored:
    def __init__(self, name: str, waiting: queue.Queue[Frame | None]) -> None:
        self.name = f"the mirror before {name}"
        self._waiting = waiting

    def read(self) -> Frame | None:
        try:
            return self._waiting.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise LipwrightError(f"{self.name} shows nothing any more; look after the camera.") from None

    def close(self) -> None:
        """Nothing is held."""
