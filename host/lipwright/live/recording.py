"""Sound as it came in, with the host times at which it did."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipwright.audio.decode import RATE
from lipwright.errors import LipwrightError
from lipwright.live.sound_card import load_sounddevice

BLOCKS_WAIT = 10

Samples = NDArray[np.float32]


def joined(blocks: Sequence[tuple[float, Samples]], rate: int) -> tuple[float, Samples]:
    """Blocks, each with its time, as one sound and the time of its first sample.

    They follow each other without a gap; each one's time stamp jitters, their middle one does not.
    """
    places = np.cumsum([0] + [len(block) for _, block in blocks])
    first_s = float(np.median([at - places[k] / rate for k, (at, _) in enumerate(blocks)]))
    return first_s, np.concatenate([block for _, block in blocks])


def open_microphone(
    take: Callable[..., None], device: str | int | None = None, waits_s: float | None = None
) -> Any:
    """A microphone that is on, mono at 16 kHz; `take` is its callback, and `device` as sounddevice has it.

    Sound may wait for `waits_s`; None: as little as can be, and a busy machine loses some. Raises
    LipwrightError where nothing can be recorded.
    """
    sounddevice = load_sounddevice()
    try:
        stream = sounddevice.InputStream(
            device=device,
            samplerate=RATE,
            channels=1,
            dtype="float32",
            blocksize=0 if waits_s is None else round(RATE * waits_s / BLOCKS_WAIT),
            latency="low" if waits_s is None else waits_s,
            callback=take,
        )
        stream.start()
    except (sounddevice.PortAudioError, ValueError) as error:
        raise LipwrightError(f"no microphone can be opened ({error.args[0]}).") from None
    return stream


def came_in_s(times: Any) -> float:
    """Host time at which the first sample of a block came in, by what a callback is told."""
    return time.monotonic() - float(times.currentTime - times.inputBufferAdcTime)


class Recording:
    """Records the default input, mono at 16 kHz, until it is closed."""

    def __init__(self) -> None:
        self._blocks: list[tuple[float, Samples]] = []
        self._stream: Any = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begins. Raises LipwrightError where nothing can be recorded."""
        self._stream = open_microphone(self._take)

    def close(self) -> None:
        """Ends it; what was recorded stays."""
        if self._stream is not None:
            self._stream.close()

    def window(self, begin_s: float, end_s: float) -> Samples:
        """What came in between two host times, from the first on; shorter where it had not begun or ended."""
        with self._lock:
            blocks = [
                (at, block)
                for at, block in self._blocks
                if at + len(block) / RATE > begin_s - 0.5 and at < end_s + 0.5
            ]
        if not blocks:
            return np.zeros(0, np.float32)
        first_s, sound = joined(blocks, RATE)
        return sound[max(0, round((begin_s - first_s) * RATE)) : max(0, round((end_s - first_s) * RATE))]

    def _take(self, block: Samples, frames: int, times: Any, status: Any) -> None:
        with self._lock:
            self._blocks.append((came_in_s(times), block[:, 0].copy()))
