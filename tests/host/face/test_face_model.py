"""The face model's runtime: streams, state, and what it says when files do not fit."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.resources import models_dir

MOUTH = 11


@pytest.fixture(scope="module")
def profile() -> HeadProfile:
    return load_profile()


@pytest.fixture(scope="module")
def model(profile: HeadProfile) -> FaceModel:
    return FaceModel.load(profile)


def codes(seed: int, steps: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1.5, (steps, 8)).astype(np.float32)


def run(model: FaceModel, stream: np.ndarray) -> np.ndarray:
    state = model.initial_state()
    return np.array([model.step(code, state) for code in stream])


def test_targets_are_for_the_mouth_and_in_range(model: FaceModel) -> None:
    targets = run(model, 4 * codes(0))
    assert targets.shape == (60, MOUTH) and targets.dtype == np.float32
    assert targets.min() >= 0 and targets.max() <= 1


def test_look_ahead_is_a_whole_number_of_steps_and_below_a_tenth_of_a_second(model: FaceModel) -> None:
    assert model.step_ms == 20
    assert model.lookahead_ms % model.step_ms == 0
    assert 0 <= model.lookahead_ms <= 100


def test_the_same_codes_give_the_same_targets(model: FaceModel) -> None:
    assert run(model, codes(1)).tobytes() == run(model, codes(1)).tobytes()


def test_two_streams_do_not_disturb_each_other(model: FaceModel) -> None:
    first, second = codes(2), codes(3)
    alone = run(model, first)
    one, other = model.initial_state(), model.initial_state()
    mixed = []
    for a, b in zip(first, second, strict=True):
        mixed.append(model.step(a, one))
        model.step(b, other)
    assert np.array(mixed).tobytes() == alone.tobytes()


def test_targets_remember_what_came_before(model: FaceModel) -> None:
    calm, wild = np.tile(codes(4)[:1], (20, 1)), codes(5, 20)
    after = codes(6, 3)
    assert not np.array_equal(
        run(model, np.concatenate([calm, after]))[-1], run(model, np.concatenate([wild, after]))[-1]
    )


def test_silence_keeps_the_mouth_near_rest_and_closed(model: FaceModel, profile: HeadProfile) -> None:
    rest_code = np.asarray(model.metadata["rest_code"], np.float32)
    targets = run(model, np.tile(rest_code, (100, 1)))
    assert np.abs(targets[50:] - profile.rest_targets()[:MOUTH]).max() < 0.2
    assert np.abs(np.diff(targets[50:], axis=0)).max() < 0.02


def copied(folder: Path) -> Path:
    """A profile with its model beside it, to be spoilt."""
    for file in models_dir().glob("face_model_reference.*"):
        shutil.copy(file, folder / file.name)
    shutil.copy(models_dir() / "reference_head.toml", folder / "head.toml")
    return folder / "head.toml"


def test_a_model_beside_the_profile_comes_first(tmp_path: Path, profile: HeadProfile) -> None:
    mine = load_profile(copied(tmp_path))
    metadata_path = tmp_path / "face_model_reference.json"
    metadata = json.loads(metadata_path.read_text())
    metadata_path.write_text(json.dumps(metadata | {"seed": 4711}))
    assert FaceModel.load(mine).metadata["seed"] == 4711
    assert FaceModel.load(profile).metadata.get("seed") != 4711


def test_a_missing_model_is_named(profile: HeadProfile) -> None:
    with pytest.raises(LipwrightError, match=r"nobody\.tflite"):
        FaceModel.load(replace(profile, face_model="nobody.tflite"))


def test_missing_broken_and_foreign_metadata_are_refused(tmp_path: Path) -> None:
    mine = load_profile(copied(tmp_path))
    metadata_path = tmp_path / "face_model_reference.json"
    whole = metadata_path.read_text()
    metadata_path.write_text("{")
    with pytest.raises(LipwrightError, match="not the metadata"):
        FaceModel.load(mine)
    metadata_path.write_text(json.dumps(json.loads(whole) | {"format": 99}))
    with pytest.raises(LipwrightError, match="another version"):
        FaceModel.load(mine)
    metadata_path.write_text(json.dumps(json.loads(whole) | {"sha256": "0" * 64}))
    with pytest.raises(LipwrightError, match="copy both again"):
        FaceModel.load(mine)
    metadata_path.unlink()
    with pytest.raises(LipwrightError, match="missing"):
        FaceModel.load(mine)


def test_a_model_of_another_head_is_refused(profile: HeadProfile) -> None:
    jawless = replace(profile, channels=profile.channels[1:])
    with pytest.raises(LipwrightError, match="moves jaw, which"):
        FaceModel.load(jawless)


def test_a_model_finds_its_channels_wherever_the_profile_has_them(profile: HeadProfile) -> None:
    turned = replace(profile, channels=profile.channels[::-1])
    places = FaceModel.load(turned).places(turned)
    assert [turned.channels[place].name for place in places] == [c.name for c in profile.channels[:11]]
