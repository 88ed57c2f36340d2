"""Babbling covers what speech needs and is the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from liplab.head.babble import LEFT, RIGHT, Babble, babble, plan_targets
from lipwright.face.profile import load_profile

FRAMES = 3000


@pytest.fixture(scope="module")
def babbled() -> Babble:
    return babble(load_profile(), FRAMES, seed=5)


def test_a_babble_closes_opens_puckers_spreads_and_tucks(babbled: Babble) -> None:
    aperture, width, rounding, jaw, tuck = babbled.articulation.T
    assert 0.08 < (aperture <= 0).mean() < 0.5
    assert aperture.min() < -0.025, "pressed by half a millimetre where it is least, from corner to corner"
    assert aperture.max() > 0.9
    assert width.min() < -0.7 and width.max() > 0.7
    assert rounding.max() > 0.7 and jaw.max() > 0.5 and tuck.max() > 0.6


def test_left_and_right_move_apart_at_times_and_neither_more(babbled: Babble) -> None:
    apart = babbled.commands[:, LEFT] - babbled.commands[:, RIGHT]
    assert np.abs(apart).max() > 0.3
    assert abs(apart.mean()) < 0.05


def test_channels_outside_the_mouth_rest(babbled: Babble) -> None:
    assert np.array_equal(babbled.commands[:, 11:], np.tile(load_profile().rest_targets()[11:], (FRAMES, 1)))


def test_commands_stay_in_range_and_the_same_seed_gives_the_same_plan() -> None:
    profile = load_profile()
    first, second, other = (plan_targets(profile, 500, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.min() >= 0 and first.max() <= 1
    assert first.tobytes() == second.tobytes() != other.tobytes()


def test_a_stored_babble_comes_back_whole(babbled: Babble, tmp_path: Path) -> None:
    babbled.save(tmp_path / "babble.npz")
    again = Babble.load(tmp_path / "babble.npz")
    for name in ("commands", "lips", "articulation", "t"):
        assert np.array_equal(getattr(babbled, name), getattr(again, name))


def test_lips_follow_their_commands_by_the_lag_of_servos(babbled: Babble) -> None:
    jaw, opened = babbled.commands[:, 0], babbled.articulation[:, 3]
    fits = [np.corrcoef(jaw[: len(jaw) - lag], opened[lag:])[0, 1] for lag in range(6)]
    assert int(np.argmax(fits)) in (1, 2)  # 20 to 40 ms
    assert max(fits) > 0.97
