"""The card that ships is the one that the shipped figures make, and it tells of the model that ships."""

import json
import shutil

import pytest

from liplab.lips.card import write_card
from lipwright import resources
from lipwright.errors import LipwrightError
from lipwright.lips.model import MODEL_NAME


@pytest.fixture
def model(tmp_path):
    path = resources.models_dir() / MODEL_NAME
    shutil.copy(path.with_suffix(".json"), tmp_path)
    return tmp_path / MODEL_NAME


def report():
    return json.loads((resources.models_dir() / "lip_model_scores.json").read_text(encoding="utf-8"))


def test_the_shipped_card_is_made_of_the_shipped_figures(model):
    shipped = (resources.models_dir() / "lip_model.md").read_text(encoding="utf-8")
    _, heading, limits = shipped.partition("## Limits")
    write_card(model, report(), heading + limits)
    card = model.with_suffix(".md").read_text(encoding="utf-8")
    assert card == shipped
    assert report()["model"]["sha256"] in card
    assert "| de-human |" in card
    assert "{" not in card


def test_the_figures_of_another_model_are_refused(model):
    other = report()
    other["model"]["sha256"] = "0" * 64
    with pytest.raises(LipwrightError, match="--card"):
        write_card(model, other, "")
