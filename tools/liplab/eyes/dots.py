"""Finds dots painted on a head: blue ones on the lips, green ones on its chin and on the rigid upper face.

It needs no face that looks like a person's, and OpenCV only. Lips have 8, 12 or 20 dots: one in each corner,
the others at even steps along both lips, those of the lower below those of the upper. The green ones lie over
the right eye and over the left, between the eyes, and on the chin.

The order of the lips' dots is found where they lie in pairs, one above the other, as in a mouth at rest; from
there they are followed from picture to picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liplab.eyes.sight import (
    CUT_OFF,
    LIP_NODES_PER_SIDE,
    LOST_DOTS,
    MIXED_DOTS,
    NO_DOTS,
    TOO_DARK,
    TWO_FACES,
    Floats,
    Missed,
    Pixels,
    Sight,
)
from lipwright.errors import LipwrightError

# OpenCV's hue (0..180), saturation and value of the paints.
BLUE = ((100, 100, 40), (140, 255, 255))
GREEN = ((38, 100, 40), (88, 255, 255))
LEAST_AREA = 2  # pixels
LARGEST_SPOT = 0.04  # of the picture's longer side
LARGEST_DOT = 0.13  # of the distance between the dots over the eyes: what is larger is no dot
LIP_DOTS = (20, 12, 8)
FACE_DOTS = 4
# Where dots of the lips are looked for: shares of the way from the eyes' dots to the chin's, and to both
# sides, of the distance between the dots over the eyes.
MOUTH_FROM, MOUTH_TO, MOUTH_SIDE = 0.45, 1.1, 0.75
PAIR_SKEW = 0.45  # of the way to the next pair: how far one dot of a pair may be beside the other
LEAST_ROOM = 0.25  # of the mean way from pair to pair: the least
CROSSED = 0.3  # steps along the lip: a dot of the upper lip so far below its partner is a mistake
STEPS_A_PICTURE = 2.5  # that a dot may move against where it was expected, in steps along the lip
FACE_WAY = 0.35  # the same of the green ones, in distances between the dots over the eyes
GO_ON = 0.7  # of its way since the picture before that a dot is expected to go on
MERGED = 1.5  # times the area of a dot: two that touch
MERGED_NEAR = 0.8  # steps along the lip: how near to them two dots that touch must have been expected
MOST_LOST = 2  # dots of the lips that may be filled in
DOTS_PER_GUESS = 10  # at first sight, one dot in so many may be hidden
MOST_MISSED = 5  # pictures in a row after which the order is sought anew
DARK = 40  # mean grey level of a picture below which darkness is to blame

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class _Spots:
    """Patches of one colour: centres (n, 2), areas (n,) in pixels, and whether the picture's edge cuts them.

    `pixels` (m, 2) are x and y of all their pixels, `patch` (m,) says whose, `weights` (m,) how much paint.
    """

    centres: Floats
    areas: Floats
    cut: NDArray[np.bool_]
    pixels: Floats
    patch: Indices
    weights: Floats

    def only(self, which: NDArray[np.bool_]) -> _Spots:
        """The patches that are chosen."""
        number = np.cumsum(which) - 1
        kept = which[self.patch]
        return _Spots(
            self.centres[which],
            self.areas[which],
            self.cut[which],
            self.pixels[kept],
            number[self.patch[kept]],
            self.weights[kept],
        )

    def halves(self, patch: int, first: Floats, second: Floats) -> tuple[Floats, Floats]:
        """Centres of the two dots that make one patch, from where they are expected."""
        own = self.patch == patch
        pixels, weights = self.pixels[own], self.weights[own]
        # Expected places may both lie to one side of the patch: only their direction counts.
        middle = self.centres[patch] - (first + second) / 2
        first, second = first + middle, second + middle
        for _ in range(5):
            nearer = ((pixels - first) ** 2).sum(1) < ((pixels - second) ** 2).sum(1)
            if nearer.all() or not nearer.any():
                return self.centres[patch], self.centres[patch]
            first = np.average(pixels[nearer], axis=0, weights=weights[nearer])
            second = np.average(pixels[~nearer], axis=0, weights=weights[~nearer])
        return first, second


@dataclass(frozen=True)
class _Followed:
    """Dots where they were last seen, (n, 2), and how far they came since the picture before."""

    places: Floats
    way: Floats

    @property
    def expected(self) -> Floats:
        return self.places + GO_ON * self.way

    def moved(self, places: Floats) -> _Followed:
        return _Followed(places, places - self.places)


class DotTracker:
    """Painted dots as a `Tracker`. Three anchors: over the right eye, over the left, between the eyes."""

    name = "dots"

    _face: _Followed | None
    _lips: _Followed | None

    def __init__(self) -> None:
        """Raises LipwrightError where OpenCV is not installed."""
        try:
            import cv2
        except ImportError as error:
            raise LipwrightError("Seeing dots needs OpenCV; pip install opencv-python-headless.") from error
        self._cv2: Any = cv2
        self.reset()

    def find(self, pixels: Pixels) -> Sight | Missed:
        """Looks at one picture (h, w, 3), RGB."""
        hsv = self._cv2.cvtColor(np.ascontiguousarray(pixels), self._cv2.COLOR_RGB2HSV)
        green, blue = self._spots(pixels, hsv, GREEN), self._spots(pixels, hsv, BLUE)
        face = self._find_face(green)
        if isinstance(face, Missed):
            dark = face.reason == NO_DOTS and pixels.mean() < DARK
            return self._miss(Missed(TOO_DARK) if dark else face)
        lips = self._find_lips(_near_mouth(blue, face.places), face.places)
        if isinstance(lips, Missed):
            return self._miss(lips)
        self._face, self._lips, self._missed = face, lips, 0
        return Sight(_resampled(lips.places), face.places[3], face.places[:3])

    def reset(self) -> None:
        """Forgets the picture before."""
        self._face = None
        self._lips = None
        self._missed = 0

    def close(self) -> None:
        """Nothing to let go of."""

    def _find_face(self, green: _Spots) -> _Followed | Missed:
        followed = None if self._face is None else _follow_face(self._face, green)
        if followed is not None:
            return followed
        places = _order_face(green)
        return places if isinstance(places, Missed) else _Followed(places, np.zeros_like(places))

    def _find_lips(self, blue: _Spots, face: Floats) -> _Followed | Missed:
        # Where the order is plain it is taken afresh, so that dots once mistaken for each other come right.
        if self._lips is None:
            places = _order_lips(face, blue)
            return places if isinstance(places, Missed) else _Followed(places, np.zeros_like(places))
        plain = _paired(face, blue.centres) if len(blue.centres) == len(self._lips.places) else None
        if plain is None:
            return _follow_lips(self._lips, blue, face) or Missed(LOST_DOTS)
        return self._lips.moved(plain)

    def _miss(self, missed: Missed) -> Missed:
        self._missed += 1
        if self._missed > MOST_MISSED:
            self.reset()
        for followed in (self._face, self._lips):
            if followed is not None:
                followed.way[:] = 0
        return missed

    def _spots(self, pixels: Pixels, hsv: Pixels, paint: tuple[tuple[int, ...], tuple[int, ...]]) -> _Spots:
        mask = self._cv2.inRange(hsv, *paint)
        count, labels, stats, _ = self._cv2.connectedComponentsWithStats(mask, connectivity=4)
        y, x = np.nonzero(mask)
        patch = labels[y, x].astype(np.int64) - 1
        colour = pixels[y, x].astype(np.float64)
        # How far the paint's colour stands out: less at a dot's edge, which it covers in part.
        weights = 1.0 + colour.max(1) - np.sort(colour, axis=1)[:, 1]
        total = np.maximum(np.bincount(patch, weights, count - 1), 1e-9)
        centres = np.column_stack(
            [np.bincount(patch, weights * along, count - 1) / total for along in (x, y)]
        )
        left, top, wide, high, area = stats[1:].T
        height, width = mask.shape
        cut = (left == 0) | (top == 0) | (left + wide == width) | (top + high == height)
        spots = _Spots(
            centres, area.astype(np.float64), cut, np.column_stack([x, y]).astype(np.float64), patch, weights
        )
        largest = (LARGEST_SPOT * max(mask.shape)) ** 2
        return spots.only((spots.areas >= LEAST_AREA) & (spots.areas <= largest))


def _order_face(green: _Spots) -> Floats | Missed:
    """Right, left, middle and chin (4, 2) of a face that is upright in the picture."""
    cut, green = green.cut.any(), green.only(~green.cut)
    count = len(green.centres)
    if count >= 2 * FACE_DOTS:
        return Missed(TWO_FACES)
    if count < FACE_DOTS:
        return Missed(CUT_OFF if cut else NO_DOTS)
    places = green.centres[np.argsort(-green.areas)[:FACE_DOTS]]
    places = places[np.argsort(places[:, 1])]
    right, middle, left = places[:3][np.argsort(places[:3, 0])]
    chin = places[3]
    _, down = _axes(np.array([right, left]))
    if not 0 < (middle - right) @ down < (chin - right) @ down:
        return Missed(NO_DOTS)
    return np.array([right, left, middle, chin])


def _near_mouth(blue: _Spots, face: Floats) -> _Spots:
    """The patches that may be dots of the lips of a face (4, 2)."""
    right, left, _, chin = face
    across = left - right
    eyes = float(np.hypot(*across))
    along, off = blue.centres - (right + left) / 2, chin - (right + left) / 2
    share = along @ off / max(float(off @ off), 1e-9)
    aside = np.abs(along @ np.array([off[1], -off[0]])) / max(float(np.hypot(*off)), 1e-9)
    small = blue.areas < (LARGEST_DOT * eyes) ** 2
    return blue.only((share > MOUTH_FROM) & (share < MOUTH_TO) & (aside < MOUTH_SIDE * eyes) & small)


def _order_lips(face: Floats, blue: _Spots) -> Floats | Missed:
    """The dots (n, 2) of lips at rest: right corner, upper ones to the left, left corner, lower the same."""
    cut, blue = blue.cut.any(), blue.only(~blue.cut)
    count = len(blue.centres)
    for dots in LIP_DOTS:
        if dots - dots // DOTS_PER_GUESS <= count <= dots:
            for centres in (_completed(face, blue.centres, dots), _divided(blue, dots)):
                ordered = None if centres is None else _paired(face, centres)
                if ordered is not None:
                    return ordered
            return Missed(MIXED_DOTS)
    if cut:
        return Missed(CUT_OFF)
    return Missed(LOST_DOTS if count > min(LIP_DOTS) // 2 else NO_DOTS)


def _completed(face: Floats, found: Floats, dots: int) -> Floats | None:
    """As many dots (n, 2): one or two that are hidden, as on a head that is turned, lie across the mouth from
    their partners. None where these are hidden too."""
    if len(found) == dots:
        return found
    across, down = _axes(face)
    found = found[np.argsort(found @ across)]
    right, left, others = found[0], found[-1], found[1:-1]
    line = np.interp(others @ across, [right @ across, left @ across], [right @ down, left @ down])
    above = others @ down < line
    whole, part = sorted((others[above], others[~above]), key=len, reverse=True)
    if len(whole) != (dots - 2) // 2 or not len(part):
        return None
    partner = np.abs((part @ across)[:, None] - (whole @ across)[None]).argmin(1)
    if len(set(partner.tolist())) < len(part):
        return None
    alone = np.setdiff1d(np.arange(len(whole)), partner)
    beside = np.abs(alone[:, None] - partner[None]).argmin(1)
    filled = whole[alone] + part[beside] - whole[partner[beside]]
    return np.vstack([found, filled])


def _divided(blue: _Spots, dots: int) -> Floats:
    """Centres of as many dots (n, 2): where there are too few patches, the largest are two dots each."""
    double = np.argsort(-blue.areas)[: dots - len(blue.centres)]
    centres = [np.delete(blue.centres, double, axis=0)]
    for patch in double:
        spread = np.cov((blue.pixels[blue.patch == patch]).T)
        long = np.linalg.eigh(spread)[1][:, 1]
        centres.append(
            np.array(blue.halves(int(patch), blue.centres[patch] - long, blue.centres[patch] + long))
        )
    return np.concatenate(centres)


def _paired(face: Floats, dots: Floats) -> Floats | None:
    """Dots of the lips (n, 2) in their order if they lie in plain pairs between two corners."""
    across, down = _axes(face)
    along, low = dots @ across, dots @ down
    order = np.argsort(along)
    pairs = order[1:-1].reshape(-1, 2)
    columns = np.concatenate([along[order[:1]], along[pairs].mean(1), along[order[-1:]]])
    room = np.diff(columns)
    skew = np.abs(np.diff(along[pairs], axis=1)[:, 0])
    if (skew > PAIR_SKEW * np.minimum(room[:-1], room[1:])).any() or (room < LEAST_ROOM * room.mean()).any():
        return None
    upper_first = low[pairs[:, 0]] < low[pairs[:, 1]]
    upper = np.where(upper_first, pairs[:, 0], pairs[:, 1])
    lower = np.where(upper_first, pairs[:, 1], pairs[:, 0])
    return np.asarray(dots[np.concatenate([order[:1], upper, order[-1:], lower])])


def _axes(face: Floats) -> tuple[Floats, Floats]:
    """Unit vectors (2,) along the line of the eyes, to the head's left, and down."""
    across = (face[1] - face[0]) / max(float(np.hypot(*(face[1] - face[0]))), 1e-9)
    return across, np.array([-across[1], across[0]])


