"""The voices that only measure: MBROLA's and Open JTalk's phones are where they sound."""

import numpy as np
import pytest

from liplab.scores import Phone
from liplab.speech import jtalk, mbrola
from liplab.speech.articulation import symbols
from liplab.speech.held_out_text import HELD_OUT_LANGUAGES, HELD_OUT_TEXT
from liplab.speech.recipe import recipe
from lipwright.errors import LipwrightError


def loudness(utterance, start_s, end_s):
    return float(np.sqrt(np.mean(utterance.samples[round(start_s * 16000) : round(end_s * 16000)] ** 2)))


def test_every_language_has_sentences_enough():
    assert all(len(set(sentences)) >= 25 for sentences in HELD_OUT_TEXT.values())
    spoken = {part.language for part in recipe() if part.split == "held_out" and part.engine != "espeak-ng"}
    assert len(HELD_OUT_LANGUAGES & spoken) >= 5


def test_voices_that_may_not_be_sold_are_never_learned_from():
    assert {part.split for part in recipe() if part.engine in ("mbrola", "jtalk")} == {"held_out"}


def test_halves_of_a_long_phone_are_spoken_as_one():
    lines = "m 60 0 100\na 50 0 110\na 40\nR 60\n"
    segments = mbrola._joined(mbrola._segments(lines, {"R": "r"}))
    assert [(segment.name, segment.duration_ms) for segment in segments] == [("m", 60), ("a", 90), ("r", 60)]
    assert mbrola._line(segments[0]) == "m\t60\t0 100\n"


@pytest.mark.parametrize("voice", mbrola.VOICES.values(), ids=lambda voice: voice.name)
def test_a_voice_speaks_its_language_with_phones_where_they_sound(voice):
    if not voice.path.exists():
        pytest.skip(f"needs {voice.package}")
    made = [mbrola.mbrola_say(sentence, voice) for sentence in HELD_OUT_TEXT[voice.language][:3]]
    spoken = [utterance for utterance in made if utterance is not None]
    assert spoken
    for utterance in spoken:
        assert abs(utterance.phones[-1].end_s - len(utterance.samples) / 16000) < 0.02
        assert all(symbols(phone.ipa) for phone in utterance.phones if phone.ipa)


def test_a_voice_that_is_not_there_names_its_package(monkeypatch, tmp_path):
    monkeypatch.setattr(mbrola, "FOLDER", tmp_path)
    with pytest.raises(LipwrightError, match="mbrola-de2"):
        mbrola.mbrola_say("Guten Abend", mbrola.VOICES["de2"])


@pytest.mark.skipif(not jtalk.VOICE.exists(), reason=f"needs {jtalk.PACKAGE}")
def test_open_jtalk_reports_phones_that_cover_its_speech():
    utterance = jtalk.jtalk_say("ばんごはんの あと")
    assert abs(utterance.phones[-1].end_s - len(utterance.samples) / 16000) < 0.02
    spoken = [phone for phone in utterance.phones if phone.ipa]
    assert [phone.ipa for phone in spoken[:3]] == ["b", "a", "ɴ"]
    closure, vowel = spoken[:2]
    assert loudness(utterance, closure.start_s, closure.end_s) < loudness(
        utterance, vowel.start_s, vowel.end_s
    )


def test_the_nasal_before_b_and_the_long_p_close_the_lips():
    spoken = [Phone("ɴ", 0, 1), Phone("b", 1, 2), Phone("ʔ", 2, 3), Phone("p", 3, 4), Phone("ɴ", 4, 5)]
    assert [phone.ipa for phone in jtalk._assimilated(spoken)] == ["m", "b", "p", "p", "ɴ"]
