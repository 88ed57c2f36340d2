"""Speech engines: the phones that they report are where they sound."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from liplab.scores import Phone
from liplab.speech import render, sounds, text
from liplab.speech.articulation import symbols
from liplab.speech.corpus import held_parts, load_part, make_parts, recipe
from liplab.speech.espeak import LONGEST_CLOSURE_S, Espeak, stops_moved_back
from liplab.speech.festival import flite_say
from liplab.speech.held_out_text import HELD_OUT_LANGUAGES
from liplab.speech.utterance import LIPS_HZ
from lipwright.errors import LipwrightError

HELD_OUT = {"ar", "cmn-latn-pinyin", "de", "es", "fr", "he", "it", "ja", "ko", "ru"}

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="needs flite")


@pytest.fixture(scope="module")
def espeak():
    return Espeak()


def loudness(samples, rate, start, end):
    return float(np.sqrt(np.mean(samples[round(start * rate) : round(end * rate)] ** 2)))


@needs_espeak
def test_p_starts_with_the_silence_of_its_closure(espeak):
    samples, phones = espeak.say("apa opo", "nl")
    stops = [phone for phone in phones if phone.ipa == "p"]
    assert len(stops) == 2
    for stop in stops:
        assert stop.end_s - stop.start_s > 0.04
        assert loudness(samples, espeak.sample_rate, stop.start_s + 0.003, stop.start_s + 0.025) < 0.003


def test_a_stop_moves_back_over_silence_only_and_not_into_a_pause():
    rate = 1000
    samples = np.ones(1000, np.float32)
    samples[270:300] = 0
    moved = stops_moved_back([Phone("a", 0.1, 0.3), Phone("p", 0.3, 0.35)], samples, rate)
    assert moved == [Phone("a", 0.1, 0.27), Phone("p", 0.27, 0.35)]
    samples[100:300] = 0
    moved = stops_moved_back([Phone("", 0.1, 0.3), Phone("t", 0.3, 0.35)], samples, rate)
    assert moved[1].start_s == pytest.approx(0.3 - LONGEST_CLOSURE_S)
    untouched = [Phone("a", 0.1, 0.3), Phone("b", 0.3, 0.36)]
    assert stops_moved_back(untouched, samples, rate) == untouched


@needs_espeak
def test_the_b_of_danish_and_icelandic_starts_with_silence_too(espeak):
    for language in ("da", "is"):
        samples, phones = espeak.say("dabe dabe dabe", language)
        short = [phone for phone in phones[1:] if phone.ipa == "d"]
        assert short, language
        for stop in short:
            assert stop.end_s - stop.start_s > 0.04, language
            assert loudness(samples, espeak.sample_rate, stop.start_s + 0.003, stop.start_s + 0.02) < 0.003


def test_babble_puts_every_consonant_between_the_same_vowels():
    random = np.random.default_rng(2)
    for language in ("nl", "bg", "hi", "te"):
        letters = sounds.SOUNDS[language]
        heard = "".join(letters.babble(random) for _ in range(200))
        assert all(onset in heard for onset in letters.onsets.split()), language
    words = sounds.Sounds("b n", "a", "", 0.0).babble(random).rstrip(".?!").replace(",", "").lower().split()
    assert set(words) <= {"baba", "bana", "naba", "nana"}


@needs_espeak
@pytest.mark.parametrize("language", text.LANGUAGES)
def test_every_language_speaks_with_phones_that_have_lips(espeak, language):
    random = np.random.default_rng(0)
    samples, phones = espeak.say(text.sentence(language, random), language)
    assert len(samples) > 0.5 * espeak.sample_rate
    assert phones[-1].end_s <= len(samples) / espeak.sample_rate + 0.001
    assert all(symbols(phone.ipa) for phone in phones if phone.ipa)


@needs_espeak
def test_two_engines_do_not_take_each_others_sound(espeak):
    other = Espeak()
    for engine in (espeak, other, espeak):
        samples, phones = engine.say("mama", "nl")
        assert np.abs(samples).max() > 0.1
        assert [phone.ipa for phone in phones if phone.ipa] == ["m", "aː", "m", "aː"]


@needs_espeak
def test_an_unknown_voice_is_refused(espeak):
    with pytest.raises(ValueError, match="no voice"):
        espeak.say("hello", "xx-nowhere")


@needs_flite
def test_flite_reports_phones_that_cover_its_speech():
    samples, phones = flite_say("My blue map", "slt", stretch=1.2)
    assert [phone.ipa for phone in phones if phone.ipa] == ["m", "aɪ", "b", "l", "u", "m", "æ", "p"]
    assert abs(phones[-1].end_s - len(samples) / 16000) < 0.05


def test_nothing_held_out_is_trained_on():
    assert HELD_OUT == HELD_OUT_LANGUAGES
    for part in recipe():
        if part.split == "train":
            base = part.language.split("-")[0]
            assert base not in {language.split("-")[0] for language in HELD_OUT}, part
            assert part.language not in HELD_OUT
    names = [part.name for part in recipe()]
    assert len(names) == len(set(names))
    languages = {part.language for part in recipe() if part.split == "train" and part.engine == "espeak-ng"}
    assert len(languages) >= 30


@needs_espeak
def test_a_part_is_made_once_and_read_back(tmp_path):
    part = replace(next(part for part in recipe() if part.name == "espeak-nl"), seconds=3.0)
    (held,) = make_parts(tmp_path, [part], None)
    assert held_parts(tmp_path) == [held]
    assert held == replace(part, seconds=held.seconds)
    stored = next((tmp_path / "speech").glob("*.npz"))
    changed = stored.stat().st_mtime_ns
    utterances = load_part(tmp_path, part)
    assert sum(len(utterance.samples) for utterance in utterances) / 16000 == pytest.approx(held.seconds)
    assert 3.0 <= held.seconds < 20
    assert all(utterance.phones for utterance in utterances)
    make_parts(tmp_path, [part], None)
    assert stored.stat().st_mtime_ns == changed


@needs_espeak
def test_a_part_is_made_anew_when_its_recipe_changed(tmp_path, monkeypatch):
    part = replace(next(part for part in recipe() if part.name == "espeak-nl"), seconds=3.0)
    (held,) = make_parts(tmp_path, [part], None)
    stored = next((tmp_path / "speech").glob("*.npz"))
    first = stored.stat().st_mtime_ns
    (longer,) = make_parts(tmp_path, [replace(part, seconds=8.0)], None)
    assert longer.seconds > held.seconds
    monkeypatch.setitem(render.RENDERING, "espeak-ng", -1)
    second = stored.stat().st_mtime_ns
    make_parts(tmp_path, [replace(part, seconds=8.0)], None)
    assert first < second < stored.stat().st_mtime_ns


@needs_espeak
def test_a_run_that_is_killed_leaves_no_half_of_a_part(tmp_path, monkeypatch):
    part = replace(next(part for part in recipe() if part.name == "espeak-nl"), seconds=3.0)

    def killed(*arguments, **arrays):
        arguments[0].write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(np, "savez", killed)
        make_parts(tmp_path, [part], None)
    (held,) = make_parts(tmp_path, [part], None)
    assert load_part(tmp_path, held)


def test_speech_of_the_vocal_tract_keeps_its_lips(tmp_path, monkeypatch):
    pytest.importorskip("vocaltractlab_cython")
    monkeypatch.setattr("liplab.speech.vocaltract.SYLLABLES", (2, 3))
    part = replace(next(part for part in recipe() if part.engine == "vocaltract"), seconds=0.5)
    (held,) = make_parts(tmp_path, [part], None)
    for utterance in load_part(tmp_path, held):
        assert utterance.lips.shape[1] == 5
        assert abs(len(utterance.lips) / LIPS_HZ - len(utterance.samples) / 16000) < 0.1
        known = ~np.isnan(utterance.lips[:, 0])
        assert known.any() and not known.all()


def test_recordings_that_are_not_there_are_left_out(tmp_path):
    part = next(part for part in recipe() if part.engine == "recording")
    assert make_parts(tmp_path, [part], None) == []


def test_a_corpus_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LipwrightError, match="liplab corpus"):
        held_parts(tmp_path)
