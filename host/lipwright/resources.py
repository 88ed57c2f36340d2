"""Where the files that ship with Lipwright lie, from a clone as from an installed wheel."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from lipwright.errors import LipwrightError

FIRMWARE_PACKAGE = "lipwright_firmware"  # the repository's mcu/
MODELS_PACKAGE = "lipwright_models"  # the repository's models/
SHIPPED_CLIP = "sentence.flac"


def firmware_dir() -> Path:
    """Folder of the MicroPython files as they lie on a board."""
    return _folder(FIRMWARE_PACKAGE)


def models_dir() -> Path:
    """Folder of the shipped models, the reference head's profile and the shipped sentence."""
    return _folder(MODELS_PACKAGE)


def is_shipped(path: Path) -> bool:
    """Whether a file is one of those in `models_dir`, which stay as they are."""
    return path.resolve().parent == models_dir().resolve()


def shipped_clip() -> Path:
    """The sentence that the head speaks when no sound is given."""
    return models_dir() / SHIPPED_CLIP


def _folder(package: str) -> Path:
    # These folders hold no __init__.py (the firmware's goes onto a board as it lies). importlib.resources
    # reads such a package from a wheel, but not from an editable install, whose search path has a placeholder
    # in it; the import system's own search path serves both.
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place)
        if folder.is_dir():
            return folder
    raise LipwrightError(
        f"The files of {package} are missing from this installation; install Lipwright again with "
        "pip install --force-reinstall lipwright."
    )
