"""Augmented speech: other sound, the same phones where they now sound."""

import numpy as np
import pytest

from liplab.scores import Phone
from liplab.speech.augment import CODECS, STREAM_S, _coded, clean_stream, join, streams
from liplab.speech.utterance import Utterance
from lipwright.audio.features import SILENCE

RATE = 16000


def beep(length_s=1.0, at_s=0.4, for_s=0.1):
    """Silence with one beep, which is the only phone."""
    time = np.arange(int(length_s * RATE)) / RATE
    inside = (time >= at_s) & (time < at_s + for_s)
    samples = np.where(inside, 0.5 * np.sin(2 * np.pi * 900 * time), 0).astype(np.float32)
    return Utterance(
        samples, [Phone("", 0, at_s), Phone("b", at_s, at_s + for_s), Phone("", at_s + for_s, length_s)]
    )


def test_phones_stay_on_their_sound_through_speeds_and_pauses():
    pieces = join([beep() for _ in range(12)], np.random.default_rng(0))
    assert sum(phone.ipa == "b" for piece in pieces for phone in piece.phones) == 12
    for piece in pieces:
        for phone in piece.phones:
            if phone.ipa:
                start, end = round(phone.start_s * RATE), round(phone.end_s * RATE)
                assert np.sqrt(np.mean(piece.samples[start:end] ** 2)) > 0.2
                assert np.abs(piece.samples[start - 800 : start - 80]).max() < 0.05
                assert np.abs(piece.samples[end + 80 : end + 800]).max() < 0.05


def test_streams_hold_every_closure_and_the_same_seed_gives_the_same_streams():
    utterances = [beep(at_s=0.3 + 0.02 * number) for number in range(8)]
    babble = np.random.default_rng(1).normal(0, 0.1, 20 * RATE).astype(np.float32)
    made = streams(utterances, babble, np.random.default_rng(2))
    again = streams(utterances, babble, np.random.default_rng(2))
    for stream, other in zip(made, again, strict=True):
        np.testing.assert_array_equal(stream.features, other.features)
        assert stream.phones == other.phones
        assert stream.features.shape[1] == 160
        assert np.all(np.isfinite(stream.features))
        assert stream.features.min() >= SILENCE - 0.01
        assert len(stream.features) < 2 * STREAM_S * 50
    assert sum(phone.ipa == "b" for stream in made for phone in stream.phones) == 8


def test_a_stream_keeps_the_times_of_its_phones():
    stream = clean_stream(beep(at_s=0.6))
    assert stream.phones == beep(at_s=0.6).phones
    loud = np.flatnonzero(stream.features.astype(np.float32).max(axis=1) > -2)
    assert loud[0] == 0.6 / 0.02


@pytest.mark.parametrize("codec", CODECS)
def test_codecs_do_not_shift_the_sound(codec, monkeypatch):
    monkeypatch.setattr("liplab.speech.augment.CODECS", (codec,))
    samples = beep(length_s=2.0, at_s=0.8).samples
    coded = _coded(samples, np.random.default_rng(0))
    assert len(coded) == len(samples)
    lags = np.arange(-200, 201)
    fits = [np.dot(samples[300:-300], coded[300 + lag : len(coded) - 300 + lag]) for lag in lags]
    assert abs(lags[int(np.argmax(fits))]) <= 8
    assert not np.array_equal(coded, samples)


def test_streams_without_speech_have_no_phones_and_are_among_the_others(monkeypatch):
    monkeypatch.setattr("liplab.speech.augment.SILENT_SHARE", 0.6)
    made = streams(
        [beep() for _ in range(100)],
        np.random.default_rng(1).normal(0, 0.1, 20 * RATE).astype(np.float32),
        np.random.default_rng(3),
    )
    silent = [stream for stream in made if not any(phone.ipa for phone in stream.phones)]
    assert 0 < len(silent) < len(made)
    assert any(stream.features.max() > SILENCE + 3 for stream in silent)  # noise, not digital silence alone


def test_measured_lips_stay_on_their_sound():
    measured = np.full((100, 5), np.nan, np.float32)
    measured[40:50] = 0.25  # while it beeps
    pieces = join([beep()._replace(lips=measured) for _ in range(6)], np.random.default_rng(0))
    stream = clean_stream(pieces[0])
    known = np.flatnonzero(~np.isnan(stream.lips[:, 0])) * 0.02
    beeps = [phone for phone in stream.phones if phone.ipa]
    assert len(known) > 5 * len(beeps) * 0.8
    for moment in known:
        assert min(max(phone.start_s - moment, moment - phone.end_s) for phone in beeps) < 0.012
