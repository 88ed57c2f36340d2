"""Which lip model is in use: the user's own if it is whole and fits, else the shipped one, with a warning."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

from lipwright.doctor.installation import models
from lipwright.lips import chosen
from lipwright.lips.chosen import IN_USE, MADE_FROM, MODEL_NAME, chosen_model, shipped_model
from lipwright.lips.model import LipModel


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An improved model in a home of its own, and in use: a copy of the shipped one that says so."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv(chosen.VARIABLE)
    path = chosen.models_folder() / "0001" / MODEL_NAME
    path.parent.mkdir(parents=True)
    shutil.copy(shipped_model(), path)
    facts = json.loads(shipped_model().with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(facts | {MADE_FROM: facts["sha256"]}))
    (path.parent.parent / IN_USE).write_text("0001\n")
    return path


def test_ones_own_model_is_used_and_doctor_says_so(own: Path) -> None:
    assert chosen_model() == own
    assert MADE_FROM in LipModel.load().metadata
    assert str(own) in models()


def test_the_environment_has_the_last_word(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chosen.VARIABLE, chosen.SHIPPED)
    assert chosen_model() == shipped_model() and "the shipped one" in models()
    monkeypatch.setenv(chosen.VARIABLE, str(own.with_name("mine.tflite")))
    assert chosen_model() == own.with_name("mine.tflite")


@pytest.mark.parametrize("what", ["model", "metadata", "other", "gone", "no text"])
def test_a_model_that_cannot_be_used_gives_way_to_the_shipped_one(
    what: str, own: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if what == "model":
        own.write_bytes(own.read_bytes()[:1000])
    elif what == "metadata":
        own.with_suffix(".json").write_text("{")
    elif what == "gone":
        shutil.rmtree(own.parent)
    elif what == "no text":
        (own.parent.parent / IN_USE).write_bytes(b"\xff\xfe")
    else:
        facts = json.loads(own.with_suffix(".json").read_text()) | {MADE_FROM: "of another release"}
        own.with_suffix(".json").write_text(json.dumps(facts))
    with caplog.at_level(logging.WARNING):
        assert chosen_model() == shipped_model()
    assert ("The shipped lip model is used" in caplog.text) is (what != "no text")
    LipModel.load()
