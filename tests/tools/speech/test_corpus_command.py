"""`liplab corpus` and `liplab train` as a user meets them: sources, licences, what is missing."""

import shutil
from dataclasses import replace

import pytest

from liplab.cli import main
from liplab.speech.command import missing_packages
from liplab.speech.corpus import recipe


def test_every_source_is_listed_with_its_licence(capsys):
    assert main(["corpus", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(recipe())
    assert all(part.licence for part in recipe())
    assert any(
        line.startswith("train") and "kathleen" in line and "CC0" in line and "github.com" in line
        for line in lines
    )


def test_missing_engines_are_named_by_their_packages(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    monkeypatch.setattr("liplab.speech.command.FESTIVAL_VOICES", tmp_path)
    missing = missing_packages(recipe())
    assert missing[:3] == ["espeak-ng", "flite", "festival"]
    assert "festvox-czech-dita" in missing
    assert main(["corpus", "--corpus", str(tmp_path)]) == 2
    assert "sudo apt install espeak-ng flite festival" in capsys.readouterr().err


def test_voices_that_only_measure_may_be_missing(monkeypatch, capsys, tmp_path):
    spoken = next(part for part in recipe() if part.name == "espeak-nl")
    measuring = next(part for part in recipe() if part.name == "mbrola-de2")
    made = []
    monkeypatch.setattr("liplab.speech.command.recipe", lambda: [spoken, measuring])
    monkeypatch.setattr("liplab.speech.command.make_parts", lambda _, parts, *__: made.extend(parts) or [])
    monkeypatch.setattr("liplab.speech.command.make_streams", lambda folder, parts, crew: None)
    monkeypatch.setattr(shutil, "which", lambda program: program if program == "espeak-ng" else None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr("liplab.speech.vocaltract.engine", lambda: None)
    assert main(["corpus", "--corpus", str(tmp_path)]) == 0
    assert made == [spoken]
    told = capsys.readouterr()
    assert "mbrola-de2" in told.out + told.err
    assert "contrib and non-free" in told.out + told.err
    monkeypatch.setattr("liplab.speech.command.recipe", lambda: [spoken, replace(measuring, split="train")])
    assert main(["corpus", "--corpus", str(tmp_path)]) == 2


def test_a_folder_of_recordings_that_is_not_there_is_refused(capsys, tmp_path):
    assert main(["corpus", "--corpus", str(tmp_path), "--recordings", str(tmp_path / "none")]) == 2
    assert "none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "liplab corpus"),
        (["--steps", "0"], "at least 40 steps"),
        (["-o", "model.onnx"], "must end in .tflite"),
        (["-o", "nowhere/model.tflite"], "a folder that exists"),
    ],
)
def test_training_that_cannot_start_says_why(capsys, tmp_path, arguments, sentence):
    assert main(["train", "--corpus", str(tmp_path), *arguments]) == 2
    assert sentence in capsys.readouterr().err
