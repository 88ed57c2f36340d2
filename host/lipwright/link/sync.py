"""The board's clock as the host sees it: offset and drift, fitted to two-way time stamps.

No message arrives before it was sent. So each exchange bounds the board's clock from both sides: when the
question was sent, it showed at most what the board read when the question came; when the answer came, at
least what the board read when the answer left. The fit is the straight line that keeps the most room to all
bounds of the last minutes. An exchange whose answer was held up still gives a good bound on its other side,
and of hundreds of poor ones the best bounds are good, where a mean over short round trips would need both
ways of one exchange to be quick at once. How much the line holds up does not matter then, only that now and
then a message of either direction slips through.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facewire.constants import TICKS_MASK

# The board counts milliseconds in 30 bits: once round in twelve days.
_TURN_MS = TICKS_MASK + 1
_HALF_TURN = _TURN_MS // 2

# Exchanges that the fit rests on: at one a second, seven minutes. More give tighter bounds on a bad line, but
# a crystal that warms up drifts along a curve: at 10 ppm an hour, 400 s of it lie within 0.1 ms of a line.
WINDOW = 400
# Old bounds leave the window unnoticed until then.
FIT_EVERY = 30
# A round trip counts as quick if it is at most this much longer than the shortest of the last minute.
GATE_S = 0.0015
GATE_WINDOW = 60
# Below this span, noise of a fraction of a millisecond would look like drift.
DRIFT_SPAN_S = 5.0
# Boards with USB have crystals, which keep to 100 ppm; more than this is noise of the first seconds.
MOST_DRIFT = 0.0005
_DRIFT_STEP = 1e-8
# Bounds that contradict the line by this much: a clock has stood still (a laptop slept) or was set.
JUMP_MS = 100.0

Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Sample:
    """Host time in the middle of an exchange, board time then, and half of the round trip."""

    host_s: float
    board_ms: float
    half_ms: float


class ClockSync:
    """Maps host seconds to board milliseconds and back. Useless until the first `add`."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=WINDOW)
        self._round_trips: deque[float] = deque(maxlen=GATE_WINDOW)
        self._host_s = 0.0
        self._board_ms = 0.0
        self._room_ms = 0.0
        self._since_fit = 0
        self.drift = 0.0
        """How much faster the board's clock runs than the host's; 1e-6 is one part per million."""

    def add(self, sent_s: float, received_s: float, board_ms: float, turnaround_s: float) -> bool:
        """One exchange: host times of sending the question and of receiving the answer, board time (30 bits)
        when the question came, and how long the board took to answer.

        Returns whether its round trip was quick. A slow one moves the clock too, if it bounds it more tightly
        than is known.
        """
        round_trip = max(0.0, received_s - sent_s - turnaround_s)
        host = sent_s + round_trip / 2
        half_ms = round_trip * 500
        room_ms = -1.0
        if self._samples:
            expected = self._unwrapped_ms(host)
            apart = (board_ms - expected + _HALF_TURN) % _TURN_MS - _HALF_TURN
            board_ms = expected + apart
            room_ms = half_ms - abs(apart)
            if room_ms < -JUMP_MS:
                self._samples.clear()
                self._round_trips.clear()
        self._samples.append(_Sample(host, board_ms, half_ms))
        self._round_trips.append(round_trip)
        self._since_fit += 1
        if room_ms < self._room_ms or self._since_fit >= FIT_EVERY:
            self._fit()
        return round_trip <= min(self._round_trips) + GATE_S

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

    def _fit(self) -> None:
        """Lays the line through the middle of the room that the bounds leave, where they leave the most."""
        self._host_s = self._samples[-1].host_s
        since = np.array([sample.host_s - self._host_s for sample in self._samples])
        ahead = np.array([sample.board_ms for sample in self._samples]) - since * 1000
        half = np.array([sample.half_ms for sample in self._samples])
        self._since_fit = 0
        upper, lower = ahead + half, ahead - half
        if since[-1] - since[0] >= DRIFT_SPAN_S:
            # Often many slopes leave the same room, that of one very short round trip: take their middle.
            slopes = [_steepest(since, upper, lower, even) for even in (False, True)]
            self.drift = sum(slopes) / 2
        tilted = since * 1000 * self.drift
        above, below = (upper - tilted).min(), (lower - tilted).max()
        self._board_ms = float((above + below) / 2)
        self._room_ms = float((above - below) / 2)


def _steepest(since: Times, upper: Times, lower: Times, even: bool) -> float:
    """The drift with the most room between the bounds: the first such one, or (`even`) the last.

    The room shrinks the further the drift is from there. At a smaller drift, the bound from above that is
    closest to the line is an older one than that from below, and at a greater drift the other way round.
    """
    least, most = -MOST_DRIFT, MOST_DRIFT
    while most - least > _DRIFT_STEP:
        drift = (least + most) / 2
        tilted = since * 1000 * drift
        above, below = since[(upper - tilted).argmin()], since[(lower - tilted).argmax()]
        if below > above or (even and below == above):
            least = drift
        else:
            most = drift
    return (least + most) / 2
