"""The board's clock as the host sees it: offset and drift, fitted to two-way time stamps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from facewire.constants import TICKS_MASK

# The board counts milliseconds in 30 bits: once round in twelve days.
_TURN_MS = TICKS_MASK + 1
_HALF_TURN = _TURN_MS // 2

# Samples that the fit rests on: at one a second, a minute. Crystals drift with temperature, over minutes.
WINDOW = 60
# A round trip this much longer than the shortest one known says little: one of its ways was held up.
GATE_S = 0.0015
# Below this span, noise of a fraction of a millisecond would look like drift.
DRIFT_SPAN_S = 5.0
# Crystals keep to 100 ppm, a resonator to 5000; more is a mistake.
MOST_DRIFT = 0.005


@dataclass(frozen=True)
class _Sample:
    host_s: float
    board_ms: float
    round_trip_s: float


class ClockSync:
    """Maps host seconds to board milliseconds and back. Useless until the first `add`."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=WINDOW)
        self._host_s = 0.0
        self._board_ms = 0.0
        self.drift = 0.0
        """How much faster the board's clock runs than the host's; 1e-6 is one part per million."""

    def add(self, sent_s: float, received_s: float, board_ms: float, turnaround_s: float) -> bool:
        """One exchange: host times of sending the question and of receiving the answer, board time (30 bits)
        when the question came, and how long the board took to answer.

        Returns whether the sample counts; it does not if its round trip was too long.
        """
        round_trip = max(0.0, received_s - sent_s - turnaround_s)
        host = sent_s + round_trip / 2
        if self._samples:
            expected = self._unwrapped_ms(host)
            apart = (board_ms - expected + _HALF_TURN) % _TURN_MS - _HALF_TURN
            board_ms = expected + apart
        self._samples.append(_Sample(host, board_ms, round_trip))
        shortest = min(sample.round_trip_s for sample in self._samples)
        if round_trip > shortest + GATE_S:
            return False
        self._fit([sample for sample in self._samples if sample.round_trip_s <= shortest + GATE_S])
        return True

    @property
    def is_set(self) -> bool:
        """Whether there has been any exchange."""
        return bool(self._samples)

    def to_board_ms(self, host_s: float) -> float:
        """Board time at that moment, in ms within 30 bits."""
        return self._unwrapped_ms(host_s) % _TURN_MS

    def to_host_s(self, board_ms: float, near_s: float) -> float:
        """Host time of that board time (30 bits), of all its turns the one that lies nearest to `near_s`."""
        expected = self._unwrapped_ms(near_s)
        apart = (board_ms - expected + _HALF_TURN) % _TURN_MS - _HALF_TURN
        return near_s + apart / (1000 * (1 + self.drift))

    def _unwrapped_ms(self, host_s: float) -> float:
        return self._board_ms + (host_s - self._host_s) * 1000 * (1 + self.drift)

    def _fit(self, good: list[_Sample]) -> None:
        host = np.array([sample.host_s for sample in good])
        ahead = np.array([sample.board_ms - sample.host_s * 1000 for sample in good])
        centre = host.mean()
        span = host[-1] - host[0]
        if span >= DRIFT_SPAN_S:
            slope = ((host - centre) * (ahead - ahead.mean())).sum() / ((host - centre) ** 2).sum()
            self.drift = float(np.clip(slope / 1000, -MOST_DRIFT, MOST_DRIFT))
        self._host_s = float(centre)
        self._board_ms = float(ahead.mean() + centre * 1000)
