"""The microphone, or whatever else the machine hears: lips follow it as it comes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipwright.audio.features import SAMPLE_RATE
from lipwright.live.engine import Engine
from lipwright.live.sound_card import KeptStream, SoundCards
from lipwright.live.speech import Speech

BLOCK_S = 0.010


class Microphone:
    """Lets the head's lips follow a microphone, as long as nobody else speaks.

    Attributes:
        on: Whether it listens.
    """

    def __init__(self, engine: Engine, cards: SoundCards, device: str | int | None = None) -> None:
        """`device` as sounddevice takes it: part of its name, or its number; None: the default one."""
        self.on = False
        self._engine = engine
        self._cards = cards
        self._device = device
        self._kept = KeptStream(self._open)
        self._speech: Speech | None = None

    @property
    def problem(self) -> str:
        """Why nothing is heard, in words."""
        return self._kept.problem

    def start(self) -> None:
        """Listens. Raises LipwrightError without PortAudio."""
        self.on = True
        self._cards.keep(self._kept)
        self._engine.journal.tell("listens", "The microphone is on; nothing that it hears is kept.")

    def close(self) -> None:
        """Listens no more."""
        if self.on:
            self.on = False
            self._cards.drop(self._kept)
            if self._speech is not None:
                self._speech.cancel()
                self._speech = None
            self._engine.journal.tell("deaf", "The microphone is off.")

    def _open(self, sounddevice: Any) -> Any:
        return sounddevice.InputStream(
            device=self._device,
            samplerate=SAMPLE_RATE,
            channels=1,
            dtype="float32",
            blocksize=round(SAMPLE_RATE * BLOCK_S),
            latency="low",
            callback=self._take,
        )

    def _take(self, block: NDArray[np.float32], frames: int, time: Any, status: Any) -> None:
        self._kept.beat()
        speech = self._speech
        if speech is None or speech.over.is_set():
            if self._engine.snapshot().speaking:  # somebody else; the head does not follow two
                return
            speech = self._speech = self._engine.speak("the microphone", SAMPLE_RATE, live=True)
        speech.push(block.copy())
