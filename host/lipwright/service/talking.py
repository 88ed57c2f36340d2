"""Sound from a client to the head: read no faster than it is spoken, and never more than so much."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lipwright.clock import RealClock
from lipwright.errors import LipwrightError
from lipwright.live.engine import Engine
from lipwright.live.incoming import Encoding, Incoming
from lipwright.live.speech import Speech

MOST_SOUND_BYTES = 16 * 1024 * 1024
# Senders at once. Each one that begins silences the one before, so this is for those that overlap.
MOST_SENDERS = 8
# A sender that is silent for so long has gone.
SILENT_S = 10.0
LOOK_S = 0.02
LONGEST_LAG_S = 2.0  # of what the speakers have still to play when the head has taken all

Result = TypeVar("Result")


class Interrupted(LipwrightError):
    """Another one speaks, or somebody said stop."""

    def __init__(self) -> None:
        super().__init__("another voice has taken over, or somebody said stop.")


class Talking:
    """Where sound comes in.

    Attributes:
        engine: Who speaks.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # Decoding a compressed sound waits for the head; each sender waits in a thread of its own.
        self._threads = ThreadPoolExecutor(MOST_SENDERS, thread_name_prefix="sound")
        self._under_way: set[Utterance] = set()

    @contextlib.contextmanager
    def utterance(self, name: str, raw: Encoding | None, live: bool = False) -> Iterator[Utterance]:
        """One sound; it is cancelled if anything is raised meanwhile. Raises LipwrightError for too many.

        `raw` says how samples lie; None: it is a WAV or a compressed stream.
        """
        if len(self._under_way) >= MOST_SENDERS:
            raise LipwrightError(f"{MOST_SENDERS} programs are sending sound already: try again in a moment.")
        utterance = Utterance(self, name, raw, live)
        self._under_way.add(utterance)
        try:
            yield utterance
        except BaseException:
            utterance.cancel()
            raise
        finally:
            self._under_way.discard(utterance)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Does what may wait in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Ends what is under way."""
        for utterance in list(self._under_way):
            utterance.cancel()
        self._threads.shutdown(wait=False)


class Utterance:
    """One sound on its way.

    Attributes:
        begun: Set once the head knows what the sound is.
    """

    def __init__(self, talking: Talking, name: str, raw: Encoding | None, live: bool) -> None:
        self.begun = asyncio.Event()
        self._talking = talking
        self._engine = talking.engine
        self._loop = asyncio.get_running_loop()
        self._name = name
        self._live = live
        self._taken = 0
        self._incoming = Incoming(self._begin, raw)

    async def feed(self, data: bytes) -> None:
        """Takes the next bytes, when there is room. Raises LipwrightError; Interrupted if nobody listens."""
        if not data:
            return
        self._taken += len(data)
        if not self._live and self._taken > MOST_SOUND_BYTES:
            raise LipwrightError(f"a sound is {MOST_SOUND_BYTES >> 20} MiB at most: send it in parts.")
        if self._incoming.decodes:
            await self._talking.run(lambda: self._incoming.feed(data))
        else:
            self._incoming.feed(data)
        while (speech := self._incoming.speech) is not None:
            if speech.cancelled:
                raise Interrupted()
            if speech.has_room:
                break
            await asyncio.sleep(LOOK_S)

    async def finish(self) -> None:
        """No more comes. Raises LipwrightError where there was no sound."""
        if not self._taken:
            raise LipwrightError("there was no sound in it: send WAV, MP3, Ogg, FLAC or raw samples.")
        await self._talking.run(self._incoming.finish)

    async def heard(self) -> bool:
        """Waits until all has been heard, after `finish`; returns whether it has, or was interrupted."""
        speech = self._incoming.speech
        if speech is None:
            return False
        while not speech.over.is_set():
            await asyncio.sleep(LOOK_S)
        if speech.cancelled:
            return False
        left_s = self._engine.timeline.ends_s - RealClock().now()
        await asyncio.sleep(min(LONGEST_LAG_S, max(0.0, left_s)))
        return True

    async def over(self) -> bool:
        """Waits until the head has taken all, or listens no more; returns whether the latter."""
        await self.begun.wait()
        speech = self._incoming.speech
        while speech is not None and not speech.over.is_set():
            await asyncio.sleep(LOOK_S)
        return speech is None or speech.cancelled

    def cancel(self) -> None:
        """Who sends has gone."""
        self._incoming.cancel()

    def _begin(self, rate: int, channels: int) -> Speech:
        speech = self._engine.speak(self._name, rate, channels, live=self._live)
        with contextlib.suppress(RuntimeError):  # the service ends
            self._loop.call_soon_threadsafe(self.begun.set)
        return speech
