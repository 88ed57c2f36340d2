"""The models that ship, one after the other, on the simulated head: what is asked, the lips do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from liplab.discover.asked import Asked, Asker
from liplab.discover.discovery import speak
from liplab.discover.judge import Looking, Scores, score
from liplab.discover.simulated_set import SimulatedSet
from liplab.eyes.frame import FaceFrame
from lipwright.audio.decode import open_sound
from lipwright.audio.features import StreamingLogMel
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.lips.model import LipModel
from lipwright.resources import models_dir, shipped_clip

PROFILES = [path.name for path in sorted(models_dir().glob("*.toml"))]
UNUSED = Looking(FaceFrame(np.zeros((3, 2)), np.zeros(2), 0.0, 1.0), 63.0, 0.0)  # no camera looks


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    """Codes that the shipped lip model hears in the shipped sentence."""
    lips, features = LipModel.load(), StreamingLogMel()
    state = lips.initial_state()
    blocks = open_sound(shipped_clip()).blocks(16000)
    return np.array([lips.step(step, state).code for block in blocks for step in features.push(block)])


@pytest.fixture(scope="module", params=PROFILES)
def profile(request: pytest.FixtureRequest) -> HeadProfile:
    return load_profile(models_dir() / request.param)


@pytest.fixture(scope="module")
def asked(profile: HeadProfile, codes: np.ndarray) -> Asked:
    return Asker(profile.articulation.aperture_mm).ask(codes)


@pytest.fixture(scope="module")
def scores(profile: HeadProfile, asked: Asked) -> Iterator[Scores]:
    stage = SimulatedSet(profile, "dots")
    try:
        targets = speak(FaceModel.load(profile), profile, asked.codes)
        yield score([stage.performed(targets, asked, UNUSED)], profile.articulation.aperture_mm, True)
    finally:
        stage.close()


def test_lips_open_and_close_as_asked(scores: Scores) -> None:
    assert scores.aperture_r is not None and scores.aperture_r >= 0.93
    assert scores.closure_rate is None or scores.closure_rate >= 0.9


def test_lips_are_not_late_and_lead_only_a_little(scores: Scores) -> None:
    assert scores.offset_ms is not None and -40 <= scores.offset_ms <= 10


def test_the_reference_heads_lips_are_where_they_were_asked(profile: HeadProfile, scores: Scores) -> None:
    if len(profile.indices("mouth")) < 11:
        pytest.skip("fewer servos cannot make every shape")
    assert scores.front_mm <= 1.0
    assert scores.depth_mm is not None and scores.depth_mm <= 1.8


def test_speech_keeps_within_the_servos_speed(profile: HeadProfile, asked: Asked) -> None:
    mouth = profile.indices("mouth")
    targets = speak(FaceModel.load(profile), profile, asked.codes)[:, mouth]
    speeds = np.array([profile.channels[k].speed for k in mouth])
    moved = np.abs(np.diff(targets, axis=0)) / 0.02
    assert np.percentile(moved / speeds, 99) < 1.0


def test_the_model_was_taught_for_the_lead_of_its_profile(profile: HeadProfile) -> None:
    assert FaceModel.load(profile).metadata["lead_ms"] == profile.lead_ms
