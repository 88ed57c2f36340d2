"""What phones ask of the lips: bilabials press, w puckers early, the tongue's consonants spare lips."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liplab.scores import Phone, closures
from liplab.speech.articulation import articulation, closure, shipped

GRID = np.arange(0, 4, 0.01)
APERTURE, WIDTH, ROUNDING, JAW, TUCK = range(5)

lengths = st.floats(0.03, 0.2)
sounds = st.sampled_from([*sorted(shipped().index), "aɪ", "tʃ", "kʷ"])


def spoken(pairs, start=0.3):
    phones = []
    for ipa, length in pairs:
        phones.append(Phone(ipa, start, start + length))
        start += length
    return phones


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(sounds, lengths), max_size=15))
def test_every_bilabial_closes_whatever_its_neighbours(pairs):
    phones = spoken(pairs)
    track = articulation(phones, GRID)
    assert track.shape == (len(GRID), 5)
    assert np.all(np.isfinite(track))
    result = closures(GRID, track[:, APERTURE] * 20.0, phones)
    assert all(result.made)


@pytest.mark.parametrize("length", [0.02, 0.05, 0.08, 0.3])
def test_a_closure_is_pressed_for_50_to_140_ms(length):
    phones = spoken([("ɑ", 0.15), ("b", length), ("ɑ", 0.15)])
    track = articulation(phones, GRID)
    pressed = np.count_nonzero(track[:, APERTURE] < -0.07) * 0.01
    assert 0.05 <= pressed <= 0.14
    start, end = closure(phones[1])
    assert end - start >= 0.0549
    assert start <= phones[1].start_s


def test_w_puckers_before_it_sounds_and_bilabials_leave_width_alone():
    track = articulation(spoken([("i", 0.2), ("w", 0.06), ("i", 0.2)]), GRID)
    onset = GRID[np.flatnonzero(track[:, ROUNDING] > 0.5)[0]]
    assert onset < 0.5 - 0.04
    assert track[:, WIDTH].min() < -0.9
    with_b = articulation(spoken([("i", 0.2), ("b", 0.06), ("i", 0.2)]), GRID)
    during = (GRID >= 0.5) & (GRID <= 0.56)
    assert with_b[during, WIDTH].min() > 0.5


@pytest.mark.parametrize("consonant", ["t", "d", "n", "l", "k", "ɡ"])
def test_consonants_of_the_tongue_leave_the_lips_to_their_neighbours(consonant):
    round_ = articulation(spoken([("u", 0.15), (consonant, 0.06), ("u", 0.15)]), GRID)
    spread = articulation(spoken([("i", 0.15), (consonant, 0.06), ("i", 0.15)]), GRID)
    middle = int(0.48 * 100)
    assert round_[middle, ROUNDING] > 0.6
    assert spread[middle, WIDTH] > 0.4
    assert round_[middle, APERTURE] > 0.05


def test_f_tucks_the_lower_lip_without_closing():
    track = articulation(spoken([("ɑ", 0.15), ("f", 0.1), ("ɑ", 0.15)]), GRID)
    during = (GRID >= 0.46) & (GRID <= 0.54)
    assert track[during, TUCK].min() > 0.9
    assert 0.05 < track[during, APERTURE].min() < 0.12


def test_silence_rests_gently_closed():
    track = articulation([Phone("", 0.0, 4.0)], GRID)
    assert np.all(track[:, APERTURE] >= 0)
    assert np.all(track[:, APERTURE] <= 0.02)
    np.testing.assert_array_equal(articulation([], GRID)[100], articulation([], GRID)[200])


def test_an_open_vowel_keeps_the_range():
    track = articulation(spoken([("b", 0.07), ("ɑ", 0.3), ("b", 0.07)]), GRID)
    assert track[:, APERTURE].max() > 0.75
