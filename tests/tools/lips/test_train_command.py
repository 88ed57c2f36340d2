"""`liplab train` from end to end on a minute of speech: all files are there, a second run changes none."""

import json
import shutil
from dataclasses import replace

import pytest

from liplab.cli import main
from liplab.lips.dataset import make_streams
from liplab.speech.corpus import make_parts, recipe
from lipwright.lips.model import LipModel

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")


def test_a_short_training_leaves_a_model_with_its_card(tmp_path):
    parts = {part.name: part for part in recipe()}
    corpus = tmp_path / "corpus"
    held = make_parts(
        corpus, [replace(parts["espeak-nl"], seconds=50), replace(parts["espeak-it"], seconds=12)], None
    )
    make_streams(corpus, held)
    output = tmp_path / "lip_model.tflite"
    arguments = ["train", "--corpus", str(corpus), "--steps", "40", "-o", str(output)]
    codes = tmp_path / "codes.npz"
    assert main([*arguments, "--codes", str(codes)]) == 0
    model = LipModel.load(output)
    assert model.metadata["training"]["steps"] == 40
    card = output.with_suffix(".md").read_text()
    assert model.metadata["sha256"] in card
    assert "espeak-it | held_out" in card
    assert "{" not in card
    scores = json.loads((tmp_path / "lip_model_scores.json").read_text())
    assert scores["quantization"]["code_snr_db"] > 15
    assert (tmp_path / "lip_model_curve.png").exists()
    assert codes.exists()
    written = output.read_bytes()
    assert main(arguments) == 0
    assert output.read_bytes() == written
