#!/usr/bin/env python3
"""Runs the shipped lip model over the shipped sentence on both TFLite runtimes, and compares bit by bit.

The runtime of this Python's environment is one; the other is installed into a throwaway environment of the
same Python. Prints whether the outputs are identical, else the largest difference in steps of int8 (LSB), the
share of 20 ms steps that differ, and the SNR of the articulation. Exits 1 below the SNR that the golden test
asks for.

    .venv/bin/python tools/checks/runtimes.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
SNR_DB = 25.0
# Where both can be had: tflite-runtime up to Python 3.11.
PACKAGES = {
    "tflite-runtime": ["tflite-runtime==2.14.0", "numpy>=1.26,<2"],
    "ai-edge-litert": ["ai-edge-litert>=2.1", "numpy>=1.26,<2"],
}
NEEDED = ["soundfile>=0.13", "soxr>=0.5", "tqdm>=4.66"]

# Runs in either environment: writes the int8 outputs of every step and the articulation.
PROGRAM = """
import sys
import numpy as np
from lipwright import resources, tflite
from lipwright.audio.decode import RATE, open_sound
from lipwright.audio.features import log_mel
from lipwright.lips.model import MODEL_NAME, LipModel

path = resources.models_dir() / MODEL_NAME
model = LipModel.load(path)
scales = {name: tensor for name, tensor in tflite.load_streaming(path)[0].outputs.items()}
state = model.initial_state()
steps = log_mel(np.concatenate(list(open_sound(resources.shipped_clip()).blocks(RATE))))
frames = [model.step(step, state) for step in steps]
def numbers(values, name):
    affine = model.metadata["outputs"][name]
    plain = (np.array(values) - np.array(affine["offset"])) / np.array(affine["scale"])
    return np.rint(plain / scales[name].scale).astype(int)
np.savez(sys.argv[1], runtime=tflite.runtime(),
         code=numbers([frame.code for frame in frames], "code"),
         articulation=numbers([frame.articulation for frame in frames], "articulation"),
         values=np.array([frame.articulation for frame in frames]))
"""


def main() -> int:
    """Prints the comparison; returns the exit code."""
    if sys.version_info >= (3, 12):
        print("tflite-runtime has no wheel for this Python; run this with Python 3.10 or 3.11.")
        return 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        here = run(Path(sys.executable), folder / "here.npz")
        other = next(package for package in PACKAGES if not str(here["runtime"]).startswith(package))
        there = run(python_with(other, folder / "venv"), folder / "there.npz")
    print(f"{here['runtime']} and {there['runtime']}, {len(here['code'])} steps of the shipped sentence")
    difference = np.concatenate(
        [np.abs(here[output] - there[output]) for output in ("code", "articulation")], axis=1
    )
    error = np.mean((here["values"].astype(np.float64) - there["values"]) ** 2)
    if not difference.any():
        print("identical")
        return 0
    snr_db = 10 * np.log10(np.var(here["values"].astype(np.float64)) / error) if error else np.inf
    print(
        f"largest difference {difference.max()} LSB; {np.mean(difference.any(axis=1)):.1%} of steps differ;"
        f" SNR of the articulation {snr_db:.1f} dB"
    )
    return 0 if snr_db >= SNR_DB else 1


def python_with(package: str, folder: Path) -> Path:
    """A new environment with a runtime and what reading a sound needs; its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES[package], *NEEDED], check=True)
    # The checkout itself, without its dependencies: they would bring the other runtime back.
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", ROOT], check=True)
    return python


def run(python: Path, output: Path) -> dict[str, np.ndarray]:
    """What the model puts out under a Python: int8 numbers of code and articulation, and its values."""
    subprocess.run([python, "-c", PROGRAM, output], check=True, cwd=output.parent)
    with np.load(output) as stored:
        return dict(stored)


if __name__ == "__main__":
    sys.exit(main())
