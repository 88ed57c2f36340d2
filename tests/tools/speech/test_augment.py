"""Augmented speech: other sound, the same phones where they now sound."""

import numpy as np
import pytest

from liplab.scores import Phone
from liplab.speech.augment import STREAM_S, clean_stream, join, streams
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
        assert stream.features.shape == (len(stream.articulation), 160)
        assert np.all(np.isfinite(stream.features))
        assert stream.features.min() >= SILENCE - 0.01
        assert len(stream.features) < 2 * STREAM_S * 50
    closed = sum(
        int(np.sum(np.diff((stream.articulation[:, 0] < -0.03).astype(int)) == 1)) for stream in made
    )
    assert closed == 8


def test_targets_stand_at_the_time_of_their_sound():
    stream = clean_stream(beep(at_s=0.6))
    closed = np.flatnonzero(stream.articulation[:, 0] < -0.05)
    assert closed[0] * 0.02 == pytest.approx(0.59, abs=0.025)
    loud = np.flatnonzero(stream.features.astype(np.float32).max(axis=1) > -2)
    assert loud[0] == 0.6 / 0.02
