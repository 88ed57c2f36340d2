"""Shows that a program of this machine watches people by camera and microphone: on the face, and in words."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from lipwright.errors import LipwrightError
from lipwright.live.engine import SPEAKING, Engine
from lipwright.live.service_socket import MOST_WORDS, STOP
from lipwright.service.typed_json import from_text, told

MOOD, IDLE = "watching", "idle"
LOOK_S = 0.2


@dataclass(frozen=True)
class Watches:
    """A line of a program that watches."""

    watching: str = told("what it does, for people", maxLength=MOST_WORDS)


class Watched:
    """The programs that watch, as long as their connections last.

    Attributes:
        words: What they do, for people; empty while there is none.
    """

    def __init__(self, engine: Engine) -> None:
        self.words = ""
        self._engine = engine
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(
        self, first: bytes, begun: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Until the program goes. `first` is its first line, `begun` what came behind that already.

        Raises LipwrightError for a line that is none.
        """
        self._writers.append(writer)
        self._engine.journal.tell("watches", "Camera and microphone are on: somebody is watched.")
        failure: LipwrightError | None = None
        try:
            await self._follow(first, begun.rpartition(b"\n")[2], reader)
        except LipwrightError as error:
            failure = error
        finally:
            self._writers.remove(writer)
            if not self._writers:
                self.words = ""
                self._engine.journal.tell("watches_not", "Camera and microphone are off.")
        await self._look_away()
        if failure is not None:
            raise failure

    def stop(self) -> None:
        """Asks all to end. Raises LipwrightError where there is none."""
        if not self._writers:
            raise LipwrightError("nobody is watched at the moment.")
        for writer in self._writers:
            with contextlib.suppress(ConnectionError):
                writer.write(f"{STOP}\n".encode())
        self._engine.journal.tell("watches_stop", "Somebody wants an end of the watching.")

    async def _follow(self, line: bytes, begun: bytes, reader: asyncio.StreamReader) -> None:
        self._engine.life.mood = MOOD
        while line:
            self.words = from_text(Watches, line).watching
            # An assistant may have gone through its own moods meanwhile.
            if self._engine.life.mood == IDLE:
                self._engine.life.mood = MOOD
            try:
                line, begun = begun + await reader.readline(), b""
            except ConnectionError:
                return
            except ValueError:
                raise LipwrightError("a line about watching is too long.") from None

    async def _look_away(self) -> None:
        # Who speaks goes back afterwards to the mood before.
        while self._engine.life.mood == SPEAKING and not self._writers:
            await asyncio.sleep(LOOK_S)
        if self._engine.life.mood == MOOD and not self._writers:
            self._engine.life.mood = IDLE
