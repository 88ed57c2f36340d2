"""Whatever is given to ``lipwright say``: it speaks, or one clear sentence and exit code 2."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

RNG = np.random.default_rng(1)


def say(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lipwright", "say", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
    )


def refuses(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


def murmur(seconds: float, rate: int) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return 0.3 * np.sin(2 * np.pi * 140 * t) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * t))


SPEAKABLE = {
    "ten_ms": (murmur(0.01, 16000), 16000),
    "silence": (np.zeros(16000), 16000),
    "clipped_noise": (np.clip(RNG.normal(0, 5, 16000), -1, 1), 16000),
    "telephone_8_khz": (murmur(1, 8000), 8000),
    "studio_96_khz": (murmur(1, 96000), 96000),
    "surround_5_1": (np.repeat(murmur(1, 48000)[:, None], 6, axis=1), 48000),
}


@pytest.mark.parametrize("kind", SPEAKABLE)
def test_odd_but_valid_sound_is_spoken(kind, tmp_path):
    samples, rate = SPEAKABLE[kind]
    soundfile.write(tmp_path / "odd.wav", samples, rate)
    done = say("odd.wav", "--sim", "--virtual-time", "--no-film", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "0 late" in done.stderr


def test_film_and_picture_of_ten_milliseconds_come_out(tmp_path):
    soundfile.write(tmp_path / "tick.wav", murmur(0.01, 16000), 16000)
    done = say("tick.wav", "--sim", "--virtual-time", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tick.mp4").exists() and (tmp_path / "tick.png").exists()


def test_text_is_not_a_sound(tmp_path):
    (tmp_path / "notes.wav").write_text("these are not samples\n" * 50)
    refuses(say("notes.wav", "--sim", folder=tmp_path), "notes.wav")


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "empty.wav").touch()
    refuses(say("empty.wav", "--sim", folder=tmp_path), "empty.wav", "empty")


def test_a_wav_with_no_samples_is_named(tmp_path):
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16000)
    refuses(say("none.wav", "--sim", folder=tmp_path), "none.wav")


def test_an_hour_is_refused_before_the_head_starts(tmp_path):
    soundfile.write(tmp_path / "hour.flac", np.zeros(3600 * 8000, np.int16), 8000)
    refuses(say("hour.flac", "--sim", folder=tmp_path), "60 minutes", "at most 10")


def test_a_missing_file_is_named(tmp_path):
    refuses(say("nowhere.wav", "--sim", folder=tmp_path), "nowhere.wav")


def test_a_missing_port_is_named(tmp_path):
    soundfile.write(tmp_path / "tick.wav", murmur(0.2, 16000), 16000)
    refuses(say("tick.wav", "--mute", "--port", "/dev/ttyNOWHERE", folder=tmp_path), "/dev/ttyNOWHERE")


def test_two_servos_on_one_pin_are_refused(tmp_path):
    from lipwright.resources import models_dir

    text = (models_dir() / "reference_head.toml").read_text()
    assert text.count("output = 1\n") == 1
    (tmp_path / "head.toml").write_text(text.replace("output = 1\n", "output = 0\n"))
    soundfile.write(tmp_path / "tick.wav", murmur(0.2, 16000), 16000)
    refuses(say("tick.wav", "--sim", "--profile", "head.toml", folder=tmp_path), "head.toml", "output 0")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    soundfile.write(tmp_path / "tick.wav", murmur(0.2, 16000), 16000)
    (tmp_path / "file").touch()
    refuses(say("tick.wav", "--sim", "--output", "file/below", folder=tmp_path), "file/below")