def _follow_face(face: _Followed, green: _Spots) -> _Followed | None:
    """The green dots in the next picture; one may be hidden."""
    green = green.only(~green.cut)
    gate = FACE_WAY * float(np.hypot(*(face.places[1] - face.places[0])))
    match = _assigned(face.expected, green.centres, gate)
    seen = match >= 0
    if (~seen).sum() > 1:
        return None
    places = face.expected
    places[seen] = green.centres[match[seen]]
    # Face and jaw hardly move against each other from one picture to the next.
    places[~seen] = face.places[~seen] + (places[seen] - face.places[seen]).mean(0)
    return face.moved(places)


def _follow_lips(lips: _Followed, blue: _Spots, face: Floats) -> _Followed | None:
    """The dots of the lips in the next picture; None where too many are lost."""
    blue = blue.only(~blue.cut)
    expected, count = lips.expected, len(lips.places)
    per_lip = (count - 2) // 2
    step = float(np.hypot(*(lips.places[1 + per_lip] - lips.places[0]))) / (per_lip + 1)
    gate = STEPS_A_PICTURE * step
    match = _assigned(expected, blue.centres, gate)
    places = expected.copy()
    places[match >= 0] = blue.centres[match[match >= 0]]
    lost = _unmerge(places, expected, match, blue, step)
    if len(lost) > MOST_LOST:
        return None
    chain = np.r_[0 : per_lip + 2, count - 1 : per_lip + 1 : -1]  # around the mouth
    seen = np.isin(chain, lost, invert=True)
    for dot in lost:
        at = int(np.flatnonzero(chain == dot)[0])
        away = (at - np.arange(count)) % count
        beside = [chain[seen][np.argmin(away[seen])], chain[seen][np.argmin((-away % count)[seen])]]
        places[dot] = lips.places[dot] + (places[beside] - lips.places[beside]).mean(0)
    across, down = _axes(face)
    upper, lower = places[1 : 1 + per_lip], places[2 + per_lip :]
    mistaken = [*(np.diff(upper @ across) <= 0), *(np.diff(lower @ across) <= 0)]
    mistaken += [*((upper - lower) @ down > CROSSED * step)]
    if any(mistaken):
        return None
    return lips.moved(places)


