"""Pictures of the head from recorded poses, made after the run on a model of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import mujoco
import numpy as np
from numpy.typing import NDArray

from liplab.head.bodies import REFERENCE_HEAD, Body
from liplab.head.geometry import LIP_NODE_NAMES, node_parameter
from liplab.head.looks import FILM_SIZE, MIRROR_GROUP, VIEWS
from liplab.head.measures import LIPS_AT_REST_MM
from lipwright.errors import LipwrightError

Pixels = NDArray[np.uint8]
Array = NDArray[np.float64]

# Silicone lips roll as they are pushed: outward in a pucker, inward when drawn back or pressed. The simulated
# nodes only slide, so the roll is added to the picture: radians for one millimetre forward of rest.
ROLL_PER_MM = 0.045
ROLL_MOST = 0.42
LIP_BELOW_HINGE_MM = 44.0  # an opening jaw carries the lower lip back without rolling it


class HeadRenderer:
    """Draws a head. Holds an OpenGL context: use it as a context manager, or call `close`."""

    def __init__(self, size: tuple[int, int], body: Body = REFERENCE_HEAD, dots: bool = False) -> None:
        """`size` is (width, height) in pixels; `dots` paints dots on lips and face. Raises LipwrightError
        where nothing can draw."""
        if size[0] > FILM_SIZE[0] or size[1] > FILM_SIZE[1]:
            raise LipwrightError(
                f"A picture of the head can have at most {FILM_SIZE[0]} x {FILM_SIZE[1]} pixels."
            )
        xml, files = body.looks(dots)
        self._model = mujoco.MjModel.from_xml_string(xml, files)
        self._data = mujoco.MjData(self._model)
        self._lips_roll = body.has_lips
        self._nodes = [self._model.body(name).id for name in LIP_NODE_NAMES]
        self._jaw = self._model.joint("jaw").qposadr[0]
        try:
            self._renderer = mujoco.Renderer(self._model, size[1], size[0])
        except Exception as error:  # MuJoCo and its OpenGL loaders raise many kinds here
            raise LipwrightError(
                "The head cannot be drawn: no OpenGL was found; install libosmesa6 (Debian: apt install "
                f"libosmesa6) and try again ({error})."
            ) from error
        self._seen = mujoco.MjvOption()
        # Shadows have hard edges here and take four times as long.
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = False

    def __enter__(self) -> HeadRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the OpenGL context back."""
        self._renderer.close()

    def draw(self, joints: Array, camera: str) -> Pixels:
        """Picture (height, width, 3) of the head with joint positions (nq,), seen by a camera of VIEWS."""
        if camera not in VIEWS:
            raise LipwrightError(
                f'There is no view "{camera}" of the head; the views are {", ".join(VIEWS)}.'
            )
        self._data.qpos[:] = joints
        mujoco.mj_forward(self._model, self._data)
        if self._lips_roll:
            self._roll_lips()
        self._seen.geomgroup[MIRROR_GROUP] = camera == "mirror"
        self._renderer.update_scene(self._data, camera, self._seen)
        return np.array(self._renderer.render())

    def _roll_lips(self) -> None:
        head = self._data.body("head")
        lips = 1000 * (self._data.xpos[self._nodes] - head.xpos) @ head.xmat.reshape(3, 3)
        jaw = float(self._data.qpos[self._jaw])
        forward = LIPS_AT_REST_MM[:, 1] - lips[:, 1]
        for k, name in enumerate(LIP_NODE_NAMES):
            if name.startswith("corner"):
                continue
            upper = name.startswith("upper")
            ahead = forward[k] if upper else forward[k] + LIP_BELOW_HINGE_MM * np.sin(jaw)
            middle = 1 - abs(node_parameter(name)) ** 3
            roll = float(np.clip(ROLL_PER_MM * ahead * middle, -ROLL_MOST, ROLL_MOST)) * (-1 if upper else 1)
            turn = np.array([np.cos(roll / 2), np.sin(roll / 2), 0.0, 0.0])
            mujoco.mju_mulQuat(
                self._data.xquat[self._nodes[k]], self._data.xquat[self._nodes[k]].copy(), turn
            )


def render(
    poses: Iterable[Array], camera: str, size: tuple[int, int], body: Body = REFERENCE_HEAD
) -> Iterator[Pixels]:
    """Pictures (height, width, 3) of joint positions, one after the other; closes OpenGL at the end."""
    with HeadRenderer(size, body) as renderer:
        for joints in poses:
            yield renderer.draw(joints, camera)
