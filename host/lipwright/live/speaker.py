"""The speakers: plays what the engine puts on its timeline, each sample at its moment."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipwright.clock import RealClock
from lipwright.live.sound_card import KeptStream, SoundCards
from lipwright.live.speech import STEREO
from lipwright.live.timeline import Timeline

RATE = 48_000  # Hz; every sound card has it


class Speaker:
    """Plays a timeline on the default sound card; sound cards may come and go.

    Attributes:
        latency_s: From a buffer being filled to its being heard, as the driver says.
        extra_s: What `lipwright doctor --latency` measured beyond that.
    """

    def __init__(self, timeline: Timeline, cards: SoundCards, extra_s: float = 0.0) -> None:
        self.latency_s = 0.0
        self.extra_s = extra_s
        self._timeline = timeline
        self._cards = cards
        self._kept = KeptStream(self._open)
        self._clock = RealClock()

    @property
    def problem(self) -> str:
        """Why nothing is heard, in words; empty while all is well."""
        return self._kept.problem

    def start(self) -> None:
        """Begins to play. Raises LipwrightError without PortAudio."""
        self._cards.keep(self._kept)

    def close(self) -> None:
        """Silence."""
        self._cards.drop(self._kept)

    def _open(self, sounddevice: Any) -> Any:
        return sounddevice.OutputStream(
            samplerate=self._timeline.rate,
            channels=STEREO,
            dtype="float32",
            # What the card holds cannot be taken back when somebody interrupts.
            latency="low",
            callback=self._fill,
        )

    def _fill(self, out: NDArray[np.float32], frames: int, time: Any, status: Any) -> None:
        self._kept.beat()
        latency_s = time.outputBufferDacTime - time.currentTime
        if latency_s <= 0:  # some drivers leave the time stamps empty
            latency_s = self._kept.stream.latency if self._kept.stream is not None else 0.0
        self.latency_s = latency_s
        heard_s = self._clock.now() + latency_s + self.extra_s
        self._timeline.fill(out, heard_s)
