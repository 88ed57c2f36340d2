"""`lipwright say -`: what a speech engine writes is spoken as it comes, with the lips of the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lipwright import resources

RATE = 16000


def say(data: bytes, *arguments: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "lipwright", "say", "-", *arguments]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "XDG_STATE_HOME": str(folder)}
    return subprocess.run(command, input=data, capture_output=True, timeout=90, cwd=folder, env=environment)


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    sound, rate = soundfile.read(resources.shipped_clip(), dtype="int16")
    assert rate == RATE
    return sound[: 3 * RATE]


@pytest.mark.alone  # it is heard live: its offset is a few milliseconds
def test_raw_samples_move_the_lips_as_the_file_does(tmp_path: Path, samples: np.ndarray) -> None:
    options = ("--sim", "--no-film", "--json", "-")
    streamed = say(samples.tobytes(), "--rate", str(RATE), *options, folder=tmp_path)
    assert streamed.returncode == 0, streamed.stderr
    told = json.loads(streamed.stdout)
    soundfile.write(tmp_path / "clip.wav", samples, RATE)
    command = [sys.executable, "-m", "lipwright", "say", "clip.wav", "--virtual-time", *options]
    filed = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=tmp_path).stdout)
    assert told["duration_s"] == pytest.approx(3.0, abs=0.05)
    assert told["frames"]["dropped"] == 0
    assert told["aperture"]["r"] == pytest.approx(filed["aperture"]["r"], abs=0.02)
    assert told["aperture"]["range_ratio"] == pytest.approx(filed["aperture"]["range_ratio"], abs=0.05)
    assert told["offset_ms"]["median"] == pytest.approx(filed["offset_ms"]["median"], abs=6)


@pytest.mark.parametrize(
    ("data", "arguments", "sentence"),
    [
        (b"", ("--sim",), "there was no sound on standard input"),
        (b"RIFFxxxxWAVE", ("--sim",), "has no samples in it"),
        (b"\0\0" * 100, ("--sim", "--rate", "7"), "7 Hz is no rate of sound"),
        (b"\0\0" * 100, ("--sim", "--format", "mp3"), "'mp3' is no format of samples"),
        (b"\0\0" * 100, ("--sim", "--virtual-time"), "leave out --virtual-time"),
        (b"\0\0" * 100, (), "no board is plugged in"),
    ],
)
def test_what_cannot_be_spoken_is_said_in_a_sentence(
    tmp_path: Path, data: bytes, arguments: tuple[str, ...], sentence: str
) -> None:
    done = say(data, *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
