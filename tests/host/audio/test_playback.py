"""The sound leaves the speakers at the moment asked for, and keeps in step with the host's clock."""

import os
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lipwright.audio.playback import Playout

RATE = 48000
BUFFER = 512


def ramp(count: int, block: int = 4096):
    """Samples that count up, so that each says which one it is."""
    samples = np.arange(1, count + 1, dtype=np.float32)[:, None]
    return (samples[i : i + block] for i in range(0, count, block))


def play(playout: Playout, buffers: int, card_rate: float = RATE, begins_at: float = 0.0):
    """A sound card that asks for buffers at its own rate; returns what it got, and when each was heard."""
    outputs, times, heard_at = [], [], begins_at
    for _ in range(buffers):
        out = np.full((BUFFER, 1), np.nan, np.float32)
        more = playout.fill(out, heard_at)
        outputs.append(out[:, 0])
        times.append(heard_at + np.arange(BUFFER) / card_rate)
        heard_at += BUFFER / card_rate
        if not more:
            break
    return np.concatenate(outputs), np.concatenate(times)


@pytest.mark.parametrize("starts_at", [0.0, 0.001, 0.25, BUFFER / RATE])
def test_the_first_sample_is_heard_at_the_moment_asked_for(starts_at):
    out, times = play(Playout(ramp(RATE), RATE, starts_at), 100)
    first = int(np.argmax(out == 1))
    assert times[first] == pytest.approx(starts_at, abs=1 / RATE)
    assert not out[:first].any()


def test_every_sample_is_heard_once_and_then_silence():
    out, _ = play(Playout(ramp(RATE // 2), RATE, 0.1), 1000)
    assert np.array_equal(out[out > 0], np.arange(1, RATE // 2 + 1))
    assert not np.isnan(out).any()


def test_a_sound_that_is_over_says_so():
    playout = Playout(ramp(10), RATE, 0.0)
    out = np.zeros((BUFFER, 1), np.float32)
    assert not playout.fill(out, 0.0)
    assert not playout.fill(out, BUFFER / RATE)


@pytest.mark.parametrize("parts_per_million", [-300, -100, 100, 300])
def test_a_sound_card_that_runs_off_is_kept_within_10_ms(parts_per_million):
    seconds = 200
    playout = Playout(ramp(seconds * RATE), RATE, 0.0)
    card_rate = RATE * (1 + parts_per_million * 1e-6)
    out, times = play(playout, seconds * RATE // BUFFER - 10, card_rate)
    sounding = out > 0
    should = (out[sounding].astype(np.float64) - 1) / RATE
    assert sounding.sum() > 0.99 * len(out)
    assert np.abs(times[sounding] - should).max() < 0.010


def test_after_a_hitch_the_sound_goes_on_where_it_should_be():
    playout = Playout(ramp(10 * RATE), RATE, 0.0)
    play(playout, 10)
    out, times = play(playout, 10, begins_at=3.0)
    assert times[0] - (out[0] - 1) / RATE == pytest.approx(0, abs=0.001)


def test_a_late_start_leaves_out_what_should_have_been_heard():
    out, _ = play(Playout(ramp(10 * RATE), RATE, 0.0), 1, begins_at=1.0)
    assert out[0] == RATE + 1


PLAY = """
from lipwright.audio.decode import open_sound
from lipwright.audio.playback import Player
from lipwright.clock import RealClock
from lipwright.errors import LipwrightError
clock, sound = RealClock(), open_sound("tone.wav")
try:
    player = Player(sound, clock)
    player.start(clock.now() + 0.2)
    player.finish()
    player.close()
except LipwrightError as error:
    print(error)
"""


def play_for_real(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Plays 4,800 samples of 0.25 through PortAudio in a process of its own."""
    soundfile.write(folder / "tone.wav", np.full((4800, 1), 0.25, np.float32), RATE)
    return subprocess.run(
        [sys.executable, "-c", PLAY],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(Path("/proc/asound/cards").exists(), reason="this machine may have a speaker")
def test_without_a_speaker_one_sentence_says_what_to_do(tmp_path):
    done = play_for_real(tmp_path)
    assert done.stdout.endswith("--mute.\n") or "libportaudio2" in done.stdout, done.stderr
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.skipif(find_library("portaudio") is None, reason="PortAudio is not installed")
def test_portaudio_puts_out_the_whole_sound(tmp_path):
    """On ALSA's file device: what would be heard lies in a file afterwards."""
    (tmp_path / "asound.conf").write_text(
        "pcm.!default { type file slave.pcm null file heard.raw format raw }\npcm.null { type null }\n"
    )
    done = play_for_real(tmp_path, ALSA_CONFIG_PATH=str(tmp_path / "asound.conf"))
    assert done.returncode == 0 and not done.stdout, (done.stdout, done.stderr)
    heard = np.fromfile(tmp_path / "heard.raw", np.float32)
    # The file takes samples faster than a speaker, which the player answers by putting some out twice.
    assert 4800 <= (np.abs(heard - 0.25) < 1e-3).sum() < 1.05 * 4800
