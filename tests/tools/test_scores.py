"""The measures say what they claim on tracks whose answer is known."""

import numpy as np
import pytest

from liplab.scores import (
    RATE_HZ,
    Phone,
    closures,
    correlation,
    lag_ms,
    offset,
    range_ratio,
    resample,
)

GRID = np.arange(0, 6, 1 / RATE_HZ)


def speech_like(shift_s: float = 0.0) -> np.ndarray:
    t = GRID - shift_s
    return (
        np.sin(2 * np.pi * 3.1 * t)
        + 0.6 * np.sin(2 * np.pi * 4.7 * t + 1)
        + 0.3 * np.sin(2 * np.pi * 1.3 * t)
    )


@pytest.mark.parametrize("shift_ms", [-80, -25, -4, 0, 7, 33, 120])
def test_lag_finds_a_known_shift_to_within_a_millisecond(shift_ms):
    assert lag_ms(speech_like(), speech_like(shift_ms / 1000)) == pytest.approx(shift_ms, abs=1.0)


def test_offset_of_a_late_track_is_positive():
    found = offset(speech_like(), speech_like(0.045))
    assert found.median_ms == pytest.approx(45, abs=1)
    assert found.p95_ms == pytest.approx(45, abs=2)


def test_still_lips_have_no_offset_and_no_correlation():
    still = np.zeros_like(GRID)
    assert offset(still, speech_like()).median_ms is None
    assert correlation(speech_like(), still) is None
    assert range_ratio(still, speech_like()) is None


def test_range_ratio_halves_with_the_motion():
    assert range_ratio(speech_like(), 0.5 * speech_like()) == pytest.approx(0.5)


def test_resample_holds_the_ends():
    assert resample([1.0, 2.0], np.array([3.0, 5.0]), np.array([0.0, 1.5, 9.0])).tolist() == [3.0, 4.0, 5.0]


PHONES = [
    Phone("", 0.0, 1.0),
    Phone("b", 1.0, 1.1),
    Phone("ɑ", 1.1, 2.0),
    Phone("m", 2.0, 2.1),
    Phone("i", 2.1, 3.0),
    Phone("f", 3.0, 3.1),
    Phone("", 3.1, 6.0),
]


def aperture_closed_at(*moments: float) -> np.ndarray:
    aperture = np.full_like(GRID, 8.0)
    for moment in moments:
        aperture[np.abs(GRID - moment) < 0.015] = 0.5
    return aperture


def test_closures_made_and_missed_are_told_apart():
    found = closures(GRID, aperture_closed_at(1.05), PHONES)
    assert found.made == (True, False)
    assert found.rate == 0.5
    assert found.events == 2


@pytest.mark.parametrize(("moment", "counts"), [(0.97, True), (1.11, True), (0.90, False), (1.17, False)])
def test_closure_slack_is_40_ms_before_and_20_ms_after(moment, counts):
    assert closures(GRID, aperture_closed_at(moment), PHONES).made[0] is counts


def test_a_closure_in_a_vowel_is_false_and_one_in_silence_or_at_f_is_not():
    assert closures(GRID, aperture_closed_at(0.5, 3.05, 4.0), PHONES).false_per_minute == 0
    once = closures(GRID, aperture_closed_at(1.5), PHONES).false_per_minute
    twice = closures(GRID, aperture_closed_at(1.5, 2.5), PHONES).false_per_minute
    assert once and twice == pytest.approx(2 * once)


def test_no_bilabials_means_no_rate():
    assert closures(GRID, aperture_closed_at(), [Phone("a", 0, 1)]).rate is None
