"""Faces from picture to picture: who is who, and in which pictures a face can be used.

A face is followed by its place. It is lost at a cut of the film, or where it jumps; what comes then is
another one, whoever it is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from liplab.eyes.mesh import CHIN, EYES, MeshTracker, sight_of
from liplab.eyes.sight import Floats, Pixels, Sight
from liplab.scores import runs
from liplab.speech.facetrack import measure

MOST_FACES = 3
PARTS = ("aperture", "width", "jaw")

# Reasons why a face, or a stretch of a video, is of no use.
NO_FACE = "no face is to be seen"
TURNED = "the head is turned away"
COVERED = "something covers the mouth"
SMALL = "the face is too small or too far away"
EDGE = "the edge of the picture cuts the face off"

MOST_YAW_DEG = 25.0  # lips seen from farther aside are foreshortened by a tenth and more
# Chin up or down: GRID's speakers, who look into the camera, are between -3 and 10.
MOST_PITCH_DEG = 30.0
LEAST_EYES = 24.0  # pixels between the eyes; closures are seen sharply from some 40 on
BROW, OUTER_EYES = 10, (33, 263)

SAME_FACE = 0.5  # of its width: how far a face may move from one picture to the next
SAME_SIZE = 1.4
LONGEST_UNSEEN_S = 0.5  # after which a face is another one

# Points around the lips and on the chin, and others above the mouth that tell how the light changes.
SKIN = np.array(
    "164 167 393 165 391 57 287 43 273 106 335 18 200 199 83 313 182 406 92 322 186 410 202 422".split(), int
)
LIGHT = np.array([10, 151, 67, 297, 109, 338, 9, 8, 6, 197, 54, 284])
# Of 255: further than speech takes a point's colour from its median, with the light's own change taken out;
# the share of points; and for how long, for something to lie over the mouth. Chosen on GRID's speakers, who
# cover nothing, and on the same with patches of colours like their skin painted over their mouths.
CHANGED, CHANGED_SHARE, CHANGED_S = 20.0, 0.35, 0.15
# Colours are grouped so coarsely for cuts that moving people change little.
CUT_GRID, CUT_LEVELS = (6, 8), 8
# Of the picture that changes its level at once: within GRID's clips it is 0.02 at most, from one to another
# 0.12 and more. A camera that is swung round changes much in every picture, so it must be a leap, too.
CUT_CHANGE, CUT_LEAP = 0.09, 4.0


@dataclass(frozen=True)
class Look:
    """A face in one picture: where its points are, lips over the eyes' distance, colours of its skin."""

    time_s: float
    sight: Sight
    measures: Floats  # (3,) of PARTS, over the distance of the eyes
    colours: Floats  # (len(SKIN), 3), 0..255, from the colour of LIGHT
    place: Floats  # (3,) centre and width of the face in pixels
    reason: str  # why this picture of it is of no use; empty: it is


@dataclass
class Face:
    """One face, followed."""

    number: int
    looks: list[Look] = field(default_factory=list)

    def is_near(self, look: Look) -> float | None:
        """How far a look lies from the last one, in widths of the face; None: it cannot be the same."""
        last = self.looks[-1]
        x, y, width = last.place
        away = float(np.hypot(look.place[0] - x, look.place[1] - y) / width)
        ratio = max(look.place[2] / width, width / look.place[2])
        recent = look.time_s - last.time_s <= LONGEST_UNSEEN_S
        return away if recent and away < SAME_FACE and ratio < SAME_SIZE else None

    def reasons(self) -> list[str]:
        """For each look why it cannot be used, empty where it can: what covers the mouth is known now."""
        colours = np.array([look.colours for look in self.looks])
        times = np.array([look.time_s for look in self.looks])
        off = np.abs(colours - np.median(colours, axis=0)).max(axis=2)
        changed = (off > CHANGED).mean(axis=1) > CHANGED_SHARE
        covered = np.zeros(len(changed), bool)
        for first, last in runs(changed):
            covered[first:last] = times[last - 1] - times[first] >= CHANGED_S
        pairs = zip(self.looks, covered, strict=True)
        return [look.reason or (COVERED if hidden else "") for look, hidden in pairs]


