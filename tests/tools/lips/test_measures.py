"""The measures before the actuator: perfect on the phones' own articulation, poor on a still mouth."""

import numpy as np
import pytest

from liplab.lips.measures import predict, score
from liplab.scores import Phone
from liplab.speech.articulation import articulation
from liplab.speech.utterance import Utterance
from lipwright import resources
from lipwright.audio.decode import RATE, open_sound
from lipwright.lips.model import LipModel


def utterance():
    phones, start = [], 0.2
    for ipa in ["b", "ɑ", "w", "i", "m", "ɛ", "f", "o", "p", "u", "t", "a"] * 2:
        phones.append(Phone(ipa, start, start + 0.11))
        start += 0.11
    return Utterance(np.zeros(round((start + 0.3) * RATE), np.float32), phones)


def test_the_phones_own_articulation_scores_full_marks():
    spoken = utterance()
    times = np.arange(0, len(spoken.samples) / RATE, 0.02)
    scores = score([spoken], lambda samples: (times, articulation(spoken.phones, times)))
    assert scores.closure_rate == 1
    assert scores.false_closures_per_minute == 0
    assert scores.bilabials == 6
    assert scores.pucker_rate == 1
    assert scores.labiodental_rate == 1
    assert all(r is not None and r > 0.97 for r in scores.r.values())
    assert scores.range_ratio == pytest.approx(1, abs=0.05)


def test_a_mouth_that_stands_open_closes_nothing_and_one_that_stands_closed_is_wrong_elsewhere():
    spoken = utterance()
    times = np.arange(0, len(spoken.samples) / RATE, 0.02)
    wiggle = np.random.default_rng(0).normal(0, 0.001, (len(times), 5))
    still_open = score([spoken], lambda samples: (times, (wiggle + 0.3).astype(np.float32)))
    assert still_open.closure_rate == 0
    still_closed = score([spoken], lambda samples: (times, wiggle.astype(np.float32)))
    assert still_closed.closure_rate == 1
    assert still_closed.false_closures_per_minute > 60


def test_predicted_frames_cover_the_clip_and_no_more():
    samples = np.concatenate(list(open_sound(resources.shipped_clip()).blocks(RATE)))
    times, track = predict(LipModel.load(), samples)
    assert track.shape == (len(times), 5)
    assert times[0] == pytest.approx(0, abs=0.021)
    assert times[-1] == pytest.approx(len(samples) / RATE, abs=0.021)
    assert np.allclose(np.diff(times), 0.02)
