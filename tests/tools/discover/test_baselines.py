"""The simple ways are real ones: each gives commands of a head, and does better than rest."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from liplab.discover import baselines
from liplab.discover.asked import Asked
from liplab.discover.baselines import JAW_ONLY, LINEAR, NEAREST, ONE_STEP, inverses, jaw_only, nearest
from lipwright.face.profile import HeadProfile

CHANNELS, TRIES, STEPS = 6, 3000, 120
WAYS = np.random.default_rng(1).normal(0, 4, (CHANNELS, 60)).astype(np.float32)


def smooth(frames: int, seed: int) -> np.ndarray:
    """Commands (frames, 6) that go slowly from mouth to mouth."""
    random = np.random.default_rng(seed)
    knots = random.random((frames // 8 + 2, CHANNELS))
    places = np.arange(frames) / 8
    columns = [np.interp(places, np.arange(len(knots)), knots[:, k]) for k in range(CHANNELS)]
    return np.stack(columns, axis=1).astype(np.float32)


def lips_of(commands: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Lips (n, 20, 3) of a head whose motors add up."""
    return ((commands - rest) @ WAYS).reshape(-1, 20, 3).astype(np.float32)


def in_front(lips: np.ndarray) -> np.ndarray:
    """What the front camera sees of lips (n, 20, 3): (n, 20, 2)."""
    return lips[..., [0, 2]].copy()


def asked_of(lips: np.ndarray, articulation: np.ndarray | None = None) -> Asked:
    count = len(lips)
    parts = np.zeros((count, 5), np.float32) if articulation is None else articulation
    return Asked(np.zeros((count, 8), np.float32), lips, parts)


@pytest.fixture(scope="module")
def learned(six_servos: HeadProfile) -> dict[str, baselines.Inverse]:
    commands = smooth(TRIES, 2)
    seen = in_front(lips_of(commands, six_servos.rest_targets()))
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "ONE_STEP_STEPS", 250)
        return inverses(six_servos, commands, seen, 1)


@pytest.mark.parametrize("way", [NEAREST, LINEAR, ONE_STEP, JAW_ONLY])
def test_a_way_gives_targets_of_the_mouth_and_beats_rest(
    way: str, learned: dict[str, baselines.Inverse], six_servos: HeadProfile
) -> None:
    rest = six_servos.rest_targets()
    wanted = smooth(STEPS, 9)
    articulation = np.zeros((STEPS, 5), np.float32)
    articulation[:, 0] = wanted[:, 0]  # the jaw alone opens this head
    asked = asked_of(lips_of(wanted, rest), articulation)
    targets = learned[way](asked)
    assert targets.shape == (STEPS, CHANNELS) and targets.dtype == np.float32
    assert targets.min() >= 0 and targets.max() <= 1
    error = np.square(lips_of(targets, rest) - asked.lips).mean()
    still = np.square(asked.lips).mean()
    assert error < {LINEAR: 0.02, NEAREST: 0.25, ONE_STEP: 0.7, JAW_ONLY: 0.97}[way] * still


def test_the_nearest_of_what_was_tried_is_found_again() -> None:
    commands, rest = smooth(700, 4), np.full(CHANNELS, 0.5, np.float32)
    lips = lips_of(commands, rest)
    assert np.array_equal(nearest(commands, in_front(lips))(asked_of(lips[::-1].copy())), commands[::-1])


def test_the_jaw_opens_as_far_as_is_asked_whichever_way_it_turns(
    profile: HeadProfile,
) -> None:
    articulation = np.zeros((4, 5), np.float32)
    articulation[:, 0] = [0, 0.5, 1, 3]
    mouth = profile.indices("mouth")
    rest = profile.rest_targets()[mouth]
    targets = jaw_only(profile)(asked_of(np.zeros((4, 20, 3), np.float32), articulation))
    assert targets[:, 0] == pytest.approx([rest[0], (rest[0] + 1) / 2, 1, 1])
    assert (targets[:, 1:] == rest[1:]).all()


def test_all_ways_are_there(learned: dict[str, baselines.Inverse]) -> None:
    assert set(learned) == {NEAREST, LINEAR, ONE_STEP, JAW_ONLY}
