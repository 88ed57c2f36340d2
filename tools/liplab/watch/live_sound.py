"""A microphone's sound of the last minutes, in memory only, at the times of its samples."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from liplab.watch.video import LOST_S, Samples
from lipwright.audio.decode import RATE
from lipwright.errors import LipwrightError
from lipwright.live.recording import came_in_s, open_microphone

WAITS_S = 0.2  # nothing is in a hurry here, and a busy machine is to lose no sound
SETTLES_S, LITTLE_S = 1.0, 0.02
GONE_S = 2.0  # a microphone that brings nothing for so long has gone
# It is quiet where the last QUIET_S were this much below the louder parts of the last LOOK_BACK_S.
QUIET_S, QUIETER, LOOK_BACK_S = 0.3, 0.1, 20.0
LOUDER_PERCENT = 90.0
STEADY = 25  # blocks whose time stamps' median says where they lie: single ones jitter

Block = tuple[float, Samples]


class LiveSound:
    """Keeps what a microphone hears until `forget`."""

    def __init__(self, device: str | int | None = None) -> None:
        """`device` as sounddevice has it. Returns when sound comes. Raises LipwrightError where none does."""
        self._blocks: deque[Block] = deque()
        self._levels: deque[tuple[float, float]] = deque()
        self._lock = threading.Lock()
        self._beat_s = time.monotonic()
        self._seconds = 0.0
        self._stream = open_microphone(self._take, device, WAITS_S)
        # A sound server takes a while to find its pace.
        while self._seconds < SETTLES_S:
            if self.is_gone:
                self.close()
                raise LipwrightError("the microphone brings no sound: choose another one with --microphone.")
            time.sleep(LITTLE_S)

    def close(self) -> None:
        """The microphone is off, and all is forgotten."""
        self._stream.close(ignore_errors=True)
        self._blocks.clear()

    @property
    def is_gone(self) -> bool:
        """Whether nothing comes any more."""
        return time.monotonic() - self._beat_s > GONE_S

    @property
    def until_s(self) -> float:
        """Host time up to which there is sound; minus infinity before the first."""
        with self._lock:
            if not self._blocks:
                return float("-inf")
            at, block = self._blocks[-1]
            return at + len(block) / RATE

    def is_quiet(self) -> bool:
        """Whether nobody speaks just now, as far as loudness tells."""
        with self._lock:
            levels = list(self._levels)
        if not levels:
            return True
        power = np.array([level for _, level in levels])
        recent = power[np.array([at for at, _ in levels]) > levels[-1][0] - QUIET_S]
        return bool(recent.mean() <= QUIETER**2 * np.percentile(power, LOUDER_PERCENT))

    def between(self, start_s: float, end_s: float) -> Samples:
        """What was heard between two host times; silence where nothing came."""
        with self._lock:
            blocks = [
                (at, block) for at, block in self._blocks if at + len(block) / RATE > start_s and at < end_s
            ]
        return placed(blocks, start_s, end_s - start_s)

    def forget(self, before_s: float) -> None:
        """Forgets what was heard before a host time."""
        with self._lock:
            while self._blocks and self._blocks[0][0] + len(self._blocks[0][1]) / RATE < before_s:
                self._blocks.popleft()

    def _take(self, block: Samples, frames: int, times: Any, status: Any) -> None:
        at = came_in_s(times)
        samples = block[:, 0].copy()
        with self._lock:
            self._blocks.append((at, samples))
            self._levels.append((at, float(np.mean(np.square(samples)))))
            while self._levels[0][0] < at - LOOK_BACK_S:
                self._levels.popleft()
        self._seconds += frames / RATE
        self._beat_s = time.monotonic()


def placed(blocks: Sequence[Block], start_s: float, seconds: float) -> Samples:
    """Blocks at RATE, each with its time, as a sound of so many seconds from `start_s` on.

    They follow each other without a gap, and their time stamps jitter. Where the stamps say for long that
    something is missing, it is: silence stands for it.
    """
    sound = np.zeros(round(seconds * RATE), np.float32)
    if not blocks:
        return sound
    lengths = np.array([len(block) for _, block in blocks])
    places = np.cumsum(lengths) - lengths
    begins_s = np.array([at for at, _ in blocks]) - places / RATE  # of the whole, as each block has it
    around = np.pad(begins_s, STEADY // 2, mode="edge")
    steady = np.median(np.lib.stride_tricks.sliding_window_view(around, STEADY), axis=1)
    run = 0
    for k in range(1, len(blocks) + 1):
        if k == len(blocks) or abs(steady[k] - steady[run]) > LOST_S:
            first = round((float(np.median(begins_s[run:k])) - start_s) * RATE)
            for (_, block), place in zip(list(blocks)[run:k], places[run:k], strict=True):
                low, high = max(first + place, 0), min(first + place + len(block), len(sound))
                if low < high:
                    sound[low:high] = block[low - first - place : high - first - place]
            run = k
    return sound
