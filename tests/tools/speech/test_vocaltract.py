"""A simulated vocal tract closes its lips for p, b, m and rounds them for u, when its phones say."""

import random
import sys
from itertools import pairwise

import numpy as np
import pytest

from liplab.speech import vocaltract
from liplab.speech.articulation import APERTURE, ROUNDING, symbols
from lipwright.errors import LipwrightError

RATE = 100


def test_a_missing_engine_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "vocaltractlab_cython", None)
    with pytest.raises(LipwrightError, match="pip install --no-deps vocaltractlab-cython"):
        vocaltract.speak(random.Random(0))


def test_syllables_have_a_vowel_each_and_labials_in_plenty():
    source = random.Random(1)
    drawn = [name for _ in range(50) for name, _ in vocaltract.draw(source)]
    assert all(name in vocaltract.VOWELS or name in vocaltract.CONSONANTS for name in drawn)
    assert sum(name in ("p", "b", "m") for name in drawn) > 0.08 * len(drawn)
    assert all(symbols(ipa) for ipa in (vocaltract.VOWELS | vocaltract.CONSONANTS).values())


def test_phones_follow_each_other_with_silence_at_both_ends():
    phones = vocaltract.timed([("b", 0.1), ("a", 0.2)])
    assert [phone.ipa for phone in phones] == ["", "b", "a", ""]
    assert all(one.end_s == other.start_s for one, other in pairwise(phones))


def test_lips_close_for_b_and_round_for_u():
    pytest.importorskip("vocaltractlab_cython")
    phones, lips = vocaltract.move([("a", 0.15), ("b", 0.09), ("a", 0.15), ("t", 0.08), ("u", 0.18)])
    assert lips.track.shape == lips.known.shape == (len(lips.track), 5)

    def of(ipa, number=0):
        phone = [phone for phone in phones if phone.ipa == ipa][number]
        return slice(round(phone.start_s * RATE), round(phone.end_s * RATE))

    assert lips.track[of("b"), APERTURE].min() < 0
    assert lips.known[of("b"), APERTURE].any()
    assert not lips.known[of("a"), APERTURE].all()  # as far apart as in i: not to be trusted
    assert lips.track[of("u"), ROUNDING].max() > 0.8
    assert lips.track[of("t"), ROUNDING][-1] > 0.3  # rounds ahead, through the t
    assert lips.track[of("a"), ROUNDING].max() < 0.2
    assert not lips.known[: round(vocaltract.EDGE_S * RATE)].any()


def test_speech_lasts_as_long_as_its_phones_and_is_loud():
    pytest.importorskip("vocaltractlab_cython")
    utterance, lips = vocaltract.say([("m", 0.08), ("a", 0.12)], pitch=5.0)
    end = utterance.phones[-1].end_s
    assert len(utterance.samples) / 16000 == pytest.approx(end, abs=0.02)
    assert len(lips.track) / RATE == pytest.approx(end, abs=0.02)
    assert utterance.samples.dtype == np.float32
    assert 0.6 < np.abs(utterance.samples).max() <= vocaltract.PEAK + 0.01
