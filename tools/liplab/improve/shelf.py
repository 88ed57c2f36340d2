"""Improved models on disk: each in a folder of its own, and a line that says which is in use.

A folder is made beside its place and moved there; then the line is replaced. A run that is killed leaves the
model that was in use. `lipwright.lips.chosen` reads what is written here.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from lipwright import resources
from lipwright.errors import LipwrightError
from lipwright.files import write_atomically
from lipwright.lips.chosen import (
    IN_USE,
    MODEL_NAME,
    check_improved,
    improved_model,
    models_folder,
    shipped_model,
)

BEFORE = "before"  # in a model's metadata: the folder of the one in use before it; empty: the shipped one
WEIGHTS_NAME = "lip_model_weights.npz"
KEPT = 3  # models to go back through
PARTIAL = ".part-"
OWN = 0o700  # a model may remember people: for nobody but the owner

Weights = Mapping[str, npt.NDArray[np.float32]]


def model_in_use() -> Path:
    """The model that an improvement begins from: the user's own if it is whole and fits, else the shipped.

    Raises LipwrightError where a shipped file that training needs is missing.
    """
    path = improved_model()
    if path is not None:
        try:
            check_improved(path)
            load_weights(path)
            return path
        except LipwrightError:
            pass
    load_weights(shipped_model())
    return shipped_model()


def load_weights(model: Path) -> Weights:
    """The float weights beside a model. Raises LipwrightError where there are none."""
    path = model.with_name(WEIGHTS_NAME)
    try:
        with np.load(path) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error):
        raise LipwrightError(
            f"{path} is missing or damaged: wheels do not carry what only training needs. Install from a "
            "clone of the repository: pip install -e '.[train,vision]'."
        ) from None


def new_folder() -> Path:
    """A folder to put a new model into, beside the others; `install` moves it to its place."""
    folder = models_folder()
    try:
        folder.mkdir(mode=OWN, parents=True, exist_ok=True)
        for left in folder.glob(PARTIAL + "*"):
            shutil.rmtree(left)
        partial = folder / f"{PARTIAL}{os.getpid()}"
        partial.mkdir(mode=OWN)
    except OSError as error:
        raise LipwrightError(f"cannot write to {folder}: {error.strerror}.") from None
    return partial


def install(partial: Path) -> Path:
    """Puts the model in a folder of `new_folder` into use, and returns where it is now.

    Of the models before it KEPT stay. Raises LipwrightError where the disk cannot be written; the model in
    use stays then.
    """
    folder = models_folder()
    numbers = [int(place.name) for place in folder.iterdir() if place.name.isdigit()]
    place = folder / f"{max(numbers, default=0) + 1:04d}"
    try:
        for path in partial.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        partial.rename(place)
        _use(place.name)
        kept = _back_from(place.name)[:KEPT]
        for other in folder.iterdir():
            if other.name.isdigit() and other.name != place.name and other.name not in kept:
                shutil.rmtree(other)
    except OSError as error:
        raise LipwrightError(f"cannot write to {folder}: {error.strerror}.") from None
    return place / MODEL_NAME


def back() -> Path:
    """Puts the model into use that was in use before, and returns it.

    Raises LipwrightError where the shipped one is in use.
    """
    path = improved_model()
    if path is None:
        raise LipwrightError("The shipped lip model is in use; there is nothing to go back to.")
    before = _back_from(path.parent.name)
    try:
        _use(before[0] if before else "")
    except OSError as error:
        raise LipwrightError(f"cannot write to {models_folder()}: {error.strerror}.") from None
    return improved_model() or shipped_model()


def name_in_use(path: Path) -> str:
    """The name of a model's folder, as it stands in metadata: empty for the shipped one."""
    return "" if path == shipped_model() else path.parent.name


def shipped_facts() -> dict[str, Any]:
    """The metadata of the shipped model."""
    facts: dict[str, Any] = json.loads(
        (resources.models_dir() / MODEL_NAME).with_suffix(".json").read_text(encoding="utf-8")
    )
    return facts


def _use(name: str) -> None:
    write_atomically(models_folder() / IN_USE, (name + "\n").encode())


def _back_from(name: str) -> list[str]:
    """The folders of the models that were in use before one, the latest first, as far as they are there."""
    folder = models_folder()
    found: list[str] = []
    while True:
        try:
            facts = json.loads((folder / name / MODEL_NAME).with_suffix(".json").read_text(encoding="utf-8"))
            name = str(facts[BEFORE])
        except (OSError, ValueError, KeyError, TypeError):
            return found
        if not name or name in found or not (folder / name / MODEL_NAME).is_file():
            return found
        found.append(name)


def drop(partial: Path) -> None:
    """Removes a folder of `new_folder`, unless it was installed."""
    shutil.rmtree(partial, ignore_errors=True)