class FaceFollower:
    """Follows the faces of pictures that come one after the other."""

    def __init__(self, mesh: MeshTracker) -> None:
        """`mesh` should follow MOST_FACES; it is reset."""
        self._mesh = mesh
        mesh.reset()
        self._levels: NDArray[np.float64] | None = None
        self._usual_change = 0.0
        self._open: list[Face] = []
        self.faces: list[Face] = []
        self.times_s: list[float] = []
        self.seen: list[bool] = []  # whether a picture showed any face
        self.cuts = 0

    def look(self, time_s: float, pixels: Pixels) -> None:
        """Takes the next picture (h, w, 3), RGB."""
        if self._is_cut(pixels):
            self._mesh.reset()
            self._open = []
            self.cuts += 1
        looks = [_look(time_s, pixels, face) for face in self._mesh.faces(pixels)]
        self.times_s.append(time_s)
        self.seen.append(bool(looks))
        pairs = [
            (away, number, face)
            for number, look in enumerate(looks)
            for face in self._open
            if (away := face.is_near(look)) is not None
        ]
        taken: set[int] = set()
        followed: list[Face] = []
        for _, number, face in sorted(pairs, key=lambda pair: pair[0]):
            if number not in taken and face not in followed:
                face.looks.append(looks[number])
                taken.add(number)
                followed.append(face)
        for number, look in enumerate(looks):
            if number not in taken:
                face = Face(len(self.faces), [look])
                self.faces.append(face)
                followed.append(face)
        lost = [face for face in self._open if face not in followed]
        self._open = followed + [face for face in lost if time_s - face.looks[-1].time_s <= LONGEST_UNSEEN_S]

    def _is_cut(self, pixels: Pixels) -> bool:
        rows, columns = CUT_GRID
        height, width = (pixels.shape[0] // rows) * rows, (pixels.shape[1] // columns) * columns
        if not height or not width:
            return False
        step = max(1, height // rows // 8)  # some 8 x 8 pixels of each field are enough
        fields = pixels[:height, :width].reshape(rows, height // rows, columns, width // columns, 3)
        fields = fields[:, ::step, :, ::step].transpose(0, 2, 1, 3, 4).reshape(rows * columns, -1)
        levels = (
            np.array(
                [np.bincount(values // (256 // CUT_LEVELS), minlength=CUT_LEVELS) for values in fields], float
            )
            / fields.shape[1]
        )
        before, self._levels = self._levels, levels
        if before is None:
            return False
        change = float(np.abs(levels - before).sum() / 2 / len(levels))
        is_cut = change > max(CUT_CHANGE, CUT_LEAP * self._usual_change)
        if not is_cut:
            self._usual_change += 0.2 * (change - self._usual_change)
        return is_cut


def most_common(reasons: list[str]) -> str:
    """The reason that comes most often among those that are not empty; empty where there is none."""
    counts = Counter(reason for reason in reasons if reason)
    return counts.most_common(1)[0][0] if counts else ""


def _look(time_s: float, pixels: Pixels, points: Floats) -> Look:
    sight = sight_of(points)
    eyes = np.array([points[list(corners)].mean(0) for corners in EYES])
    measures = measure(points[None])
    height, width = pixels.shape[:2]
    places = np.vstack([sight.lips, sight.chin, sight.anchors])
    inside = (places >= 0).all() and (places[:, 0] < width).all() and (places[:, 1] < height).all()
    turned = np.hypot(_yaw_deg(points) / MOST_YAW_DEG, _pitch_deg(points) / MOST_PITCH_DEG) > 1
    if float(np.hypot(*(eyes[1] - eyes[0])[:2])) < LEAST_EYES and not turned:
        reason = SMALL
    else:
        reason = EDGE if not inside else TURNED if turned else ""
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    return Look(
        time_s,
        sight,
        np.array([measures[part][0] for part in PARTS]),
        _colours(pixels, points[SKIN]) - _colours(pixels, points[LIGHT]).mean(axis=0),
        np.array([*(low + high) / 2, high[0] - low[0]]),
        reason,
    )


def _colours(pixels: Pixels, points: Floats) -> Floats:
    """Colours (n, 3), 0..255, around points (n, 2 or more); those outside are read at the edge."""
    height, width = pixels.shape[:2]
    places = points[:, :2].round().astype(int)
    columns, rows = np.clip(places[:, 0], 1, width - 2), np.clip(places[:, 1], 1, height - 2)
    around = [pixels[rows + down, columns + right] for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return np.asarray(np.mean(around, axis=0, dtype=np.float64))


def _yaw_deg(points: Floats) -> float:
    right, left = points[OUTER_EYES[0]], points[OUTER_EYES[1]]
    return float(np.degrees(np.arctan2(left[2] - right[2], np.hypot(*(left - right)[:2]))))


def _pitch_deg(points: Floats) -> float:
    brow, chin = points[BROW], points[CHIN]
    return float(np.degrees(np.arctan2(chin[2] - brow[2], np.hypot(*(chin - brow)[:2]))))
