"""Which lip model is in use: one that was improved for this user, or the one that ships.

`liplab improve` puts improved models into the user's data folder. One is taken only if it is whole and was
made from the lip model that ships now: the face models understand that one's lip code.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from lipwright import resources, tflite
from lipwright.errors import LipwrightError

log = logging.getLogger("lipwright")

MODEL_NAME = "lip_model.tflite"
# The environment's word: SHIPPED, or the path of a .tflite; without it the user's own is taken.
VARIABLE, SHIPPED = "LIPWRIGHT_LIP_MODEL", "shipped"
IN_USE = "in_use"  # a file in the folder of models: which of them; empty: the shipped one
MADE_FROM = "made_from"  # in an improved model's metadata: hash of the shipped model that it was made from


def shipped_model() -> Path:
    """The lip model that ships."""
    return resources.models_dir() / MODEL_NAME


def models_folder() -> Path:
    """Where this user's improved models lie: XDG_DATA_HOME (or ~/.local/share) /lipwright/models."""
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(home).expanduser() / "lipwright" / "models"


def improved_model() -> Path | None:
    """The improved model that is in use, whole or not; None: there is none."""
    try:
        folder = models_folder()
        name = (folder / IN_USE).read_text(encoding="utf-8").strip()
    except (OSError, ValueError, RuntimeError):  # no such file, no text, no home
        return None
    return folder / name / MODEL_NAME if name else None


def check_improved(path: Path) -> None:
    """Raises LipwrightError where an improved model is damaged or was made from another shipped model."""
    try:
        metadata = tflite.read_model(path)[1]
    except OSError as error:
        raise LipwrightError(f"{path} cannot be read: {error.strerror}.") from None
    if metadata.get(MADE_FROM) != tflite.read_model(shipped_model())[1]["sha256"]:
        raise LipwrightError(f"{path} was made from another lip model than the one that ships now.")


def chosen_model() -> Path:
    """The lip model to load. Warns where an improved one cannot be used, and takes the shipped one then."""
    choice = os.environ.get(VARIABLE, "")
    if choice == SHIPPED:
        return shipped_model()
    if choice:
        return Path(choice)
    path = improved_model()
    if path is None:
        return shipped_model()
    try:
        check_improved(path)
    except LipwrightError as error:
        log.warning("%s The shipped lip model is used. To improve it again: liplab improve.", error)
        return shipped_model()
    return path


def described(path: Path) -> str:
    """A model in words, for people."""
    return "the shipped one" if path == shipped_model() else str(path)
