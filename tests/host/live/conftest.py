"""A sound server of its own for tests that need one: real PulseAudio with sound cards that go nowhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def sound_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two sound cards, "one" and "two"; the first is the default, and what it plays is the microphone's."""
    if shutil.which("pulseaudio") is None or shutil.which("pactl") is None:
        pytest.skip("NOT TESTED: PulseAudio is not installed (pulseaudio, pulseaudio-utils, libasound2-plugins)")
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    settings = tmp_path / "asoundrc"
    settings.write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
    for name, value in (
        ("XDG_RUNTIME_DIR", str(runtime)),
        ("PULSE_LATENCY_MSEC", "60"),  # a card that goes nowhere would else buffer for seconds
        ("ALSA_CONFIG_PATH", f"/usr/share/alsa/alsa.conf:{settings}"),
    ):
        monkeypatch.setenv(name, value)
    for name in ("PULSE_SERVER", "PULSE_SINK", "PIPEWIRE_NODE"):
        monkeypatch.delenv(name, raising=False)
    command = ["pulseaudio", "-n", "--exit-idle-time=-1", "--daemonize=no", "--log-target=null"]
    command += ["--load=module-native-protocol-unix"]
    command += [f"--load=module-null-sink sink_name={name} rate=48000" for name in ("one", "two")]
    server = subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(50):
            if subprocess.run(["pactl", "info"], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.1)
        else:
            pytest.skip("NOT TESTED: PulseAudio does not start here")
        subprocess.run(["pactl", "set-default-sink", "one"], check=True)
        subprocess.run(["pactl", "set-default-source", "one.monitor"], check=True)
        yield
    finally:
        server.terminate()
        server.wait(5)
