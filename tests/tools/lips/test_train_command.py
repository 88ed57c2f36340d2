"""`liplab train` from end to end on a minute of speech: all files are there, a second run changes none."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from liplab.cli import main
from liplab.lips import train
from liplab.lips.dataset import make_streams
from liplab.speech.corpus import make_parts, recipe
from lipwright.lips.model import LipModel

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")


def test_a_short_training_leaves_a_model_that_runs_with_its_curve_and_golden_data(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "CHECKPOINTS", 2)  # pictures take longer than these steps
    parts = {part.name: part for part in recipe()}
    corpus = tmp_path / "corpus"
    held = make_parts(
        corpus, [replace(parts["espeak-nl"], seconds=50), replace(parts["espeak-it"], seconds=12)], None
    )
    make_streams(corpus, held)
    output = tmp_path / "lip_model.tflite"
    arguments = ["train", "--corpus", str(corpus), "--steps", "40", "--crops", "2", "-o", str(output)]
    codes = tmp_path / "codes.npz"
    assert main([*arguments, "--codes", str(codes)]) == 0
    model = LipModel.load(output)
    assert model.metadata["training"]["steps"] == 40
    assert [source["name"] for source in model.metadata["training"]["sources"]] == ["espeak-nl"]
    assert (tmp_path / "lip_model_curve.png").exists()
    assert (tmp_path / "lip_model_golden.npz").exists()
    assert (tmp_path / "lip_model_weights.npz").exists()
    assert codes.exists()
    written = output.read_bytes()
    assert main(arguments) == 0
    assert output.read_bytes() == written
    onward = tmp_path / "onward.tflite"
    weights = tmp_path / "lip_model_weights.npz"
    assert main([*arguments[:-1], str(onward), "--from", str(weights)]) == 0
    assert LipModel.load(onward).metadata["training"]["steps_before"] == 40
    name = "trunk.entry.weight"
    went_on = np.load(tmp_path / "onward_weights.npz")[name]
    assert main([*arguments[:-1], str(onward), "--from", str(weights), "--keep", "0.75"]) == 0
    began, halfway = np.load(weights)[name], np.load(tmp_path / "onward_weights.npz")[name]
    assert np.allclose(halfway, 0.75 * began + 0.25 * went_on, atol=1e-6)
    assert not np.allclose(began, went_on, atol=1e-4)
    assert main([*arguments[:-1], str(onward), "--keep", "0.5"]) == 2
    assert main([*arguments[:-1], str(onward), "--from", str(codes)]) == 2
