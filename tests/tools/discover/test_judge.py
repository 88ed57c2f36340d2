"""Scores say what a performance was like: perfect, late, drifting, never closed."""

from __future__ import annotations

import numpy as np
import pytest

from liplab.discover.asked import Asked
from liplab.discover.judge import (
    Looking,
    Performed,
    asked_at,
    runs,
    score,
    seen_performance,
    spoken_take,
)
from liplab.discover.plan import FRAME_S, REST_S
from liplab.discover.session import FRONT, Filmed, Footage
from liplab.eyes.frame import FaceFrame
from liplab.eyes.sight import Sight
from liplab.scores import RATE_HZ
from lipwright.face.profile import HeadProfile

APERTURE_MM = 20.0
SECONDS = 20.0


def speech(seconds: float = SECONDS, seed: int = 1) -> Asked:
    """Lips that open and close like speech, for a while: gap and lips say the same."""
    steps = round(seconds / FRAME_S)
    random = np.random.default_rng(seed)
    knots = random.uniform(-0.3, 0.9, steps // 5 + 2)
    opened = np.interp(np.arange(steps) / 5, np.arange(len(knots)), knots)
    opened = np.maximum(opened, -0.05).astype(np.float32)
    opened[:10] = opened[-10:] = 0.1  # no closure at the ends
    lips = np.zeros((steps, 20, 3), np.float32)
    lips[:, 1:10, 2] = 0.4 * APERTURE_MM * opened[:, None]
    lips[:, 11:20, 2] = -0.6 * APERTURE_MM * opened[:, None]
    width = np.convolve(random.normal(0, 3, steps), np.ones(9) / 9, "same")
    lips[:, 0, 0], lips[:, 10, 0] = -width / 2, width / 2
    lips[..., 1] = 2 * opened[:, None]
    articulation = np.zeros((steps, 5), np.float32)
    articulation[:, 0] = opened
    return Asked(np.zeros((steps, 8), np.float32), lips, articulation)


def performed(asked: Asked, late_s: float = 0.0) -> Performed:
    grid = np.arange(0, (len(asked) - 1) * FRAME_S, 1 / RATE_HZ)
    lips, gap = asked_at(asked, grid - late_s, APERTURE_MM)
    return Performed(lips, gap, *asked_at(asked, grid, APERTURE_MM))


def test_a_perfect_performance_scores_so() -> None:
    found = score([performed(speech()), performed(speech(seed=2))], APERTURE_MM, True)
    assert (found.front_mm, found.depth_mm) == (0, 0)
    assert (found.aperture_r, found.width_r, found.aperture_range_ratio) == (1, 1, 1)
    assert found.closure_rate == 1 and found.closures > 10
    assert found.false_closures_per_minute == 0
    assert abs(found.offset_ms or 0) < 1 and (found.offset_p95_ms or 0) < 1
    assert found.drift_ratio is None  # there is no error to drift
    assert found.seconds == pytest.approx(2 * SECONDS, abs=0.1)


@pytest.mark.parametrize("late_s", [0.05, -0.03])
def test_a_shifted_performance_gives_its_lag(late_s: float) -> None:
    found = score([performed(speech(), late_s)], APERTURE_MM, True)
    assert found.offset_ms == pytest.approx(1000 * late_s, abs=3)
    assert found.offset_p95_ms == pytest.approx(1000 * abs(late_s), abs=8)
    assert found.front_mm > 0.5 and (found.aperture_r or 1) < 0.99


def test_errors_are_distances_of_points_in_millimetres() -> None:
    one = performed(speech())
    moved = Performed(one.lips + np.array([0.3, 1.5, -0.4]), one.gap, one.asked_lips, one.asked_gap)
    found = score([moved], APERTURE_MM, True)
    assert found.front_mm == pytest.approx(0.5, abs=1e-3)
    assert found.depth_mm == pytest.approx(1.5, abs=1e-3)
    assert score([moved], APERTURE_MM, False).depth_mm is None


def test_a_drift_is_found() -> None:
    one = performed(speech())
    noise = np.random.default_rng(1).normal(0, 1, one.lips.shape)
    steady = score([Performed(one.lips + noise, one.gap, one.asked_lips, one.asked_gap)], APERTURE_MM, True)
    assert steady.drift_ratio == pytest.approx(1, abs=0.05)
    noise[5 * RATE_HZ :] *= 3
    drifting = score([Performed(one.lips + noise, one.gap, one.asked_lips, one.asked_gap)], APERTURE_MM, True)
    assert drifting.drift_ratio == pytest.approx(3, abs=0.15)


def test_a_mouth_that_stays_open_makes_no_closure_and_one_that_stays_shut_closes_falsely() -> None:
    one = performed(speech())
    ajar = Performed(one.lips, np.maximum(one.gap, 1.5), one.asked_lips, one.asked_gap)
    assert score([ajar], APERTURE_MM, True).closure_rate == 0
    shut = Performed(0 * one.lips, 0 * one.gap, one.asked_lips, one.asked_gap)
    found = score([shut], APERTURE_MM, True)
    assert found.closure_rate == 1 and found.false_closures_per_minute > 30
    assert found.aperture_r is None and found.offset_ms is None and found.aperture_range_ratio == 0


def test_without_closures_there_is_no_rate() -> None:
    one = performed(speech())
    opened = Performed(one.lips, one.gap + 9, one.asked_lips, np.maximum(one.asked_gap, 4))
    found = score([opened], APERTURE_MM, True)
    assert found.closures == 0 and found.closure_rate is None


def test_runs_are_first_and_past_last() -> None:
    assert runs(np.array([1, 1, 0, 0, 1, 0, 1], bool)) == [(0, 2), (4, 5), (6, 7)]
    assert runs(np.zeros(3, bool)) == []


def test_a_film_is_read_at_the_moment_of_the_sound(reference: HeadProfile) -> None:
    """Lips of a camera that is late, on a head that lags, come out where they were asked."""
    asked, late_s, lead_s = speech(8.0), 0.04, reference.lead_ms / 1000
    take = spoken_take(np.tile(reference.rest_targets(), (len(asked), 1)), reference)
    assert take.seconds == pytest.approx(2 * REST_S + 8.0)
    times = np.arange(0, take.seconds, 1 / 60)
    lips, gap = asked_at(asked, np.clip(times - late_s - REST_S - lead_s, 0, None), APERTURE_MM)
    speaking = (times > REST_S + late_s + lead_s)[:, None, None]
    rest = np.stack([np.linspace(-25, 25, 20), np.zeros(20)], axis=1)
    anchors = np.array([[-31.5, 60.0], [31.5, 60.0], [0.0, 70.0]])
    place = np.array([2.0, -2.0])
    sights = tuple(
        Sight((rest + row) * place + 200, np.array([0, -40.0]) * place + 200, anchors * place + 200)
        for row in np.where(speaking, lips, 0)[..., [0, 2]]
    )
    looking = Looking(FaceFrame.at_rest(sights[:30], 63.0), 63.0, late_s)
    found = seen_performance(Filmed(take, {FRONT: Footage(times, sights)}), asked, looking, reference)
    assert found.gap.shape == found.asked_gap.shape and not found.lips[..., 1].any()
    result = score([found], APERTURE_MM, False)
    assert result.front_mm < 0.4 and result.closure_rate == 1
    assert abs(result.offset_ms or 0) < 4
    assert np.corrcoef(found.gap, found.asked_gap)[0, 1] > 0.99
    assert gap.max() > 5
