"""Whatever plays on this machine: a sound device of its own, whose sound the head speaks.

Programs that play to it are heard through the speakers, as much later as the models look ahead, so that lips
and sound meet. PulseAudio and PipeWire both understand what is asked of them here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections import deque

import numpy as np

from lipwright.errors import LipwrightError
from lipwright.live.engine import Engine
from lipwright.live.incoming import Encoding
from lipwright.live.speech import STEREO, Speech

SINK = "lipwright"
RATE = 48_000  # Hz
BLOCK_S = 0.020
# Louder than this it is a sound; between sounds the head is silent, and its models rest.
SOUND = 10 ** (-60 / 20)
PAUSE_S = 1.0
BEFORE_S = 0.060  # of what comes before the first loud block, so that no onset is cut off
AGAIN_S = 2.0  # after the sound server has gone


class Monitor:
    """Passes what plays here on to the head."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._module = ""
        self._before = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._speech: Speech | None = None
        self._quiet_s = 0.0
        self._held: deque[bytes] = deque(maxlen=round(BEFORE_S / BLOCK_S))

    def start(self) -> None:
        """Makes the device the default one; before the speakers are opened, which go on playing where sound
        went before. Raises LipwrightError without PipeWire or PulseAudio."""
        if shutil.which("pactl") is None or shutil.which("parec") is None:
            raise LipwrightError(
                "to hear what plays here, Lipwright needs pactl and parec: sudo apt install pulseaudio-utils."
            )
        _take_leftovers_away()
        self._before = _pactl("get-default-sink")
        # Told to PulseAudio's and to PipeWire's library, under our own streams.
        os.environ["PULSE_SINK"] = os.environ["PIPEWIRE_NODE"] = self._before
        self._make_sink()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self._thread.start()
        self._engine.journal.tell("monitor", "Whatever plays on this machine, the head speaks.")

    def close(self) -> None:
        """Takes the device away; programs play where they did before."""
        self._closing.set()
        if self._process is not None:
            self._process.terminate()
        if self._thread is not None:
            self._thread.join()
        if self._module:
            try:
                _pactl("set-default-sink", self._before)
                _pactl("unload-module", self._module)
            except LipwrightError:  # the sound server has gone, and the device with it
                pass
            self._module = ""

    def _make_sink(self) -> None:
        described = "sink_properties=device.description=Lipwright"
        self._module = _pactl("load-module", "module-null-sink", f"sink_name={SINK}", described)
        _pactl("set-default-sink", SINK)

    def _run(self) -> None:
        encoding = Encoding(RATE, STEREO)
        size = round(RATE * BLOCK_S) * encoding.frame_bytes
        command = ["parec", f"--device={SINK}.monitor", "--raw", "--format=s16le", f"--rate={RATE}"]
        command += [f"--channels={STEREO}", f"--latency-msec={BLOCK_S * 1000:.0f}"]
        while not self._closing.is_set():
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
                self._process = process
                assert process.stdout is not None
                while len(block := process.stdout.read(size)) == size:
                    self._hear(block, encoding)
            self._end()
            if not self._closing.wait(AGAIN_S):
                try:
                    _take_leftovers_away()
                    self._make_sink()
                except LipwrightError as error:
                    self._engine.journal.tell("no_monitor", str(error))

    def _hear(self, block: bytes, encoding: Encoding) -> None:
        samples = encoding.decode(block)
        loud = float(np.abs(samples).max()) > SOUND
        self._quiet_s = 0.0 if loud else self._quiet_s + BLOCK_S
        if self._speech is not None and self._speech.over.is_set():
            self._speech = None  # another voice has taken over; the next sound takes over again
        if self._speech is None:
            self._held.append(block)
            if loud:
                self._speech = self._engine.speak("what plays here", RATE, STEREO)
                self._speech.push(encoding.decode(b"".join(self._held)))
                self._held.clear()
            return
        self._speech.push(samples)
        if self._quiet_s >= PAUSE_S:
            self._end()

    def _end(self) -> None:
        if self._speech is not None:
            self._speech.finish()
            self._speech = None


def _take_leftovers_away() -> None:
    """A program that was killed has left its device behind, and all sound goes there."""
    for line in _pactl("list", "short", "modules").splitlines():
        if f"sink_name={SINK}" in line:
            _pactl("unload-module", line.split()[0])


def _pactl(*arguments: str) -> str:
    done = subprocess.run(["pactl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LipwrightError(
            f"the sound server does not do `pactl {' '.join(arguments)}` ({done.stderr.strip()}): is PipeWire"
            " or PulseAudio running for this user?"
        )
    return done.stdout.strip()
