"""A head to speak with: the real engine, and a board on which the real firmware runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from liplab.board import SimulatedBoard
from lipwright.face.profile import load_profile
from lipwright.live.connector import Connector
from lipwright.live.engine import Engine

RATE = 22_050


@contextlib.contextmanager
def head(with_board: bool = True) -> Iterator[Engine]:
    """A running engine, in real time."""
    profile = load_profile()
    with contextlib.ExitStack() as closing:
        connector = None
        if with_board:
            board = closing.enter_context(SimulatedBoard())
            connector = Connector(lambda: board, profile)
        engine = Engine(profile, connector, 48_000)
        closing.callback(engine.close)
        engine.start()
        wait_until(lambda: engine.snapshot().connected == with_board)
        yield engine


def wait_until(holds: Callable[[], Any], within_s: float = 10.0) -> float:
    """Waits until something holds, and returns how many seconds that took; fails if it takes too long."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within_s, "it never happened"
        time.sleep(0.005)
    return time.monotonic() - began


def hum(seconds: float) -> bytes:
    """Something like a voice, loud, 16 bits, mono, 22,050 Hz."""
    times = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 120 * harmonic * times) / harmonic for harmonic in range(1, 12))
    return (8000 * tone * (1 + np.sin(2 * np.pi * 4 * times)) / 2).astype("<i2").tobytes()
