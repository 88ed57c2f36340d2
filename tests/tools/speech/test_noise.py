"""Made-up noises: of the length asked for, by their seed, and each of its own kind."""

import numpy as np
import pytest

from liplab.speech import noise
from liplab.speech.utterance import SAMPLE_RATE

COUNT = 3 * SAMPLE_RATE
KINDS = [noise.coloured, noise.hum, noise.fan, noise.music]


@pytest.mark.parametrize("kind", KINDS)
def test_a_noise_has_its_length_is_finite_and_the_same_for_the_same_seed(kind):
    made = [kind(COUNT, np.random.default_rng(seed)) for seed in (5, 5, 6)]
    assert made[0].shape == (COUNT,)
    assert made[0].dtype == np.float32
    assert np.all(np.isfinite(made[0]))
    assert np.std(made[0]) > 0
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


def test_music_is_tonal_and_coloured_noise_is_not():
    def peakiness(samples):
        power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
        smooth = np.convolve(power, np.ones(300) / 300, "same")
        return np.percentile(power[100:20000] / smooth[100:20000], 99.9)

    seeds = range(4)
    tonal = min(peakiness(noise.music(COUNT, np.random.default_rng(seed))) for seed in seeds)
    assert tonal > 2 * max(peakiness(noise.coloured(COUNT, np.random.default_rng(seed))) for seed in seeds)


def test_babble_is_made_of_the_speech_it_is_given():
    speech = np.sin(2 * np.pi * 500 * np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    made = noise.babble(COUNT, speech, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(made)) ** 2
    assert np.argmax(power) == pytest.approx(500 * 3, abs=3)


def test_shaping_changes_level_and_not_time():
    click = np.zeros(COUNT, np.float32)
    click[20000] = 1
    made = noise.shaped(click, (np.array([60.0, 7000]), np.array([-12.0, -12.0])))
    assert np.argmax(np.abs(made)) == 20000
    assert made[20000] == pytest.approx(10 ** (-12 / 20), rel=0.02)
