"""What is done to a crop each time it is drawn: other speakers, other people talking into it."""

import numpy as np
import pytest

from liplab.lips.dataset import BABBLE_DB, make_streams, talked_into, warped
from liplab.speech.corpus import recipe
from lipwright.audio.features import BANDS, SILENCE, mel_centres
from lipwright.errors import LipwrightError


def tone(hertz, steps=10):
    """Features (steps, 160) with a hump at a frequency."""
    band = np.exp(-((np.arange(BANDS) - np.argmin(np.abs(mel_centres() - hertz))) ** 2) / 8)
    return np.tile(SILENCE + 4 * band, (steps, 2)).astype(np.float32)


@pytest.mark.parametrize("shorter", [0.86, 1.0, 1.16])
def test_a_shorter_vocal_tract_has_its_formants_higher_by_as_much(shorter):
    got = warped(tone(1500), shorter).reshape(-1, BANDS)
    peaks = mel_centres()[got.argmax(axis=1)]
    assert np.all(np.abs(peaks / (1500 * shorter) - 1) < 0.04)
    assert got.max() == pytest.approx(SILENCE + 4, abs=0.3)


def test_people_who_talk_into_a_crop_are_as_loud_as_the_range_says():
    random = np.random.default_rng(1)
    speech = np.full((50, 160), 1.0, np.float32)
    others = [random.normal(-2, 1, (80, 160)).astype(np.float16) for _ in range(4)]
    for _ in range(20):
        got = talked_into(speech, others, random)
        added = 10 ** got.astype(float) - 10.0
        assert got.shape == speech.shape and got.dtype == np.float32
        assert np.all(added >= -1e-4)
        ratio_db = 10 * np.log10(10.0 / added.mean())
        assert BABBLE_DB[0] - 0.1 <= ratio_db <= BABBLE_DB[1] + 0.1


def test_a_corpus_without_training_speech_is_refused_with_what_to_do(tmp_path):
    held_out = [part for part in recipe() if part.split == "held_out"]
    with pytest.raises(LipwrightError, match="liplab corpus"):
        make_streams(tmp_path, held_out)
