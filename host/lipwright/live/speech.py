"""Sound that somebody sends, at any pace: the head takes it out 20 ms at a time.

Two things come out of each step: what the lip model hears (mono, 16 kHz) and what the speakers play (stereo,
at the sound card's rate). Both are cut from the same moment, so they cannot drift apart.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from lipwright.audio.features import SAMPLE_RATE, STEP_S, STEP_SAMPLES

# Speech waits for this much before it begins, so that a sender whose packets come unevenly does not stutter.
FIRST_S = 0.040
# A sender that is faster than speech is held back here.
MOST_WAITING_S = 20.0
# Sound that has to be now (a microphone): what waits for longer is dropped, but for the newest step.
MOST_LATE_S = 0.100
STEREO = 2

Samples = NDArray[np.float32]


class Step(NamedTuple):
    """20 ms of sound."""

    mono: Samples
    """Shape (320,), 16 kHz, full scale 1."""
    played: list[tuple[int, Samples]]
    """What has become ready to be played: its step number, and samples (n, 2) at the speakers' rate. It
    comes up to two steps later than what the lips hear, as it takes longer to convert; it has the time."""
    is_gap: bool
    """Whether the sender was too late, so that this is silence in the midst of speech."""


class Speech:
    """One stream of sound. `push`, `finish` and `cancel` may be called from any thread.

    Attributes:
        name: Who speaks, for people.
        live: Whether what comes late is dropped.
        dropped_s: How much was.
        gaps: How many steps the sender was too late for.
        over: Set when the head has taken all of it, or listens no more.
    """

    def __init__(self, name: str, rate: int, channels: int, speaker_rate: int, live: bool = False) -> None:
        """`name` says to people who speaks; `rate` in Hz; `live`: what comes late is dropped."""
        self.name = name
        self.rate = rate
        self.channels = channels
        self.live = live
        self.dropped_s = 0.0
        self.gaps = 0
        self.over = threading.Event()
        self._played_step = round(speaker_rate * STEP_S)
        self._to_mono = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        self._to_played = soxr.ResampleStream(rate, speaker_rate, STEREO, dtype="float32")
        self._steps = 0
        self._unplayed: deque[int] = deque()  # steps that were taken, but for what is to be played
        self._mono = _Queue(1)
        self._played = _Queue(STEREO)
        self._finished = False
        self._cancelled = False
        self._begun = False
        self._changed = threading.Condition()

    @property
    def cancelled(self) -> bool:
        """Whether nobody listens any more: another one speaks, or somebody said stop."""
        return self._cancelled

    @property
    def waiting_s(self) -> float:
        """How much sound waits to be taken."""
        return len(self._mono) / SAMPLE_RATE

    @property
    def has_room(self) -> bool:
        """Whether a sender may go on without being held up."""
        return self.waiting_s < MOST_WAITING_S or self._cancelled

    def push(self, samples: Samples) -> None:
        """Takes float32 samples (n, channels) or (n,) at `rate`, full scale 1."""
        block = np.asarray(samples, np.float32).reshape(len(samples), -1)
        mono = np.ascontiguousarray(block.mean(axis=1))
        stereo = np.repeat(block[:, :1], STEREO, axis=1) if block.shape[1] == 1 else block[:, :STEREO]
        with self._changed:
            if self._finished or self._cancelled:
                return
            self._mono.put(self._to_mono.resample_chunk(mono))
            if not self.live:  # a microphone is not played, nor waited for
                self._played.put(self._to_played.resample_chunk(np.ascontiguousarray(stereo)))
            self._changed.notify_all()

    def wait_for_room(self, timeout_s: float | None = None) -> bool:
        """Holds up a sender that is faster than speech; returns whether there is room."""
        with self._changed:
            return self._changed.wait_for(lambda: self.has_room, timeout_s)

    def finish(self) -> None:
        """Nothing more comes."""
        with self._changed:
            if not self._finished and not self._cancelled:
                self._mono.put(self._to_mono.resample_chunk(np.zeros(0, np.float32), last=True))
                tail = self._to_played.resample_chunk(np.zeros((0, STEREO), np.float32), last=True)
                self._played.put(tail)
            self._finished = True
            self._changed.notify_all()

    def cancel(self) -> None:
        """Nobody listens any more."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()
        self.over.set()

    def wait_for_step(self, timeout_s: float) -> None:
        """Returns when there is something to take, or after the time."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_ready() or self._finished or self._cancelled, timeout_s)

    def take(self) -> Step | None:
        """The next 20 ms: a gap where the sender is late; None once all has been taken."""
        with self._changed:
            if self.live:
                self._drop_late()
            is_gap = not self._is_ready() and not self._finished
            if is_gap:
                self.gaps += self._begun
                mono = np.zeros(STEP_SAMPLES, np.float32)
            elif self._finished and not len(self._mono):
                return None
            else:
                mono = self._mono.take(STEP_SAMPLES)[:, 0]
                if not self.live:
                    self._unplayed.append(self._steps)
            self._begun = self._begun or not is_gap
            self._steps += 1
            self._changed.notify_all()
            return Step(mono, self._take_played(), is_gap)

    @property
    def has_begun(self) -> bool:
        """Whether there is enough to begin with, or will be no more."""
        return self._finished or self._cancelled or self.waiting_s >= (STEP_S if self.live else FIRST_S)

    def _is_ready(self) -> bool:
        return len(self._mono) >= STEP_SAMPLES

    def _take_played(self) -> list[tuple[int, Samples]]:
        played = []
        while self._unplayed and (self._finished or len(self._played) >= self._played_step):
            played.append((self._unplayed.popleft(), self._played.take(self._played_step)))
        return played

    def _drop_late(self) -> None:
        late = int((self.waiting_s - MOST_LATE_S) / STEP_S)
        if late > 0:
            self._mono.take(STEP_SAMPLES * late)
            self.dropped_s += late * STEP_S


class _Queue:
    """Samples in, samples out."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._blocks: list[Samples] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, block: Samples) -> None:
        if len(block):
            self._blocks.append(block.reshape(-1, self._channels))
            self._count += len(block)

    def take(self, count: int) -> Samples:
        """Shape (count, channels); silence after the end."""
        taken = np.zeros((count, self._channels), np.float32)
        filled = 0
        while filled < count and self._blocks:
            block = self._blocks[0][: count - filled]
            taken[filled : filled + len(block)] = block
            filled += len(block)
            if len(block) == len(self._blocks[0]):
                self._blocks.pop(0)
            else:
                self._blocks[0] = self._blocks[0][len(block) :]
        self._count -= filled
        return taken
