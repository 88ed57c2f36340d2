"""What the service listens to by itself, if told to: a microphone, or whatever plays here."""

from __future__ import annotations

import asyncio

from lipwright.live.engine import Engine
from lipwright.live.listen import device
from lipwright.live.microphone import Microphone
from lipwright.live.monitor import Monitor
from lipwright.live.sound_card import SoundCards


class Hearing:
    """A door (see serve.py) through which sound comes from this machine."""

    def __init__(self, engine: Engine, cards: SoundCards, microphone: str | None, monitor: bool) -> None:
        """`microphone`: part of its name, or its number; "" for the usual one; None for none."""
        named = None if microphone is None else device(microphone)
        self._microphone = None if microphone is None else Microphone(engine, cards, named)
        self._monitor = Monitor(engine) if monitor else None

    async def start(self) -> None:
        """Listens; before the speakers are opened. Raises LipwrightError where it cannot."""
        for source in (self._monitor, self._microphone):
            if source is not None:
                await asyncio.to_thread(source.start)

    async def close(self) -> None:
        """Listens no more."""
        for source in (self._microphone, self._monitor):
            if source is not None:
                await asyncio.to_thread(source.close)

    @property
    def listens(self) -> bool:
        """Whether a microphone is on."""
        return self._microphone is not None and self._microphone.on
