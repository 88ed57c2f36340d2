"""Noise is as loud as it says, and a mouth at rest stays there."""

import numpy as np
import pytest

from liplab.evaluate import noise
from liplab.evaluate.sets import Clip
from liplab.speech.articulation import articulation


def talk(seed, seconds=3.0):
    random = np.random.default_rng(seed)
    count = round(seconds * 16000)
    loud = np.repeat(random.uniform(0, 1, count // 1600), 1600)
    return (0.2 * random.standard_normal(count) * loud).astype(np.float32)


@pytest.mark.parametrize("kind", ["babble", "music", "fan"])
def test_speech_is_mixed_at_ten_decibels(kind):
    made = noise.noises([Clip(talk(seed), []) for seed in range(8)])[kind]
    speech = talk(99)
    added = noise.mixed(speech, made, 3) - speech
    level = 20 * np.log10(noise.active_rms(speech) / np.sqrt(np.mean(added.astype(float) ** 2)))
    assert level == pytest.approx(10, abs=0.05)


def test_the_noises_are_not_alike():
    music, fan = noise.music(4), noise.fan(4)
    envelopes = [np.abs(sound).reshape(-1, 800).max(axis=1) for sound in (music, fan)]
    assert np.std(envelopes[0]) / np.mean(envelopes[0]) > 2 * np.std(envelopes[1]) / np.mean(envelopes[1])
    low = [np.sum(np.abs(np.fft.rfft(sound)[: 4 * 200]) ** 2) / np.sum(np.abs(np.fft.rfft(sound)) ** 2)
           for sound in (fan, noise.white(4))]  # fmt: skip
    assert low[0] > 0.5 > low[1]


def test_distance_from_rest_is_a_share_of_the_range(monkeypatch):
    monkeypatch.setattr(noise, "ALONE_S", 4.0)

    def rest(samples):
        return articulation((), np.arange(0, len(samples) / 16000, 0.02))

    assert all(figures["furthest"] == 0 for figures in noise.alone(rest).values())
    strayed = noise.alone(lambda samples: rest(samples) + np.array([0, 0.5, 0, 0, 0], np.float32))
    assert strayed["music"]["width"] == pytest.approx(0.25)
    assert strayed["music"]["aperture"] == 0
    assert strayed["music"]["furthest"] == strayed["music"]["width"]
