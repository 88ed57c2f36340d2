"""Real sound through a real sound server: latency, cards that go, a microphone, what plays here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lipwright.live.latency import saved_s

pytestmark = [pytest.mark.usefixtures("sound_server"), pytest.mark.alone]

RATE = 48000

LATENCY = """
from lipwright.live import latency
print(latency.measure(lambda tenth: None).extra_s)
"""

# PortAudio reads its settings as it is loaded, so each test has a process of its own.
SPEAKER = """
import sys, time
import numpy as np
from lipwright.live.sound_card import SoundCards
from lipwright.live.speaker import RATE, Speaker
from lipwright.live.timeline import Timeline
timeline, cards = Timeline(RATE), SoundCards()
speaker = Speaker(timeline, cards)
speaker.start()
tone = np.sin(np.arange(960) * 2 * np.pi * 500 / RATE).astype(np.float32)[:, None].repeat(2, axis=1)
for k in range(round(float(sys.argv[1]) / 0.02)):
    timeline.put(time.monotonic() + 0.25, 0.5 * tone)
    print(speaker.problem, flush=True)
    time.sleep(0.02)
"""


def python(program: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def pactl(*arguments: str) -> str:
    return subprocess.run(["pactl", *arguments], capture_output=True, text=True, check=True).stdout


def recorded(source: str, seconds: float) -> np.ndarray:
    command = ["parec", f"--device={source}", "--raw", "--format=s16le", f"--rate={RATE}", "--channels=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        data = process.stdout.read(round(seconds * RATE) * 2)
        process.terminate()
    return np.frombuffer(data, "<i2") / 32768


def latency_s() -> float:
    """As measured; again, as a user would, where a busy machine has lost too many clicks."""
    for _ in range(4):
        told = python(LATENCY).communicate(timeout=60)[0]
        if told:
            return float(told)
    raise AssertionError("no clicks are heard")


def test_the_latency_that_drivers_leave_out_is_found() -> None:
    direct = latency_s()
    assert abs(direct) < 0.050
    # A detour that no driver knows of: the first card's sound comes out of the second one later.
    pactl("load-module", "module-loopback", "source=one.monitor", "sink=two", "latency_msec=180")
    pactl("set-default-source", "two.monitor")
    time.sleep(1)
    late = latency_s()
    # What was asked for, and more on a busy machine; test_latency.py has it to a millisecond.
    assert 0.100 < late - direct < 0.500


def test_doctor_measures_the_latency_and_keeps_it_for_the_service(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lipwright", "doctor", "--latency", "--json", "-"]
    environment = {**os.environ, "STATE_DIRECTORY": str(tmp_path)}
    for _ in range(4):  # as above
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr
        if done.returncode == 0:
            break
    assert saved_s(tmp_path) == pytest.approx(json.loads(done.stdout)["extra_ms"] / 1000, abs=1e-4)


def test_a_sound_card_that_goes_is_told_and_the_next_one_plays() -> None:
    speaking = python(SPEAKER, "9")
    time.sleep(2.0)
    assert np.abs(recorded("one.monitor", 0.5)).max() > 0.1
    (one,) = [
        line.split()[0] for line in pactl("list", "short", "modules").splitlines() if "name=one" in line
    ]
    pactl("unload-module", one)
    time.sleep(3.5)
    assert np.abs(recorded("two.monitor", 0.5)).max() > 0.1
    speaking.communicate(timeout=30)
    assert speaking.returncode == 0


class Listening:
    """`lipwright listen` on the simulated head, connected."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._said = folder / "said"
        with self._said.open("w") as said:
            command = [sys.executable, "-m", "lipwright", "listen", "--sim", *arguments]
            self._process = subprocess.Popen(command, stderr=said)
        for _ in range(200):
            if "Connected to" in self._said.read_text():
                return
            time.sleep(0.1)
        raise AssertionError(self._said.read_text())

    def end(self) -> str:
        """Ends it as a service would be; returns what it said."""
        self._process.terminate()
        self._process.wait(20)
        return self._said.read_text()


def play(path: Path) -> None:
    subprocess.run(["paplay", str(path)], check=True)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.wav"
    times = np.arange(2 * RATE) / RATE
    voice = 0.4 * np.sin(2 * np.pi * 140 * times) * (np.sin(2 * np.pi * 3 * times) > 0)
    soundfile.write(path, voice, RATE)
    return path


def passed_on_s(words: Path) -> float:
    """How long the first card sounds while the words are played."""
    command = ["parec", "--device=one.monitor", "--raw", "--format=s16le", f"--rate={RATE}", "--channels=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as recorder:
        play(words)
        time.sleep(1.5)
        recorder.terminate()
        heard = np.frombuffer(recorder.communicate()[0], "<i2") / 32768
    sounding = np.flatnonzero(np.abs(heard) > 0.1)
    return float(sounding[-1] - sounding[0]) / RATE if len(sounding) else 0.0


def test_what_plays_here_is_spoken_and_passed_on_and_all_is_put_back(words: Path, tmp_path: Path) -> None:
    listening = Listening(tmp_path, "--monitor")
    assert pactl("get-default-sink").strip() == "lipwright"
    for _ in range(4):  # again, as a user would, where a busy machine has lost some
        heard_s = passed_on_s(words)
        if heard_s > 1.7:
            break
    # A busy machine makes gaps, which are longer than what they replace; nothing is cut off.
    assert 1.7 < heard_s < 3.0
    said = listening.end()
    assert "Speaks: what plays here." in said
    assert "Traceback" not in said
    assert pactl("get-default-sink").strip() == "one"
    assert "sink_name=lipwright" not in pactl("list", "short", "modules")


def test_the_lips_follow_a_microphone(words: Path, tmp_path: Path) -> None:
    listening = Listening(tmp_path)
    play(words)
    said = listening.end()
    assert "The microphone is on; nothing that it hears is kept." in said
    assert "Speaks: the microphone." in said
    assert "Traceback" not in said
