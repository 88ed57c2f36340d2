"""How much of an expression a speaking mouth may show: never so much that a closure opens.

Speech comes first. Where the lip model asks for lips that close, press, round or tuck under the teeth, what
an expression adds to the mouth fades out before, and comes back after. Who is not about to speak may hold the
mouth as they like; in a pause of speech only the corners are free, for what comes next may begin with a
closure that is over before it is heard.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lipwright.face.prosody import Prosody
from lipwright.lips.model import ARTICULATION

# Lips that fall are taken for where they will be then: what is asked may lie no further ahead than the pose
# itself, and offsets take some time to fade.
FORESEEN_S = 0.060
# From where on an offset fades, and where it is gone; units of the articulation.
APERTURE = (0.40, 0.16)
ROUNDING = (0.20, 0.50)
WIDTH = (-0.15, -0.45)
TUCK = (0.10, 0.30)
CORNERS_LEAST = 0.35  # lips close with their corners drawn out, as in a smile; a little less is safer
FADES_S, RETURNS_S = 0.060, 0.200
STAYS_S = 0.080  # a closure that was asked for may lie ahead of the pose by the face model's look-ahead
QUIET_S = 0.45  # of silence until the mouth is free: longer than the closure of any plosive

Floats = npt.NDArray[np.floating[Any]]
_APERTURE, _WIDTH, _ROUNDING = (ARTICULATION.index(name) for name in ("aperture", "width", "rounding"))
_TUCK = ARTICULATION.index("tuck")


class Free(NamedTuple):
    """How free the mouth is, 0..1."""

    lips: float
    """Of what opens, shuts or pushes lips."""
    corners: float
    """Of what draws the corners out or in."""


class MouthGate:
    """Follows what speech asks for."""

    def __init__(self) -> None:
        self._lips = self._corners = 1.0
        self._quiet_s = QUIET_S
        self._last: tuple[float, ...] | None = None
        self._lowest = Free(1.0, 1.0)
        self._lowest_until_s = 0.0

    def step(
        self,
        now_s: float,
        passed_s: float,
        prosody: Prosody,
        articulation: Floats | None,
        in_speech: bool,
    ) -> Free:
        """How free the mouth is at `now_s`.

        `articulation` (5,) is what speech asks, None: not known. `in_speech`: the head has something to say,
        so that a pause may end with a closure at any moment.
        """
        self._quiet_s = 0.0 if prosody.speech else self._quiet_s + passed_s
        wanted = self._wanted(passed_s, articulation)
        if self._quiet_s >= QUIET_S:
            wanted = Free(0.0 if in_speech else 1.0, 1.0)
        elif articulation is None:
            wanted = Free(0.0, CORNERS_LEAST)
        if now_s >= self._lowest_until_s or wanted.lips <= self._lowest.lips:
            self._lowest, self._lowest_until_s = wanted, now_s + STAYS_S
        wanted = Free(min(wanted.lips, self._lowest.lips), min(wanted.corners, self._lowest.corners))
        self._lips = _moved(self._lips, wanted.lips, passed_s)
        self._corners = _moved(self._corners, wanted.corners, passed_s)
        return Free(self._lips, self._corners)

    def _wanted(self, passed_s: float, articulation: Floats | None) -> Free:
        if articulation is None:
            self._last = None
            return Free(1.0, 1.0)
        asked = tuple(float(value) for value in articulation)
        ahead = FORESEEN_S / passed_s if passed_s > 0 and self._last is not None else 0.0
        coming = [now + ahead * (now - last) for now, last in zip(asked, self._last or asked, strict=True)]
        self._last = asked
        unrounded = _free(max(asked[_ROUNDING], coming[_ROUNDING]), *ROUNDING)
        wide = _free(min(asked[_WIDTH], coming[_WIDTH]), *WIDTH)
        untucked = _free(max(asked[_TUCK], coming[_TUCK]), *TUCK)
        apart = _free(min(asked[_APERTURE], coming[_APERTURE]), *APERTURE)
        shaped = min(unrounded, wide)
        return Free(min(apart, shaped, untucked), shaped * (CORNERS_LEAST + (1 - CORNERS_LEAST) * apart))


def _free(value: float, free: float, gone: float) -> float:
    """1 at `free` and beyond, 0 at `gone` and beyond, straight between."""
    return min(1.0, max(0.0, (gone - value) / (gone - free)))


def _moved(now: float, wanted: float, passed_s: float) -> float:
    if wanted < now:
        return max(wanted, now - passed_s / FADES_S)
    return min(wanted, now + passed_s / RETURNS_S)
