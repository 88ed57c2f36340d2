"""The camera's delay is measured from claps, whatever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from liplab.discover import delay
from liplab.discover.plan import Planner, flapper
from liplab.discover.seen import front_frame, tracks
from liplab.discover.session import FRONT
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile

if TYPE_CHECKING:
    from liplab.discover.delay import Delay
    from liplab.discover.session import Filmed

    from .conftest import Physics

EYES_MM = 63.0
WITHIN_S = 0.008


def measured(filmed: Filmed, profile: HeadProfile) -> Delay:
    times, points, _ = tracks(filmed, FRONT, front_frame([filmed], EYES_MM), EYES_MM)
    command = filmed.take.targets[:, flapper(profile)]
    return delay.measure(command.astype(np.float64), times, points.astype(np.float64))


def test_the_delay_of_a_filmed_head_is_found(
    worn_film: dict[str, Filmed], reference: HeadProfile, late_s: float
) -> None:
    """The usual delay, on another head, is found in test_discovery.py."""
    found = measured(worn_film["claps"], reference)
    assert found.camera_s == pytest.approx(late_s, abs=WITHIN_S)
    assert found.claps >= delay.FEWEST_CLAPS
    assert found.spread_s < 0.015


def film_at_30_hz(physics: Physics, profile: HeadProfile, late_s: float) -> tuple[np.ndarray, ...]:
    """Clap commands, times and points (n, 21, 2) of perfect eyes that are late."""
    take = Planner(profile, None, 1).claps()
    seen = physics(profile, take)
    known = 0.01 * np.arange(len(seen.points)) + take.seconds - 0.01 * (len(seen.points) - 1)
    times = np.arange(known[0] + 0.2, take.seconds, 1 / 30)
    flat = seen.points.reshape(len(known), -1).T
    points = np.stack([np.interp(times - late_s, known, column) for column in flat], axis=1)
    command = take.targets[:, flapper(profile)].astype(np.float64)
    return command, times, points.reshape(-1, 21, 2)


def test_a_later_camera_is_later_by_as_much_on_every_head(physics: Physics, profile: HeadProfile) -> None:
    onsets = [delay.measure(*film_at_30_hz(physics, profile, late)).onset_s for late in (0.02, 0.05, 0.09)]
    assert np.diff(onsets) == pytest.approx([0.03, 0.04], abs=WITHIN_S)


def test_a_camera_is_never_early(physics: Physics, skull: HeadProfile) -> None:
    assert delay.measure(*film_at_30_hz(physics, skull, -0.02)).camera_s == 0


def test_a_head_that_does_not_move_is_told_to_look_at_power_and_camera(
    physics: Physics, skull: HeadProfile
) -> None:
    command, times, points = film_at_30_hz(physics, skull, 0.03)
    noise = np.random.default_rng(1).normal(0, 0.1, points.shape)
    with pytest.raises(LipwrightError, match=r"claps were not seen.*power.*camera"):
        delay.measure(command, times, noise)


def test_claps_that_were_hardly_filmed_are_refused(physics: Physics, skull: HeadProfile) -> None:
    command, times, points = film_at_30_hz(physics, skull, 0.03)
    dark = times > 3
    with pytest.raises(LipwrightError, match="Too few claps"):
        delay.measure(command, times[~dark], points[~dark])
