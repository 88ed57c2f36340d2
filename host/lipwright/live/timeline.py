"""What the speakers will play, by the moment at which it must be heard.

The engine puts sound a little ahead; the sound card's callback takes it and says when that will be heard.
A sound card's clock runs up to some 100 ppm off the computer's, so single samples are left out or put out
twice.
"""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from lipwright.live.speech import STEREO

LONGEST_S = 4.0  # how far ahead sound may be put
SLACK_S = 0.004  # out of step by less than this: leave it
JUMP_S = 0.060  # by more than this, after a hitch: go at once to where the sound should be
SMOOTHING = 0.05  # weight of one buffer in the measured step: time stamps of sound cards jitter
FADE_S = 0.010  # a sound that is cut off fades, so that it does not click

Samples = NDArray[np.float32]


class Timeline:
    """A ring of samples, each with its moment. All methods may be called from any thread."""

    def __init__(self, rate: int) -> None:
        """`rate` in Hz, that of the sound card."""
        self.rate = rate
        self.error_s = 0.0  # how late what is heard is, smoothed
        self._ring = np.zeros((round(LONGEST_S * rate), STEREO), np.float32)
        self._read: int | None = None  # place of the next sample that the card gets
        self._end = 0  # after the last sample that was put
        self._lock = threading.Lock()

    @property
    def ends_s(self) -> float:
        """Host time at which the last of what was put has been heard."""
        return self._end / self.rate

    def put(self, at_s: float, samples: Samples) -> None:
        """Samples (n, 2) of which the first is to be heard at host time `at_s`; what is past is dropped.

        Blocks that follow each other to half a millisecond are joined without a seam.
        """
        place = round(at_s * self.rate)
        with self._lock:
            if abs(place - self._end) < self.rate // 2000:
                place = self._end
            gone = 0 if self._read is None else max(0, self._read - place)
            samples = samples[gone:]
            place += gone
            base = place if self._read is None else self._read
            samples = samples[: max(0, base + len(self._ring) - place)]
            if len(samples):
                self._ring[np.arange(place, place + len(samples)) % len(self._ring)] = samples
                self._end = place + len(samples)

    def cut(self, at_s: float) -> None:
        """What is to be heard from host time `at_s` on is not; the last of it fades."""
        with self._lock:
            begin = round(at_s * self.rate)
            if self._read is not None:
                begin = max(begin, self._read)
            count = self._end - begin
            if count <= 0:
                return
            places = np.arange(begin, self._end) % len(self._ring)
            fade = np.zeros((count, 1), np.float32)
            fading = min(count, round(FADE_S * self.rate))
            fade[:fading, 0] = np.linspace(1.0, 0.0, fading, dtype=np.float32)
            self._ring[places] *= fade
            self._end = begin + fading

    def fill(self, out: Samples, heard_s: float) -> None:
        """Fills `out` (frames, 2), whose first sample is heard at host time `heard_s`."""
        with self._lock:
            wanted = heard_s * self.rate
            if self._read is None or abs(wanted - self._read) > JUMP_S * self.rate:
                self._clear_to(round(wanted))
                self.error_s = 0.0
            assert self._read is not None
            self.error_s += SMOOTHING * ((wanted - self._read) / self.rate - self.error_s)
            step = int(np.sign(self.error_s)) if abs(self.error_s) > SLACK_S else 0
            count = len(out) + step
            samples = self._ring[np.arange(self._read, self._read + count) % len(self._ring)]
            if step < 0:
                samples = np.concatenate([samples[:1], samples])
            out[:] = samples[: len(out)]
            self._clear_to(self._read + count)

    def _clear_to(self, place: int) -> None:
        """Goes on to a place; what lies before it is gone."""
        if self._read is not None and place > self._read:
            passed = min(place - self._read, len(self._ring))
            self._ring[np.arange(place - passed, place) % len(self._ring)] = 0.0
        self._read = place
