"""From takes to what learning needs: commands of the last moments, and where the face's points were then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liplab.discover.plan import FRAME_S, REST_S, Take
from liplab.discover.session import FRONT, Filmed, Footage
from liplab.eyes.frame import FaceFrame
from liplab.eyes.sight import Sight
from liplab.scores import resample
from lipwright.errors import LipwrightError

SELF_COMMANDS = 6  # commands that shape the lips of a moment, newest last
POINTS = 21  # 20 lip nodes and the chin
STILL_MARGIN_S = 0.25  # at the start of the still stretch, in which the mouth may yet settle
FEWEST_STILL = 5  # frames at rest that a take needs

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """What one kind of view saw, frame by frame.

    `commands` (n, 6, mouth channels): the targets of the last 100 ms, oldest first, up to the moment that
    the picture shows. `points` (n, 21, 2): how far lips and chin were from their place at rest, mm, to the
    head's left and up in the picture. `take` (n,) is the number of the take. `yaw_rad` is how far the head
    was turned.
    """

    commands: NDArray[np.float32]
    points: NDArray[np.float32]
    take: NDArray[np.int64]
    yaw_rad: float


def rest_sights(take: Take, footage: Footage) -> list[Sight]:
    """Sights of the mouth at rest, from the take's still stretch. Raises LipwrightError for too few."""
    begin, end = take.still_s + STILL_MARGIN_S, take.still_s + REST_S
    still = [
        sight
        for time_s, sight in zip(footage.times_s, footage.sights, strict=True)
        if begin <= time_s <= end and isinstance(sight, Sight)
    ]
    if len(still) < FEWEST_STILL:
        raise LipwrightError(
            "The face was not seen at rest: give it more light, look that nothing hides it, and film anew."
        )
    return still


def front_frame(filmed: Sequence[Filmed], eyes_mm: float) -> FaceFrame:
    """The face's frame, from the first take that was filmed from the front."""
    for one in filmed:
        if FRONT in one.views:
            return FaceFrame.at_rest(rest_sights(one.take, one.views[FRONT]), eyes_mm)
    raise LipwrightError("No take shows the face from the front; film anew.")


def tracks(
    one: Filmed, view: str, frame: FaceFrame, eyes_mm: float
) -> tuple[Floats, NDArray[np.float32], float]:
    """Times (n,) in s, points (n, 21, 2) in mm from their place at rest, and the head's turn in rad.

    Every take is measured from its own rest, so that a camera that was nudged between takes does no harm.
    """
    footage = one.views[view]
    still = rest_sights(one.take, footage)
    own = FaceFrame.at_rest(still, eyes_mm) if view == FRONT else frame.turned(still)
    # Before the mouth is still and, at the end, for as long, the neck is on its way.
    settled = (footage.times_s >= one.take.still_s) & (footage.times_s <= one.take.seconds - one.take.still_s)
    found = footage.found & settled
    points = np.array(
        [
            own.points_mm(sight)
            for sight, kept in zip(footage.sights, found, strict=True)
            if kept and isinstance(sight, Sight)
        ]
    )
    rest = np.median([own.points_mm(sight) for sight in still], axis=0)
    return footage.times_s[found], (points - rest).astype(np.float32), own.yaw_rad


def windows(targets: NDArray[np.float32], times_s: Floats) -> NDArray[np.float32]:
    """The commands (n, 6, channels) that lead up to times (n,), from rows of targets 20 ms apart."""
    rows = np.arange(len(targets)) * FRAME_S
    asked = times_s[:, None] - FRAME_S * np.arange(SELF_COMMANDS - 1, -1, -1)[None]
    return resample(rows, targets, asked).astype(np.float32)


def gather(
    filmed: Sequence[Filmed],
    view: str,
    frame: FaceFrame,
    eyes_mm: float,
    mouth: NDArray[np.intp],
    camera_delay_s: float,
) -> Seen | None:
    """Everything that a kind of view saw; None where there is nothing of it."""
    commands, points, takes, yaws = [], [], [], []
    for number, one in enumerate(filmed):
        if view not in one.views:
            continue
        times, track, yaw = tracks(one, view, frame, eyes_mm)
        commands.append(windows(one.take.targets[:, mouth], times - camera_delay_s))
        points.append(track)
        takes.append(np.full(len(times), number))
        yaws.append(yaw)
    if not commands:
        return None
    return Seen(
        np.concatenate(commands), np.concatenate(points), np.concatenate(takes), float(np.median(yaws))
    )
