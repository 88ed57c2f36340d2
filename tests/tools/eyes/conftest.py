"""Pictures of the simulated head that the tests of the eyes share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from liplab.head.babble import FRAME_S, plan_targets
from liplab.head.head import Head, HeadHistory
from liplab.head.render import HeadRenderer
from lipwright.face.profile import load_profile

STILL = 8  # frames of 20 ms at rest, at the beginning
FRAMES = 80
SIZE = (480, 360)
SEED = 9


@pytest.fixture(scope="session")
def babble() -> tuple[np.ndarray, np.ndarray]:
    """Joints (n, nq) and lips (n, 20, 3) in mm, 50 a second, of a head that rests and then babbles."""
    profile = load_profile()
    moves = plan_targets(profile, FRAMES - STILL, np.random.default_rng(SEED))
    targets = np.vstack([np.tile(profile.rest_targets(), (STILL, 1)), moves])
    head = Head()
    for number, row in enumerate(targets):
        head.set_pulses(profile.pulses_us(row), number * FRAME_S)
    head.advance(FRAMES * FRAME_S)
    history: HeadHistory = head.history
    return history.joints[: 2 * FRAMES : 2], history.lips_mm[: 2 * FRAMES : 2]


@pytest.fixture(scope="session")
def draw() -> Callable[..., np.ndarray]:
    """Draws joints (n, nq) as pictures (n, h, w, 3), dots painted or not, the neck turned or not."""
    renderers: dict[bool, HeadRenderer] = {}

    def pictures(joints: np.ndarray, dots: bool, yaw_deg: float = 0.0) -> np.ndarray:
        if dots not in renderers:
            renderers[dots] = HeadRenderer(SIZE, dots=dots)
        turned = joints.copy()
        turned[:, 0] += np.deg2rad(yaw_deg)  # the neck's yaw is the first joint
        return np.array([renderers[dots].draw(pose, "front") for pose in turned])

    yield pictures
    for renderer in renderers.values():
        renderer.close()


@pytest.fixture(scope="session")
def dotted(babble: tuple[np.ndarray, np.ndarray], draw: Callable[..., np.ndarray]) -> np.ndarray:
    """The babble with painted dots, seen from the front."""
    return draw(babble[0], True)
