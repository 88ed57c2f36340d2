"""Phones by hearing: the best way through what was said, in order, where it sounds."""

import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

from liplab.lips.labels import CLASS_COUNT, class_of
from liplab.lips.network import LipNetwork
from liplab.lips.teacher import TeacherTrunk
from liplab.speech.align import AlignmentError
from liplab.speech.hear import MOMENT_S, Listener, phones_in, said_phones, steps_of


def heard(*sounds, chance=0.9):
    """Scores in which sounds, (IPA letter or "" for silence, moments), are heard one after the other."""
    rows = []
    for letter, moments in sounds:
        row = np.full(CLASS_COUNT, (1 - chance) / (CLASS_COUNT - 1))
        row[class_of(letter) if letter else 0] = chance
        rows += [row] * moments
    return np.log(np.array(rows))


def test_phones_lie_where_they_are_heard_with_pauses_between_words_only_where_there_are():
    scores = heard(("", 20), ("b", 7), ("a", 12), ("", 30), ("m", 6), ("i", 9), ("", 10))
    found = phones_in(scores, ["b", "a", "m", "i"]).phones
    assert [phone.ipa for phone in found] == ["", "b", "a", "", "m", "i"]
    # Each begins halfway between the last moment of the one before and its own first.
    starts = [phone.start_s / MOMENT_S for phone in found]
    assert starts == pytest.approx([0, 19.5, 26.5, 38.5, 68.5, 74.5])
    assert found[-1].end_s == pytest.approx(0.835)


def test_a_diphthong_is_one_phone_and_holds_no_pause():
    scores = heard(("k", 6), ("a", 8), ("", 4), ("ɪ", 8), ("t", 6))
    found = phones_in(scores, ["k", "aɪ", "t"]).phones
    assert [phone.ipa for phone in found] == ["k", "aɪ", "t"]
    assert found[1].end_s - found[1].start_s == pytest.approx(0.20, abs=0.011)


def test_a_pause_that_the_words_have_may_be_left_out():
    found = phones_in(heard(("a", 10), ("m", 8), ("a", 10)), ["a", "", "m", "a"]).phones
    assert [phone.ipa for phone in found] == ["a", "m", "a"]


def test_other_words_than_those_said_are_refused():
    scores = heard(("b", 8), ("a", 12), ("n", 8), ("a", 12))
    assert phones_in(scores, ["b", "a", "n", "a"]).below < 0.1
    with pytest.raises(AlignmentError, match="not those said"):
        phones_in(scores, ["s", "u", "k", "ʃ"])


def test_more_words_than_the_sound_has_room_for_are_refused():
    with pytest.raises(AlignmentError, match="too short"):
        phones_in(heard(("a", 10)), ["a", "b"] * 10)
    with pytest.raises(AlignmentError, match="nothing to say"):
        phones_in(heard(("a", 10)), ["", ""])


def test_a_phone_of_no_class_still_has_its_place():
    found = phones_in(heard(("a", 10), ("t", 6), ("a", 10)), ["a", "!", "a"]).phones
    assert [phone.ipa for phone in found] == ["a", "!", "a"]


def test_the_sound_is_heard_every_ten_milliseconds_for_as_long_as_it_lasts():
    scores = Listener(LipNetwork(TeacherTrunk())).scores(steps_of(np.zeros(16000, np.float32)))
    assert scores.shape[1] == CLASS_COUNT and 100 <= len(scores) <= 104
    assert np.allclose(np.exp(scores).sum(axis=1), 1, atol=1e-3)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_words_in_capitals_are_words():
    assert said_phones("THE SUPPER", "en-us") == said_phones("the supper", "en-us")
