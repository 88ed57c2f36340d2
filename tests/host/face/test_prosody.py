"""Prosody from log-mel: pitch, speech and silence, and which syllables are stressed."""

import numpy as np
import pytest

from lipwright import resources
from lipwright.audio.decode import open_sound
from lipwright.audio.features import log_mel
from lipwright.face.prosody import SILENCE, ProsodyTracker

RATE = 16000


def voice(pitch_hz, loudness=1.0):
    """A buzz with two formants whose pitch is (n,) Hz, 16 kHz."""
    phase = np.cumsum(pitch_hz) / RATE
    rng = np.random.default_rng(1)
    sound = sum(
        np.cos(2 * np.pi * (k * phase + rng.uniform())) / k * (k * pitch_hz < 7000) for k in range(1, 60)
    )
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    spectrum *= sum(1 / np.sqrt(1 + ((hz - at) / width) ** 2) for at, width in ((600, 120), (1400, 150)))
    sound = np.fft.irfft(spectrum, len(pitch_hz))
    return (0.2 * loudness * sound / np.abs(sound).max()).astype(np.float32)


def heard(sound):
    tracker = ProsodyTracker()
    return [tracker.step(step) for step in log_mel(sound)]


@pytest.mark.parametrize("usual_hz", [120, 150, 200, 260, 330])
def test_pitch_is_heard_to_a_semitone(usual_hz):
    pitch = usual_hz * 2 ** (0.15 * np.sin(2 * np.pi * 1.5 * np.arange(2 * RATE) / RATE))
    found = np.array([one.pitch_hz for one in heard(voice(pitch))])
    # A step's window of 25 ms and the hop before it are centred 17.5 ms before the step's end.
    true = pitch[np.maximum(np.arange(1, len(found) + 1) * 320 - 280, 0)]
    voiced = found > 0
    assert voiced.mean() > 0.9
    assert np.mean(np.abs(12 * np.log2(found[voiced] / true[voiced])) < 1) > 0.95


def test_silence_and_a_quiet_room_are_no_speech():
    assert set(heard(np.zeros(RATE, np.float32))) == {SILENCE}
    hiss = np.random.default_rng(0).normal(0, 3e-4, 3 * RATE).astype(np.float32)
    assert not any(one.speech for one in heard(hiss))


def test_noise_has_no_voice():
    noise = np.random.default_rng(0).normal(0, 0.05, 2 * RATE).astype(np.float32)
    assert np.mean([one.pitch_hz > 0 for one in heard(noise)]) < 0.2


@pytest.mark.parametrize("usual_hz", [85, 190])
def test_the_syllable_that_is_louder_and_higher_is_the_stressed_one(usual_hz):
    # Eight syllables of 200 ms; in deep voices, whose pitch is not seen, the level has to do.
    stressed = 5
    syllables = []
    for number in range(8):
        strong = number == stressed
        pitch = np.full(round(0.2 * RATE), usual_hz * (1.25 if strong else 1.0))
        rise = np.sin(np.pi * np.arange(len(pitch)) / len(pitch)) ** 0.5
        syllables.append(voice(pitch, 1.0 if strong else 0.4) * rise.astype(np.float32))
    accents = [(step * 0.02, one.accent) for step, one in enumerate(heard(np.concatenate(syllables)))]
    strongest = max(accents, key=lambda accent: accent[1])
    assert 0.2 * stressed < strongest[0] < 0.2 * (stressed + 1) + 0.04
    assert strongest[1] > 0.5


def test_a_sentence_has_about_one_accent_a_second():
    sound = open_sound(resources.shipped_clip())
    said = heard(np.concatenate(list(sound.blocks(RATE))))
    assert 0.7 < sum(one.accent > 0 for one in said) / sound.duration_s < 2.0
    assert 0.6 < np.mean([one.speech for one in said]) < 0.9
    assert all(0 <= one.loudness <= 1 and 0 <= one.accent <= 1 for one in said)