def _unmerge(places: Floats, expected: Floats, match: Indices, blue: _Spots, step: float) -> list[int]:
    """Divides patches that are two dots, writes both into `places`; returns the dots that stay lost."""
    lost = [int(dot) for dot in np.flatnonzero(match < 0)]
    if not len(blue.centres):
        return lost
    double = blue.areas > MERGED * np.median(blue.areas)
    for dot in tuple(lost):
        away = np.hypot(*(blue.centres - expected[dot]).T)
        patch = int(np.where(double, away, np.inf).argmin())
        partner = np.flatnonzero(match == patch)
        if double[patch] and away[patch] < MERGED_NEAR * step and len(partner):
            places[dot], places[partner[0]] = blue.halves(patch, expected[dot], expected[partner[0]])
            double[patch] = False
            lost.remove(dot)
    return lost


def _assigned(expected: Floats, found: Floats, gate: float) -> Indices:
    """For each of n expected places, which of m found ones it is, or -1: least squares over all together.

    A dot that is farther than `gate` pixels from all that are free is lost.
    """
    apart = ((expected[:, None] - found[None]) ** 2).sum(-1)
    n, m = apart.shape
    match = _cheapest(np.hstack([apart, np.full((n, n), gate**2)]))
    match[match >= m] = -1
    return match


