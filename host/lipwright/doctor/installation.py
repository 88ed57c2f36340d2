"""Is Lipwright itself whole, and what of its extras is there?"""

from __future__ import annotations

import platform
import shutil
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from lipwright.doctor.findings import Note, NotHere
from lipwright.errors import LipwrightError

PYTHONS = ((3, 10), (3, 13))  # from and to, as in pyproject.toml
AGAIN = "install Lipwright again: pip install --force-reinstall lipwright."


def models() -> str:
    """Do both models load and take a step?"""
    try:
        import numpy as np

        from lipwright import tflite
        from lipwright.face.model import FaceModel
        from lipwright.face.profile import load_profile
        from lipwright.lips.chosen import chosen_model, described
        from lipwright.lips.model import LipModel
    except ImportError as error:
        raise LipwrightError(f"{error}; {AGAIN}") from None
    path = chosen_model()
    lips, face = LipModel.load(path), FaceModel.load(load_profile())
    frame = lips.step(np.zeros((2, 80), np.float32), lips.initial_state())
    face.step(frame.code, face.initial_state())
    return f"the lip model ({described(path)}) and the face model run on {tflite.runtime()}"


def profile(path: str | None) -> str:
    """Can the head profile be used?"""
    from lipwright.face.profile import load_profile

    loaded = load_profile(path)
    return f"{loaded.name}, {len(loaded.channels)} servos"


def firmware() -> str:
    """Are the firmware's files here?"""
    from lipwright.resources import firmware_dir

    return str(firmware_dir())


def python() -> str:
    """Is this a Python that Lipwright runs on, in an environment of its own?"""
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        raise LipwrightError(
            f"Python {platform.python_version()}: Lipwright needs 3.{PYTHONS[0][1]} to 3.{PYTHONS[1][1]};"
            " make the virtual environment with one of these."
        )
    bits = 64 if sys.maxsize > 2**32 else 32
    if bits == 32:
        raise LipwrightError(
            "this is a 32-bit system, for which there is no runtime of the models: install the 64-bit"
            " Raspberry Pi OS."
        )
    if sys.prefix == sys.base_prefix:
        raise Note(
            f"{sys.executable} is the system's Python: a virtual environment keeps its packages apart from"
            " those of the system: python3 -m venv ~/head."
        )
    return f"{platform.python_version()} in {sys.prefix}"


def wheels_fit() -> str:
    """Is numpy the one that the runtime was built against?"""
    if find_spec("tflite_runtime") is None:
        raise NotHere
    import numpy as np

    if int(np.__version__.partition(".")[0]) > 1:
        raise LipwrightError(
            f"numpy {np.__version__} is too new for tflite-runtime: pip install 'numpy>=1.26,<2'."
        )
    return f"{np.__version__}, as tflite-runtime needs it"


def voices() -> str:
    """Is there an engine that turns text into sound?"""
    found = [name for name in ("piper", "espeak-ng") if shutil.which(name)]
    found += ["piper"] if "piper" not in found and find_spec("piper") else []
    if not found:
        raise Note("none, so the head speaks sound but no text: sudo apt install espeak-ng.")
    return ", ".join(found)


def simulation() -> str:
    """Is the simulated head here?"""
    missing = [name for name in ("mujoco", "OpenGL", "matplotlib", "av") if find_spec(name) is None]
    if missing or not entry_points(group="lipwright.boards", name="sim"):
        raise Note("not installed; pip install 'lipwright[sim]'.")
    return f"{Path(sys.executable)} -m lipwright say --sim"
