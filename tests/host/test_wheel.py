"""The wheel, installed alone in a fresh environment, holds all that a head needs, on each Python of the Pi.

Other Pythons than the one that runs the tests are used where this machine has them.
"""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "host", "protocol", "tools", "mcu", "models")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
STEP = """
import numpy as np
from lipwright import resources
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile
from lipwright.lips.model import LipModel
lips, face = LipModel.load(), FaceModel.load(load_profile())
code = lips.step(np.zeros((2, 80), np.float32), lips.initial_state()).code
targets = face.step(code, face.initial_state())
assert targets.shape == (11,) and np.isfinite(targets).all()
for folder in resources.firmware_dir(), resources.models_dir():
    assert "site-packages" in str(folder), folder
assert resources.shipped_clip().is_file()
from lipwright.service import pages
assert {file.name for file in pages.FOLDER.iterdir()} >= {"pair.html", *pages.FILES.values()}
print("took a step")
"""


def run(*command: object, cwd: Path | None = None) -> str:
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def find_python(version: str) -> Path | None:
    """A Python of that version: the one that runs this, one on PATH, or one of pyenv's."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return Path(sys.executable)
    on_path = shutil.which(f"python{version}")
    candidates = [Path(on_path)] if on_path else []
    for candidate in [*candidates, *sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))]:
        done = subprocess.run([candidate, "--version"], capture_output=True, text=True)
        if done.stdout.startswith(f"Python {version}."):
            return candidate
    return None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    # Built from a copy: setuptools leaves files in the tree that it builds from, and takes old ones from it.
    copy = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(
                ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        else:
            shutil.copy(ROOT / part, copy / part)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", copy / "dist", copy)
    (built,) = (copy / "dist").glob("*.whl")
    return built


def test_the_wheel_carries_every_file_of_the_packages(wheel):
    packages = {
        "host/lipwright": "lipwright",
        "protocol/facewire": "facewire",
        "tools/liplab": "liplab",
        "mcu": "lipwright_firmware",
        "models": "lipwright_models",
    }
    expected = {
        f"{package}/{file.relative_to(ROOT / folder).as_posix()}"
        for folder, package in packages.items()
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and not file.name.endswith((".pyc", "_weights.npz", "_replay.npz", "_checks.npz"))
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected


@pytest.mark.parametrize("version", PYTHONS)
def test_the_runtime_alone_takes_a_step(wheel, version, tmp_path):
    python = find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed here")
    run(python, "-m", "venv", tmp_path / "venv")
    binaries = tmp_path / "venv/bin"
    run(binaries / "python", "-m", "pip", "install", "--quiet", "--only-binary=:all:", wheel)
    assert "usage: lipwright" in run(binaries / "lipwright", "--help", cwd=tmp_path)
    assert "took a step" in run(binaries / "python", "-c", STEP, cwd=tmp_path)
    checked = subprocess.run([binaries / "lipwright", "doctor"], capture_output=True, text=True, timeout=60)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "ok  models:" in checked.stdout and "--  simulated head:" in checked.stdout
    simulated = subprocess.run(
        [binaries / "lipwright", "say", "--sim"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert simulated.returncode == 2
    assert "lipwright[sim]" in simulated.stderr and "Traceback" not in simulated.stderr
