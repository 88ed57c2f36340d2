"""Baselines hear what they claim to hear; controls are what they claim to be."""

import numpy as np
import pytest
from scipy.signal import lfilter

from liplab.evaluate.baselines import Baselines, Gain, controls, formants
from liplab.evaluate.measures import Reference
from liplab.evaluate.sets import Clip
from liplab.scores import Phone


def vowel(first, second, seconds=0.5):
    """A buzz of 110 Hz through two resonances."""
    sound = np.zeros(round(seconds * 16000))
    sound[:: 16000 // 110] = 1
    for hertz in (first, second, 2700):
        radius = np.exp(-np.pi * 70 / 16000)
        sound = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * hertz / 16000), radius**2], sound)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def spoken(order):
    """Vowels as phones, each sounding as it should, and a pause."""
    sounds, phones, start = [], [], 0.0
    for ipa, first, second in order:
        sounds.append(vowel(first, second))
        phones.append(Phone(ipa, start, start + 0.5))
        start += 0.5
    sounds.append(np.zeros(8000, np.float32))
    phones.append(Phone("", start, start + 0.5))
    return Clip(np.concatenate(sounds), phones)


AH, EE, OO = ("ɑ", 750, 1150), ("i", 300, 2250), ("u", 320, 800)


@pytest.fixture(scope="module")
def baselines():
    return Baselines([spoken([AH, EE, OO, AH])], [spoken([EE, AH, OO])])


@pytest.mark.parametrize(("first", "second"), [(750, 1150), (300, 2250), (320, 800)])
def test_formants_are_found(first, second):
    found = np.array(formants(Clip(vowel(first, second), [])))[:, 10:40]
    assert np.nanmedian(found, axis=1) == pytest.approx([first, second], rel=0.2)


def test_formants_open_for_a_spread_for_i_and_round_for_u(baselines):
    track = baselines.formants(spoken([AH, EE, OO]))
    a, i, u = (track[place : place + 20].mean(axis=0) for place in (15, 65, 115))
    assert a[0] > i[0] + 0.3
    assert i[1] > a[1] > u[1]
    assert u[2] > i[2] + 0.3


def test_the_amplitude_jaw_opens_with_the_sound_and_shuts_in_the_pause(baselines):
    track = baselines.amplitude(spoken([AH, AH]))
    assert track[20:80, 0].min() > 0.3
    assert track[120:, 0].max() < 0.1


def test_the_nearest_frame_of_the_training_speech_is_its_own(baselines):
    own = spoken([EE, AH, OO])
    assert baselines.tracks["nearest"](own)[20:140] == pytest.approx(Reference(own).asked[20:140], abs=0.1)


def test_a_gain_brings_the_ranges_together():
    gain = Gain.fitted(np.linspace(0, 10, 101), np.linspace(-1, 1, 50))
    assert gain(np.array([0.0, 5.0, 10.0, 99.0])) == pytest.approx([-1, 0, 1, 1], abs=0.02)


def test_controls_are_the_truth_late_another_clip_and_one_pose():
    references = [Reference(spoken([AH, EE])), Reference(spoken([OO, AH, EE]))]
    said = [reference.asked + 1 for reference in references]
    made = controls(np.full(5, 0.3, np.float32), references, said)
    asked = references[0].asked
    assert np.array_equal(made["oracle"][0], asked)
    assert np.array_equal(made["shifted_1"][0][2:], asked[:-2])
    assert np.array_equal(made["shifted_15"][0][30:], asked[:-30])
    assert np.array_equal(made["shuffled"][0], said[1][: len(asked)])
    assert np.ptp(made["still"][1], axis=0).max() == 0
