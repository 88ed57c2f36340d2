"""What phones ask of the lips: bilabials press, w puckers early, the tongue's consonants spare lips."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liplab.scores import Phone, closures
from liplab.speech.articulation import (
    NUMBERS_FILE,
    REST_WEIGHT,
    articulation,
    closure,
    cores,
    shipped,
    symbols,
)
from liplab.speech.espeak import Espeak

GRID = np.arange(0, 4, 0.01)
APERTURE, WIDTH, ROUNDING, JAW, TUCK = range(5)

# All that espeak-ng 1.51 speaks, less variants of an accent.
ESPEAK_LANGUAGES = (
    "af am an ar as az ba bg bn bpy bs ca cmn-latn-pinyin cs cv cy da de el en-us eo es et eu fa fi "
    "ga gd gn grc gu hak haw he hi hr ht hu hy ia id io is it ja jbo ka kk kl kn ko kok ku ky la lb "
    "lfn lt ltg lv mi mk ml mr ms mt my nb nci ne nl nog om or pa pap piqd pl pt pt-br py qu quc ro "
    "ru sd shn si sk sl smj sq sr sv sw ta te th tk tn tr tt ug uk ur uz vi yue "
).split()
MARKS_ALONE = {"̃", "ː"}  # that espeak-ng puts out as phones of their own (Bishnupriya, Konkani)

lengths = st.floats(0.03, 0.2)
sounds = st.sampled_from([*sorted(shipped().index), "aɪ", "tʃ", "kʷ"])


def spoken(pairs, start=0.3):
    phones = []
    for ipa, length in pairs:
        phones.append(Phone(ipa, start, start + length))
        start += length
    return phones


def held(ipa):
    return articulation(spoken([(ipa, 1.0)]), [0.8])[0]


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
    assert 0.06 <= pressed <= 0.14
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
    assert with_b[during, WIDTH].min() > 0.75 * held("i")[WIDTH]


@pytest.mark.parametrize("consonant", ["t", "d", "n", "l", "k", "ɡ"])
def test_consonants_of_the_tongue_leave_the_lips_to_their_neighbours(consonant):
    round_ = articulation(spoken([("u", 0.15), (consonant, 0.06), ("u", 0.15)]), GRID)
    spread = articulation(spoken([("i", 0.15), (consonant, 0.06), ("i", 0.15)]), GRID)
    middle = int(0.48 * 100)
    assert round_[middle, ROUNDING] > 0.6
    assert spread[middle, WIDTH] > 0.6 * held("i")[WIDTH]
    assert round_[middle, APERTURE] > 0.15
    between_open = articulation(spoken([("ɑ", 0.15), (consonant, 0.06), ("ɑ", 0.15)]), GRID)
    assert between_open[30:66, APERTURE].min() > 0.35


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


def test_espeaks_phones_of_all_languages_have_goals_of_their_own():
    engine = Espeak()
    unknown = set()
    for language in ESPEAK_LANGUAGES:
        for text in ("1 2 3 4 5 6 7 8 9 10 100 1000", "a e i o u b c d f g h j k l m n p q r s t v w x y z"):
            unknown |= {
                phone.ipa for phone in engine.say(text, language)[1] if phone.ipa and not symbols(phone.ipa)
            }
    assert unknown <= MARKS_ALONE


@pytest.mark.parametrize("ipa", ["p", "pʰ", "b", "m̩", "mˤ", "p͈", "k͡p", "ɡ͡b", "ʙ", "ʘ", "ɓ"])
def test_everything_bilabial_presses(ipa):
    track = articulation(spoken([("a", 0.15), (ipa, 0.08), ("a", 0.15)]), GRID)
    assert track[:, APERTURE].min() < -0.07


@pytest.mark.parametrize("ipa", ["f", "v", "ɱ", "v̩"])
def test_everything_labiodental_tucks(ipa):
    assert articulation(spoken([("a", 0.15), (ipa, 0.08), ("a", 0.15)]), GRID)[:, TUCK].max() > 0.9


@pytest.mark.parametrize("ipa", ["ç", "õ", "ẽ", "ɑ̃", "β̞", "ɯ̟", "ʋ", "ɥ", "ɧ", "tˤ", "s͈", "ʀ", "ɑ˞"])
def test_marks_hide_no_letter(ipa):
    assert len(symbols(ipa)) == 1


def test_labialised_consonants_pucker_and_unrounded_ones_do_not():
    assert articulation(spoken([("a", 0.15), ("kʷ", 0.08), ("a", 0.15)]), GRID)[:, ROUNDING].max() > 0.9
    assert held("ɯ̟")[ROUNDING] < 0.1
    assert held("ʉ")[ROUNDING] > 0.6


def test_nothing_but_a_labial_is_ever_near_closed():
    for symbol in set(shipped().index) - set("pbmɓʙʘfvɱⱱɸβʋ?") - {""}:
        assert held(symbol)[APERTURE] > 0.12, symbol


def test_the_fast_blend_is_the_sum_of_fading_weights():
    numbers = shipped()
    phones = spoken([("a", 0.2), ("t", 0.05), ("u", 0.11), ("", 0.3), ("i", 0.07)])
    rows, first, last = cores(phones, numbers)
    times = GRID[:, None, None]
    apart = np.maximum(first - times, 0) / numbers.fade_before_s
    apart += np.maximum(times - last, 0) / numbers.fade_after_s
    weights = np.exp(-apart) * numbers.weights[rows]
    rest = numbers.goals[numbers.index[""]]
    wanted = (np.sum(weights * numbers.goals[rows], axis=1) + REST_WEIGHT * rest) / (
        weights.sum(axis=1) + REST_WEIGHT
    )
    np.testing.assert_allclose(articulation(phones, GRID), wanted, atol=1e-4)


def test_every_number_says_where_it_comes_from():
    content = json.loads(NUMBERS_FILE.read_text(encoding="utf-8"))
    pairs = [pair for row in content["phones"] for key in ("goal", "weight") for pair in row[key].values()]
    pairs += [pair for key in ("fade_before_s", "fade_after_s", "lead_s") for pair in content[key].values()]
    pairs += content["gestures"].values()
    assert all(source == "set" or source.startswith(("measured (", "by likeness (")) for _, source in pairs)
    assert sum(source != "set" for _, source in pairs) > 200
