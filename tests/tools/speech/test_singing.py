"""Singing: held vowels on notes, and phones that stay where they sound."""

import shutil

import numpy as np
import pytest
import soxr

from liplab.speech import singing
from liplab.speech.espeak import Espeak
from liplab.speech.utterance import SAMPLE_RATE, Utterance

pyworld = pytest.importorskip("pyworld")
pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")


@pytest.fixture(scope="module")
def spoken():
    engine = Espeak(fresh=True)
    samples, phones = engine.say("papa tapa sapa", "nl", rate=170)
    return Utterance(np.asarray(soxr.resample(samples, engine.sample_rate, SAMPLE_RATE), np.float32), phones)


@pytest.fixture(scope="module")
def song(spoken):
    return singing.sung(spoken, np.random.default_rng(5))


def loudness(utterance, start_s, end_s):
    part = utterance.samples[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]
    return float(np.sqrt(np.mean(part**2)))


def test_vowels_are_held_and_consonants_are_not(spoken, song):
    assert [phone.ipa for phone in song.phones] == [phone.ipa for phone in spoken.phones]
    grown = [
        (after.end_s - after.start_s) / (before.end_s - before.start_s)
        for before, after in zip(spoken.phones, song.phones, strict=True)
    ]
    held = [growth for growth, phone in zip(grown, song.phones, strict=True) if singing.is_vowel(phone)]
    others = [growth for growth, phone in zip(grown, song.phones, strict=True) if not singing.is_vowel(phone)]
    assert np.median(held) > 1.5
    assert max(held) <= singing.LONGEST_STRETCH + 0.01
    assert max(others) <= singing.CONSONANT_STRETCH[1] + 0.01


def test_closures_stay_where_they_sound(song):
    stops = [phone for phone in song.phones[1:] if phone.ipa == "p"]
    assert len(stops) >= 3
    vowels = [phone for phone in song.phones if singing.is_vowel(phone)]
    loud = np.median([loudness(song, phone.start_s, phone.end_s) for phone in vowels])
    for stop in stops:
        assert loudness(song, stop.start_s + 0.008, stop.start_s + 0.025) < 0.1 * loud
    assert abs(song.phones[-1].end_s - len(song.samples) / SAMPLE_RATE) < 0.05


def test_a_held_vowel_stays_near_its_note(song):
    longest = max(filter(singing.is_vowel, song.phones), key=lambda phone: phone.end_s - phone.start_s)
    inside = slice(round((longest.start_s + 0.1) * SAMPLE_RATE), round((longest.end_s - 0.05) * SAMPLE_RATE))
    pitch, _ = pyworld.dio(np.ascontiguousarray(song.samples[inside], np.float64), SAMPLE_RATE)
    pitch = pitch[pitch > 0]
    half_tones = 12 * np.log2(pitch / np.median(pitch))
    assert len(pitch) > 20
    assert np.percentile(np.abs(half_tones), 90) < singing.VIBRATO_HALF_TONES[1] + 0.3


def test_what_has_no_voice_is_not_sung():
    silence = Utterance(np.zeros(SAMPLE_RATE, np.float32), [])
    assert singing.sung(silence, np.random.default_rng(0)) is None
