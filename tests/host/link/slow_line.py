"""A line that holds messages up, to put between a host and a board in virtual time."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from lipwright.boards import Board


class SlowLine:
    """A board at the far end of a line that holds up every message, each way, by what `delay` returns (s)."""

    def __init__(self, board: Board, delay: Callable[[], float]) -> None:
        self.name = board.name
        self.clock = board.clock
        self._board = board
        self._delay = delay
        self._port: Any = None
        self._there: deque[tuple[float, bytes]] = deque()
        self._back: deque[tuple[float, bytes]] = deque()

    def open(self) -> Any:
        """The host's end of the line: a port."""
        self._port = self._board.open()
        return self

    def close(self) -> None:
        self._port.close()

    def write(self, data: bytes) -> int:
        self._hold(self._there, data)
        return len(data)

    @property
    def in_waiting(self) -> int:
        self._carry()
        return sum(len(data) for due, data in self._back if due <= self.clock.now())

    def read(self, count: int = 1) -> bytes:
        """Whole messages, however many bytes are asked for."""
        self._carry()
        data = b""
        while self._back and self._back[0][0] <= self.clock.now():
            data += self._back.popleft()[1]
        return data

    def _carry(self) -> None:
        while self._there and self._there[0][0] <= self.clock.now():
            self._port.write(self._there.popleft()[1])
        if self._port.in_waiting:
            self._hold(self._back, self._port.read(self._port.in_waiting))

    def _hold(self, messages: deque[tuple[float, bytes]], data: bytes) -> None:
        """No message overtakes another."""
        due = self.clock.now() + self._delay()
        messages.append((max(due, messages[-1][0]) if messages else due, data))


def up_to(longest_s: float, seed: int) -> Callable[[], float]:
    """Delays by chance from 0 to the longest."""
    chance = random.Random(seed)
    return lambda: chance.uniform(0, longest_s)
