"""The models that ship, one after the other, on the simulated head: what is asked, the lips do."""

from __future__ import annotations

import numpy as np
import pytest

from liplab.face.evaluate import FaceScores, perform_speech, score, speak
from liplab.face.speech import SpeechCodes
from lipwright.audio.decode import open_sound
from lipwright.audio.features import StreamingLogMel
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile
from lipwright.lips.model import LipModel
from lipwright.resources import shipped_clip

PROFILE = load_profile()


@pytest.fixture(scope="module")
def sentence() -> SpeechCodes:
    """Codes and articulation that the shipped lip model hears in the shipped sentence."""
    lips, features = LipModel.load(), StreamingLogMel()
    state = lips.initial_state()
    frames = [
        lips.step(step, state)
        for block in open_sound(shipped_clip()).blocks(16000)
        for step in features.push(block)
    ]
    return SpeechCodes(
        [np.array([frame.code for frame in frames])], [np.array([frame.articulation for frame in frames])]
    )


@pytest.fixture(scope="module")
def scores(sentence: SpeechCodes) -> FaceScores:
    return score(perform_speech(FaceModel.load(PROFILE), PROFILE, sentence, 60.0), PROFILE)


def test_lips_open_and_close_as_asked(scores: FaceScores) -> None:
    assert scores.r["aperture"] >= 0.93
    assert scores.closure_rate >= 0.95 or scores.closures == 0


def test_lips_are_not_late_and_lead_only_a_little(scores: FaceScores) -> None:
    assert -40 <= scores.offset_ms <= 20


def test_speech_keeps_within_the_servos_speed(sentence: SpeechCodes) -> None:
    targets = speak(FaceModel.load(PROFILE), PROFILE, sentence.codes[0])[:, :11]
    speeds = np.array([channel.speed for channel in PROFILE.channels[:11]])
    moved = np.abs(np.diff(targets, axis=0)) / 0.02
    assert np.percentile(moved / speeds, 99) < 1.0


def test_the_model_was_taught_for_the_lead_of_its_profile() -> None:
    assert FaceModel.load(PROFILE).metadata["lead_ms"] == PROFILE.lead_ms
