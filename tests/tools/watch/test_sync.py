"""Lips go with the sound they were made with, at the offset that it has, and with no other."""

from __future__ import annotations

import numpy as np
import pytest

from liplab.lips.measures import predict
from liplab.scores import resample
from liplab.watch.sync import DUBBED, LIPS_STILL, NOBODY_SPEAKS, TOO_LATE, least_r, match
from lipwright.lips.model import LipModel

FILM_HZ = 25
NOISE = 0.01  # of the eyes' distance


@pytest.fixture(scope="module")
def heard(voices: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    model = LipModel.load()
    return [(times, track.astype(np.float64)) for times, track in (predict(model, voice) for voice in voices)]


def lips(heard: tuple[np.ndarray, np.ndarray], late_s: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """What a camera sees of lips that do what was heard, `late_s` before it, with noise."""
    times = np.arange(0, heard[0][-1], 1 / FILM_HZ)
    asked = resample(*heard, times + late_s)[:, [0, 1, 3]]
    seen = asked * (0.3, 0.05, 0.1) + (0.004, 0.8, 1.4)
    return times, seen + NOISE * np.random.default_rng(1).standard_normal(seen.shape)


@pytest.mark.parametrize("late_ms", [-187, -93, -11, 0, 8, 61, 200])
def test_the_offset_is_found_between_pictures(
    heard: list[tuple[np.ndarray, np.ndarray]], late_ms: int
) -> None:
    found = match(*lips(heard[0], late_ms / 1000), *heard[0])
    assert not found.reason
    assert found.offset_s * 1000 == pytest.approx(late_ms, abs=6)


def test_the_sound_of_another_sentence_does_not_go_with_them(
    heard: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    for mine, other in ((0, 1), (1, 0)):
        assert match(*lips(heard[mine]), *heard[mine]).reason == ""
        assert match(*lips(heard[mine]), *heard[other]).reason == DUBBED


def test_sound_that_is_farther_off_is_not_kept(heard: list[tuple[np.ndarray, np.ndarray]]) -> None:
    found = match(*lips(heard[0], 0.3), *heard[0])
    assert found.reason in (TOO_LATE, DUBBED)
    assert match(*lips(heard[0], 0.6), *heard[0]).reason == DUBBED


def test_still_lips_and_silence_are_named(heard: list[tuple[np.ndarray, np.ndarray]]) -> None:
    times, seen = lips(heard[0])
    assert match(times, np.tile(seen[:1], (len(seen), 1)), *heard[0]).reason == LIPS_STILL
    assert match(times, seen, heard[0][0], np.zeros_like(heard[0][1])).reason == NOBODY_SPEAKS


def test_short_clips_must_agree_more_than_long_ones() -> None:
    needed = [least_r(seconds) for seconds in (1, 2, 3, 6, 15, 30, 3600)]
    assert needed == sorted(needed, reverse=True)
    assert 0.2 < needed[-1] < needed[2] < 0.6
