"""`liplab predict`: writes the articulation, or says in a sentence what is wrong."""

import subprocess
import sys

import numpy as np
import pytest

from lipwright import resources


def liplab(*arguments):
    command = [sys.executable, "-m", "liplab", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_holds_the_five_tracks_in_time(tmp_path):
    done = liplab("predict", resources.shipped_clip(), "-o", tmp_path / "lips.npz")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "lips.npz") as lips:
        assert set(lips.files) == {"t", "aperture", "width", "rounding", "jaw", "tuck"}
        assert len({len(lips[name]) for name in lips.files}) == 1
        assert np.allclose(np.diff(lips["t"]), 0.02)


@pytest.mark.parametrize("output", ["lips.txt", "nowhere/lips.npz"])
def test_an_output_that_cannot_be_written_is_refused(tmp_path, output):
    done = liplab("predict", resources.shipped_clip(), "-o", tmp_path / output)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_sound_that_is_not_there_is_refused(tmp_path):
    done = liplab("predict", tmp_path / "none.wav", "-o", tmp_path / "lips.npz")
    assert done.returncode == 2
    assert "none.wav" in done.stderr
    assert not (tmp_path / "lips.npz").exists()
