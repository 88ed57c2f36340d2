"""A learned face becomes files that the runtime loads, and a profile that names them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from liplab.discover.asked import Asker
from liplab.discover.discovery import speak
from liplab.discover.package import (
    CALIBRATION_STEPS,
    MODEL,
    install,
    quantization,
    with_face_model,
    write_face_model,
)
from liplab.discover.transformer import FacialActionTransformer
from lipwright import tflite
from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.resources import models_dir


def network_for(profile: HeadProfile) -> FacialActionTransformer:
    """A face that moves every motor a good deal, if to no purpose."""
    torch.manual_seed(3)
    rest = profile.rest_targets()[profile.indices("mouth")]
    network = FacialActionTransformer(len(rest))
    with torch.no_grad():
        network.out.weight *= 3
        network.out.bias.copy_(torch.from_numpy(0.5 + 0 * rest))
    return network.eval()


@pytest.fixture(scope="module")
def asker() -> Asker:
    return Asker(20.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, asker: Asker, six_servos: HeadProfile) -> Path:
    """A folder with a model for the six-servo mouth."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("face")
    training = asker.streams()[0]
    write_face_model(
        network_for(six_servos), six_servos, training, asker.rest_code, folder / MODEL, {"seed": 4}
    )
    return folder


def test_the_int8_model_speaks_as_the_float_network_does(
    folder: Path, asker: Asker, six_servos: HeadProfile
) -> None:
    model = FaceModel(*tflite.read_model(folder / MODEL))
    codes = np.concatenate([stream.codes for stream in asker.streams()[1][:2]])
    targets = speak(model, six_servos, codes)
    assert targets.shape == (len(codes), 6) and targets.min() >= 0 and targets.max() <= 1
    assert np.ptp(targets, axis=0).max() > 0.1
    snr, difference = quantization(
        network_for(six_servos), codes, asker.rest_code, six_servos.rest_targets(), targets
    )
    assert snr > 20 and difference < 0.03
    other, wrong = quantization(
        network_for(six_servos), codes, asker.rest_code, six_servos.rest_targets(), targets[::-1].copy()
    )
    assert other < snr - 5 and wrong > 2 * difference


def test_the_model_knows_its_head_and_its_facts(folder: Path, six_servos: HeadProfile) -> None:
    metadata = json.loads((folder / MODEL).with_suffix(".json").read_text())
    assert metadata["channels"] == [channel.name for channel in six_servos.channels]
    assert (metadata["head"], metadata["seed"], metadata["step_ms"]) == ("Six-servo mouth", 4, 20)
    assert metadata["rest_targets"] == pytest.approx(six_servos.rest_targets(), abs=1e-3)


def test_a_model_that_cannot_be_written_is_told(tmp_path: Path, asker: Asker, skull: HeadProfile) -> None:
    streams = [stream for stream in asker.streams()[0] if len(stream) >= CALIBRATION_STEPS][:1]
    with pytest.raises(LipwrightError, match="cannot be written"):
        write_face_model(network_for(skull), skull, streams, asker.rest_code, tmp_path / "gone" / MODEL, {})


@pytest.mark.parametrize("name", ["reference_head", "six_servo_mouth", "jaw_skull"])
def test_only_the_face_model_changes_in_a_profile(name: str) -> None:
    text = (models_dir() / f"{name}.toml").read_text(encoding="utf-8")
    changed = with_face_model(text, "mine.tflite")
    before, after = text.splitlines(), changed.splitlines()
    differ = [k for k, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    assert len(differ) == 1 and 'face_model = "mine.tflite"' in after[differ[0]]
    assert before[differ[0]].partition("#")[2] == after[differ[0]].partition("#")[2]
    assert with_face_model(changed, "mine.tflite") == changed


def test_a_profile_without_that_line_is_told() -> None:
    with pytest.raises(LipwrightError, match="no line face_model"):
        with_face_model('# face_model = "x"\nname = "Otto"\n', "mine.tflite")


def test_a_makers_profile_names_the_model_and_is_kept_as_it_was_once(
    folder: Path, own_profile: Callable[[str], Path]
) -> None:
    path = own_profile("six_servo_mouth.toml")
    text = path.read_text()
    kept = path.with_name("otto.toml.before")
    for _ in range(2):
        assert install(folder, load_profile(path), own=True) == path
        profile = load_profile(path)
        assert profile.face_model == "face_model_otto.tflite"
        assert FaceModel.load(profile).metadata["seed"] == 4
        assert kept.read_text() == text
    assert path.read_text() == with_face_model(text, "face_model_otto.tflite")
    assert sorted(one.name for one in path.parent.iterdir()) == [
        "face_model_otto.json",
        "face_model_otto.tflite",
        "otto.toml",
        "otto.toml.before",
    ]


def test_a_shipped_profile_stays_and_one_beside_the_model_is_written(
    folder: Path, six_servos: HeadProfile
) -> None:
    before = six_servos.path.read_bytes()
    path = install(folder, six_servos, own=False)
    assert path.parent == folder
    profile = load_profile(path)
    assert profile.channels == six_servos.channels and profile.collisions == six_servos.collisions
    assert FaceModel.load(profile).metadata["seed"] == 4
    assert six_servos.path.read_bytes() == before
    assert not list(folder.glob("*.before"))


def test_without_a_model_nothing_is_installed(tmp_path: Path, own_profile: Callable[[str], Path]) -> None:
    path = own_profile("jaw_skull.toml")
    text = path.read_text()
    with pytest.raises(LipwrightError, match="cannot be installed"):
        install(tmp_path, load_profile(path), own=True)
    assert path.read_text() == text and len(list(path.parent.iterdir())) == 1
