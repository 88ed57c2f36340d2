"""How long after its moment a sound is really heard: clicks are played, recorded and found again.

Drivers say how long a buffer takes to the speaker and from the microphone. What they leave out (a Bluetooth
speaker, a television, a sound server) shows as the time between the moment at which a click should have been
heard and the moment at which the microphone says that it was. What of it is the microphone's cannot be told
apart; with a wired one it is a few milliseconds.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipwright.errors import LipwrightError
from lipwright.files import write_atomically
from lipwright.live.recording import joined
from lipwright.live.sound_card import load_sounddevice

RATE = 48_000  # Hz
# A rising tone of 60 ms: it is found in noise and echo, and its beginning to a fraction of a millisecond.
PROBE_S = 0.060
PROBE_HZ = (400.0, 6_000.0)
PROBE_LEVEL = 0.5
PROBES = 8
EVERY_S = 0.7
# How late a probe may be found; even a television takes no longer.
LONGEST_S = 0.6
EARLIEST_S = 0.05  # time stamps may also promise too much
# A peak of the correlation counts if it stands out so much from its surroundings.
CLEAR = 6.0
# Of the probes that are found, so many must agree to this.
AGREE_S, FEWEST = 0.010, 5
FILE = "sound_latency.json"

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Latency:
    """What was measured."""

    extra_s: float
    """From the moment at which the drivers say that a sound is heard to that at which it is."""
    spread_s: float
    """Between the earliest and the latest of the probes that agree."""
    found: int
    """Probes that agree, of PROBES."""
    speaker: str
    microphone: str


def probe() -> Samples:
    """The rising tone, shape (2880,), fading in and out."""
    times = np.arange(round(PROBE_S * RATE)) / RATE
    low, high = PROBE_HZ
    growth = math.log(high / low) / PROBE_S
    phase = 2 * np.pi * low * (np.exp(growth * times) - 1) / growth
    return np.asarray(PROBE_LEVEL * np.sin(phase) * np.hanning(len(times)), np.float32)


def measure(progress: Callable[[int], object]) -> Latency:
    """Plays and records on the default devices; `progress` is told each second's tenth that passes.

    Raises LipwrightError that says what to do where the probes are not found.
    """
    sounddevice = load_sounddevice()
    recorder = _Recorder()
    try:
        with sounddevice.Stream(
            samplerate=RATE, channels=(1, 1), dtype="float32", latency="low", callback=recorder.turn
        ):
            for tenth in range(round((PROBES + 1) * EVERY_S * 10)):
                time.sleep(0.1)
                progress(tenth)
        speaker = str(sounddevice.query_devices(kind="output")["name"])
        microphone = str(sounddevice.query_devices(kind="input")["name"])
    except (sounddevice.PortAudioError, ValueError) as error:
        raise LipwrightError(
            f"a speaker and a microphone are needed, and one of them cannot be opened ({error.args[0]})."
        ) from None
    delays = recorder.delays()
    extra_s, spread_s, found = agreed(delays)
    return Latency(extra_s, spread_s, found, speaker, microphone)


def agreed(delays: list[float]) -> tuple[float, float, int]:
    """The delay that most probes agree on, their spread, and how many.

    Raises LipwrightError if too few agree.
    """
    best: list[float] = []
    for delay in delays:
        near = [other for other in delays if abs(other - delay) <= AGREE_S]
        best = max(best, near, key=len)
    if len(best) < FEWEST:
        raise LipwrightError(
            f"the microphone heard {len(best)} of {PROBES} clicks clearly: put it before the speaker, turn"
            " the volume up, and keep quiet for ten seconds."
        )
    return float(np.median(best)), max(best) - min(best), len(best)


class _Recorder:
    """The callback of a stream in both directions, and what it has heard."""

    def __init__(self) -> None:
        self._probe = probe()
        self._played_s: list[float] = []  # when each probe should be heard
        self._recorded: list[tuple[float, Samples]] = []
        self._place = 0
        self._next = round(EVERY_S * RATE)

    def turn(self, heard: Samples, out: Samples, frames: int, times: Any, status: Any) -> None:
        """One buffer in and one out."""
        self._recorded.append((times.inputBufferAdcTime, heard[:, 0].copy()))
        out[:] = 0
        begin, end = self._place, self._place + frames
        if begin <= self._next < end and len(self._played_s) < PROBES:
            self._played_s.append(times.outputBufferDacTime + (self._next - begin) / RATE)
        first = self._next
        if self._played_s and first < end:
            start, stop = max(first, begin), min(first + len(self._probe), end)
            if stop > start:
                out[start - begin : stop - begin, 0] = self._probe[start - first : stop - first]
            if end >= first + len(self._probe) and len(self._played_s) < PROBES:
                self._next += round(EVERY_S * RATE)
        self._place = end

    def delays(self) -> list[float]:
        """How late each probe that is clearly heard was."""
        if not self._recorded:
            return []
        begin_s, sound = joined(self._recorded, RATE)
        found = []
        for played_s in self._played_s:
            first = round((played_s - EARLIEST_S - begin_s) * RATE)
            last = first + round((EARLIEST_S + LONGEST_S) * RATE)
            window = sound[max(0, first) : last]
            if len(window) < 2 * len(self._probe):
                continue
            likeness = np.abs(np.correlate(window, self._probe, "valid"))
            peak = int(np.argmax(likeness))
            if likeness[peak] > CLEAR * np.median(likeness) and likeness[peak] > 1e-4:
                found.append(begin_s + (max(0, first) + peak) / RATE - played_s)
        return found


def save(latency: Latency, folder: Path) -> None:
    """Keeps it for `lipwright serve`. Raises LipwrightError."""
    told = {
        "extra_ms": round(1000 * latency.extra_s, 1),
        "speaker": latency.speaker,
        "microphone": latency.microphone,
    }
    try:
        write_atomically(folder / FILE, json.dumps(told, indent=1).encode() + b"\n")
    except OSError as error:
        raise LipwrightError(f"cannot write {folder / FILE}: {error.strerror}.") from None


def saved_s(folder: Path) -> float:
    """What was measured and kept, in seconds; 0 if nothing was."""
    try:
        extra_ms = float(json.loads((folder / FILE).read_bytes())["extra_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
    return extra_ms / 1000 if -1000 * EARLIEST_S <= extra_ms <= 1000 * LONGEST_S else 0.0
