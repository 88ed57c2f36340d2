"""Voices fall into the rows they belong to; what cannot be read is refused in a sentence."""

import numpy as np
import pytest

from liplab.evaluate import sets
from liplab.evaluate.labels import read_labels
from liplab.evaluate.sets import (
    Clip,
    Voice,
    corpus_voices,
    judged_sets,
    language_of,
    read_track,
    song_voice,
)
from liplab.scores import Phone
from liplab.speech.corpus import recipe
from lipwright.errors import LipwrightError


def voice(name, language, origin="synthetic", split="held_out", heard=True):
    clip = Clip(np.zeros(16000, np.float32), [Phone("a", 0, 1)])
    return Voice(name, language, origin, split, heard, heard, "CC0-1.0", (clip,))


@pytest.mark.parametrize(
    ("code", "language"), [("cmn-latn-pinyin", "zh"), ("fr-fr", "fr"), ("es_419", "es"), ("de", "de")]
)
def test_engines_codes_become_languages(code, language):
    assert language_of(code) == language


def test_people_engines_and_what_is_new_have_rows_of_their_own():
    voices = [
        voice("espeak-fr", "fr"), voice("mbrola-fr4", "fr", heard=False), voice("kerstin", "de", "human"),
        voice("espeak-de", "de"), voice("flite-rms", "en", split="dev"),
        voice("grid", "en", "camera", "none"),
    ]  # fmt: skip
    rows = {row.name: [own.name for own in row.voices] for row in judged_sets(voices)}
    assert rows == {
        "fr": ["espeak-fr", "mbrola-fr4"], "de": ["espeak-de"], "de-human": ["kerstin"],
        "all": ["espeak-fr", "mbrola-fr4", "espeak-de"], "all-human": ["kerstin"],
        "all-new-engines": ["mbrola-fr4"], "flite-rms": ["flite-rms"], "grid": ["grid"],
    }  # fmt: skip


def test_a_speaker_is_known_when_some_takes_were_trained_on_and_other_readers_are_not(monkeypatch, tmp_path):
    monkeypatch.setattr(sets, "load_part", lambda folder, part: [])
    known = {own.name: own.speaker_trained_on for own in corpus_voices(tmp_path, recipe())}
    assert known["nathalie-dev"]
    assert known["espeak-fr"]
    assert not any(known[name] for name in ("librispeech-dev", "kerstin", "tuxpaint-fr", "flite-rms"))


def test_full_context_labels_give_phones_and_a_long_closure_joins_its_consonant(tmp_path):
    path = tmp_path / "song.lab"
    path.write_text(
        "0 10000000 p@xx^xx-pau+i=cl_xx%xx\n10000000 12000000 v@xx^pau-i+cl=p_xx\n"
        "12000000 13000000 b@pau^i-cl+p=a_00\n13000000 13500000 c@i^cl-p+a=xx\n"
        "13500000 20000000 v@cl^p-a+xx=xx_1\n"
    )
    assert read_labels(path) == [
        Phone("", 0, 1), Phone("i", 1, 1.2), Phone("p", 1.2, 1.35), Phone("a", 1.35, 2)
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["0 100 x-qq+a", "0 ten a", "nonsense"])
def test_labels_that_are_none_are_refused(tmp_path, line):
    path = tmp_path / "song.lab"
    path.write_text(line + "\n")
    with pytest.raises(LipwrightError, match="no Japanese HTS label"):
        read_labels(path)


def test_a_track_must_have_time_aperture_and_width(tmp_path):
    path = tmp_path / "lips.npz"
    np.savez(path, t=np.arange(4), aperture=np.arange(4))
    with pytest.raises(LipwrightError, match="no lip track"):
        read_track(path)
    np.savez(path, t=np.arange(4), aperture=np.arange(4), width=np.arange(3))
    with pytest.raises(LipwrightError, match="no lip track"):
        read_track(path)
    np.savez(path, t=np.arange(4), aperture=[0, np.nan, 2, 3], width=np.arange(4))
    assert read_track(path).times_s.tolist() == [0, 2, 3]


def test_a_folder_without_songs_is_refused(tmp_path):
    with pytest.raises(LipwrightError, match="no song"):
        song_voice(tmp_path)
