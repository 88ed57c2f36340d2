"""Pictures of a simulated head: a few a second, drawn in one thread, however many clients look."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from lipwright.boards import PicturedBoard
from lipwright.clock import RealClock
from lipwright.errors import LipwrightError

# Drawing takes a good part of a small machine, which has a head to move.
EVERY_S = 0.18


class Pictures:
    """The newest picture.

    Attributes:
        board: Who is drawn; None where nobody can be.
    """

    def __init__(self) -> None:
        self.board: PicturedBoard | None = None
        # OpenGL wants all calls from one thread.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self._clock = RealClock()
        self._made_s = float("-inf")
        self._newest = b""
        self._lock = asyncio.Lock()

    async def newest(self) -> bytes:
        """A JPEG. Raises LipwrightError where there is none."""
        board = self.board
        if board is None:
            raise LipwrightError("there are pictures of the simulated head only: start with --sim.")
        async with self._lock:
            if self._clock.now() - self._made_s > EVERY_S:
                loop = asyncio.get_running_loop()
                self._newest = await loop.run_in_executor(self._thread, board.jpeg)
                self._made_s = self._clock.now()
            return self._newest

    def close(self) -> None:
        """Draws no more."""
        self._thread.shutdown(wait=True, cancel_futures=True)
