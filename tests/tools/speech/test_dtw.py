"""Aligning by speaking: phones land where they sound, and where they do not, the references disagree."""

import shutil
from itertools import pairwise

import numpy as np
import pytest

from liplab.speech.align import AlignmentError
from liplab.speech.dtw import align_by_speaking
from liplab.speech.festival import flite_say
from liplab.speech.recordings import MOST_UNSURE, UNSURE_S
from liplab.speech.utterance import SAMPLE_RATE

pytestmark = pytest.mark.skipif(
    shutil.which("flite") is None or shutil.which("espeak-ng") is None, reason="needs flite and espeak-ng"
)
WORDS = "Please bring my big blue map home before the summer evening"
BILABIALS = ("p", "b", "m")


def starts(phones):
    return np.array([phone.start_s for phone in phones if phone.ipa[:1] in BILABIALS])


@pytest.fixture(scope="module")
def spoken():
    return flite_say(WORDS, "rms")


def test_bilabials_land_where_another_engine_spoke_them(spoken):
    samples, exact = spoken
    found = align_by_speaking(samples, WORDS, "en-us")
    assert len(starts(found.phones)) == len(starts(exact)) == 10
    errors = np.abs(starts(found.phones) - starts(exact))
    assert np.median(errors) < 0.020
    assert errors.max() < 0.060
    assert all(left.end_s == right.start_s for left, right in pairwise(found.phones))
    assert found.spreads_s.shape == (len(found.phones),)


def test_silence_around_the_words_and_between_them_is_not_taken_for_phones(spoken):
    samples, exact = spoken
    home = next(phone for phone in exact if phone.ipa == "h")  # "map, home": the pause comes before it
    cut = round(home.start_s * SAMPLE_RATE)
    quiet = [np.zeros(round(seconds * SAMPLE_RATE), np.float32) for seconds in (0.7, 0.5, 0.7)]
    sound = np.concatenate([quiet[0], samples[:cut], quiet[1], samples[cut:], quiet[2]])
    sound += np.random.default_rng(0).normal(0, 0.001, len(sound)).astype(np.float32)
    moved = starts(exact) + np.where(starts(exact) < home.start_s, 0.7, 1.2)
    found = starts(align_by_speaking(sound, WORDS, "en-us").phones)
    assert np.median(np.abs(found - moved)) < 0.03


def test_the_references_agree_on_the_words_that_are_said_and_not_on_others(spoken):
    samples, _ = spoken
    right = align_by_speaking(samples, WORDS, "en-us").spreads_s
    wrong = align_by_speaking(samples, "Nine tired sailors sang until her shaken chin turned yellow", "en-us")
    assert np.mean(right > UNSURE_S) < MOST_UNSURE
    assert np.mean(wrong.spreads_s > UNSURE_S) > 2 * MOST_UNSURE


def test_what_cannot_be_aligned_is_refused(spoken):
    samples, _ = spoken
    with pytest.raises(AlignmentError, match="nothing is heard"):
        align_by_speaking(samples[:800], WORDS, "en-us")
    with pytest.raises(AlignmentError, match="no voice xx-none"):
        align_by_speaking(samples, WORDS, "xx-none")
    with pytest.raises(AlignmentError):
        align_by_speaking(samples, "no", "en-us")
