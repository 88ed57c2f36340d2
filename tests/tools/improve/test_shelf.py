"""Improved models are whole or not there, the one before stays, and one word goes back to it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from liplab.cli import main
from liplab.improve import shelf
from lipwright.errors import LipwrightError
from lipwright.lips import chosen
from lipwright.lips.chosen import MADE_FROM, MODEL_NAME, chosen_model, shipped_model
from lipwright.lips.model import LipModel


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv(chosen.VARIABLE)
    return tmp_path / "lipwright" / "models"


def installed() -> Path:
    """Puts a copy of the shipped model into use, as if it were improved."""
    folder = shelf.new_folder()
    for suffix in (".tflite", ".json"):
        shutil.copy(shipped_model().with_suffix(suffix), folder)
    (folder / shelf.WEIGHTS_NAME).write_bytes(shipped_model().with_name(shelf.WEIGHTS_NAME).read_bytes())
    path = folder / "lip_model.json"
    facts = shelf.shipped_facts()
    facts |= {MADE_FROM: facts["sha256"], shelf.BEFORE: shelf.name_in_use(shelf.model_in_use())}
    path.write_text(json.dumps(facts))
    return shelf.install(folder)


def test_the_shipped_model_is_in_use_until_another_is_installed(home: Path) -> None:
    assert chosen_model() == shelf.model_in_use() == shipped_model()
    with pytest.raises(LipwrightError, match="nothing to go back to"):
        shelf.back()
    path = installed()
    assert path == home / "0001" / MODEL_NAME == chosen_model() == shelf.model_in_use()
    assert home.stat().st_mode & 0o077 == 0
    assert LipModel.load().metadata[MADE_FROM] == LipModel.load(shipped_model()).metadata["sha256"]


def test_one_goes_back_model_by_model(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = installed(), installed()
    assert chosen_model() == second
    assert main(["improve", "back"]) == 0
    assert str(first) in capsys.readouterr().out and chosen_model() == first
    assert main(["improve", "back", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == str(shipped_model()) == str(chosen_model())
    assert main(["improve", "back"]) == 2
    third = installed()
    assert chosen_model() == third and json.loads(third.with_suffix(".json").read_text())[shelf.BEFORE] == ""


def test_old_models_do_not_pile_up(home: Path) -> None:
    for _ in range(shelf.KEPT + 3):
        last = installed()
    folders = sorted(place.name for place in home.iterdir() if place.is_dir())
    assert folders[-1] == last.parent.name and len(folders) == shelf.KEPT + 1


def test_an_improvement_begins_from_the_shipped_model_where_ones_own_cannot_be_used() -> None:
    path = installed()
    weights = path.with_name(shelf.WEIGHTS_NAME)
    kept = weights.read_bytes()
    weights.write_bytes(kept[:1000])
    assert shelf.model_in_use() == shipped_model() and chosen_model() == path
    weights.write_bytes(kept)
    assert shelf.model_in_use() == path
    path.write_bytes(path.read_bytes()[:1000])
    assert shelf.model_in_use() == shipped_model() == chosen_model()


def test_a_run_that_was_killed_leaves_the_model_in_use(home: Path) -> None:
    path = installed()
    shelf.new_folder()  # and nothing more
    (home / "0002").mkdir()  # moved to its place, and killed before it was put into use
    assert chosen_model() == path
    assert installed().parent.name == "0003"
    assert not list(home.glob(".part-*"))