def _cheapest(cost: Floats) -> Indices:
    """Column of each row in the cheapest one-to-one assignment (the Hungarian method); rows <= columns."""
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, dtype=np.int64)  # of each column, counted from 1; 0: nobody
    for row in range(1, rows + 1):
        owner[0], column = row, 0
        least = np.full(columns + 1, np.inf)
        before = np.zeros(columns + 1, dtype=np.int64)
        done = np.zeros(columns + 1, dtype=bool)
        while owner[column]:
            done[column] = True
            at = owner[column]
            price = cost[at - 1] - row_price[at] - column_price[1:]
            better = np.r_[False, ~done[1:] & (price < least[1:])]
            least[better], before[better] = price[better[1:]], column
            following = int(np.where(done, np.inf, least)[1:].argmin()) + 1
            step = least[following]
            row_price[owner[done]] += step
            column_price[done] -= step
            least[~done] -= step
            column = following
        while column:
            owner[column] = owner[before[column]]
            column = int(before[column])
    match = np.zeros(rows, dtype=np.int64)
    owned = np.flatnonzero(owner[1:])
    match[owner[1:][owned] - 1] = owned
    return match


def _resampled(lips: Floats) -> Floats:
    """Lips of 20 points from dots (n, 2), by natural cubic splines from corner to corner."""
    if len(lips) == 2 + 2 * LIP_NODES_PER_SIDE:
        return lips
    per_lip = (len(lips) - 2) // 2
    right, left = lips[0], lips[1 + per_lip]
    steps = np.linspace(0, per_lip + 1, LIP_NODES_PER_SIDE + 2)[1:-1]
    rows = [
        _spline(np.vstack([right, row, left]), steps) for row in (lips[1 : 1 + per_lip], lips[2 + per_lip :])
    ]
    return np.vstack([right, rows[0], left, rows[1]])


def _spline(knots: Floats, at: Floats) -> Floats:
    """Values of the natural cubic spline through knots (n, 2) at 0, 1, 2, ... ."""
    count = len(knots)
    bend = np.eye(count)
    sides = np.zeros((count, 2))
    for k in range(1, count - 1):
        bend[k, k - 1 : k + 2] = (1, 4, 1)
        sides[k] = 6 * (knots[k - 1] - 2 * knots[k] + knots[k + 1])
    second = np.linalg.solve(bend, sides)
    first = np.clip(at.astype(int), 0, count - 2)
    b = (at - first)[:, None]
    a = 1 - b
    curve = (a**3 - a) * second[first] + (b**3 - b) * second[first + 1]
    return np.asarray(a * knots[first] + b * knots[first + 1] + curve / 6)
