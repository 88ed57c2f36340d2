"""A sound server of its own: real PulseAudio with sound cards that go nowhere, for tests and measurements."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType

from liplab.family import end_with_parent
from lipwright.errors import LipwrightError

START_S = 5.0
CARD_RATE = 48_000  # Hz
# A card that goes nowhere would else buffer for seconds.
LATENCY_MS = 60


class SoundServer:
    """Two sound cards, "one" and "two"; the first is the default, and what it plays is the microphone's.

    Attributes:
        environment: What a process needs in its environment to use it.
    """

    def __init__(self, folder: Path) -> None:
        """Starts it, with its files in the folder. Raises LipwrightError where that cannot be."""
        if shutil.which("pulseaudio") is None or shutil.which("pactl") is None:
            raise LipwrightError(
                "PulseAudio is not installed: sudo apt install pulseaudio pulseaudio-utils libasound2-plugins"
            )
        runtime = folder / "sound"
        runtime.mkdir(mode=0o700)
        settings = folder / "asoundrc"
        settings.write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
        self.environment = {
            "XDG_RUNTIME_DIR": str(runtime),
            "PULSE_RUNTIME_PATH": str(runtime),
            "PULSE_SERVER": f"unix:{runtime}/native",
            "PULSE_LATENCY_MSEC": str(LATENCY_MS),
            "ALSA_CONFIG_PATH": f"/usr/share/alsa/alsa.conf:{settings}",
        }
        command = ["pulseaudio", "-n", "--exit-idle-time=-1", "--daemonize=no", "--log-target=null"]
        command.append(f"--load=module-native-protocol-unix socket={runtime}/native auth-anonymous=1")
        command += [f"--load=module-null-sink sink_name={name} rate={CARD_RATE}" for name in ("one", "two")]
        self._process = subprocess.Popen(
            command,
            env=self._whole(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=end_with_parent,
        )
        deadline = time.monotonic() + START_S
        while subprocess.run(
            ["pactl", "info"], env=self._whole(), capture_output=True, check=False
        ).returncode:
            if time.monotonic() > deadline:
                self.close()
                raise LipwrightError("PulseAudio does not start here.")
            time.sleep(0.1)
        self.pactl("set-default-sink", "one")
        self.pactl("set-default-source", "one.monitor")

    def pactl(self, *arguments: str) -> str:
        """What the sound server answers. Raises subprocess.CalledProcessError."""
        command = ["pactl", *arguments]
        return subprocess.run(
            command, env=self._whole(), capture_output=True, text=True, check=True
        ).stdout.strip()

    def close(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait(5)

    def _whole(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def __enter__(self) -> SoundServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
