"""One space holds the lips of people and of the head: it draws what the head can do, and only that."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from liplab.discover import lip_space
from liplab.discover.lip_space import SIZE, LipSpace, learn_lip_space
from liplab.discover.shape import gaps_mm

WAYS = np.random.default_rng(1).normal(0, 2.5, (4, 60)).astype(np.float32)


ALL, HEADS, OTHERS = slice(0, 4), slice(0, 2), slice(2, 4)


def shapes(count: int, ways: slice, seed: int) -> np.ndarray:
    """Lips (count, 20, 3) that move in some of four ways."""
    chosen = WAYS[ways]
    mix = np.random.default_rng(seed).normal(0, 1, (count, len(chosen))).astype(np.float32)
    return (mix @ chosen).reshape(-1, 20, 3)


@pytest.fixture(scope="module")
def space() -> LipSpace:
    """People's lips move in four ways, the head's in the first two of them."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lip_space, "STEPS", 300)
        return learn_lip_space(shapes(2000, HEADS, 2), shapes(2000, ALL, 3), 1, progress=None)


def rms(lips: np.ndarray) -> float:
    return float(np.sqrt(np.square(lips).mean()))


def test_what_the_head_can_do_is_drawn_as_it_is(space: LipSpace) -> None:
    lips = shapes(300, HEADS, 9)
    drawn = space.as_head(lips)
    assert drawn.shape == lips.shape
    assert rms(drawn - lips) < 0.35 * rms(lips)


def test_what_the_head_cannot_do_is_lost_and_stays_for_people(space: LipSpace) -> None:
    lips = shapes(300, OTHERS, 9)
    with torch.no_grad():
        latent = space.encode(torch.from_numpy(lips))[0]
        people = space.decode(latent, False).numpy()
    assert rms(space.as_head(lips) - lips) > 0.7 * rms(lips)
    assert rms(people - lips) < 0.3 * rms(lips)


def test_gap_and_width_are_read_alike_from_both(space: LipSpace) -> None:
    for ways in (HEADS, ALL):
        lips = torch.from_numpy(shapes(300, ways, 11))
        read = space.reading(space.encode(lips)[0]).numpy() * lip_space.SHAPE_MM
        true = np.stack([gaps_mm(lips).amax(-1).numpy(), (lips[:, 10, 0] - lips[:, 0, 0]).numpy()], axis=1)
        for k in range(2):
            assert np.corrcoef(read[:, k], true[:, k])[0, 1] > 0.85


def test_latents_are_as_many_as_a_lip_code_has_and_do_not_learn_on(space: LipSpace) -> None:
    assert space.encode(torch.zeros(3, 20, 3))[0].shape == (3, SIZE)
    assert not any(parameter.requires_grad for parameter in space.parameters())
