"""Chooses what tracks a face: its painted dots where there are some, else the face as people have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from liplab.eyes.dots import DotTracker
from liplab.eyes.mesh import MeshTracker
from liplab.eyes.sight import EXPLAINED, LOST_DOTS, MIXED_DOTS, NO_FACE, Missed, Pixels, Sight, Tracker
from lipwright.errors import LipwrightError

AUTO = "auto"
TRACKERS: dict[str, Callable[[], Tracker]] = {"dots": DotTracker, "mesh": MeshTracker}
FOUND = 0.5  # of the first pictures must show a face to a tracker


def open_tracker(name: str, pictures: Sequence[Pixels]) -> Tracker:
    """The tracker "mesh" or "dots", or the one that sees the face in the first pictures ("auto").

    Raises LipwrightError where there is no such tracker, or `auto` finds no face: it then says what to do.
    """
    if name in TRACKERS:
        return TRACKERS[name]()
    if name != AUTO:
        raise LipwrightError(f'There are no eyes "{name}"; choose {AUTO}, {" or ".join(TRACKERS)}.')
    dots = DotTracker()
    dotted = _why_not(dots, pictures)
    if dotted is None:
        return dots
    half_seen = dotted in (LOST_DOTS, MIXED_DOTS)
    try:
        mesh = MeshTracker()
    except LipwrightError:
        if half_seen:
            raise LipwrightError(EXPLAINED[dotted]) from None
        raise
    seen = _why_not(mesh, pictures)
    if seen is None:
        return mesh
    mesh.close()
    if half_seen:
        raise LipwrightError(EXPLAINED[dotted])
    raise LipwrightError(f"{EXPLAINED[seen]} A head that does not look like a person needs painted dots.")


def _why_not(tracker: Tracker, pictures: Sequence[Pixels]) -> str | None:
    """Why a tracker does not see the face in most pictures; None where it does."""
    found = [tracker.find(picture) for picture in pictures]
    tracker.reset()
    if not found:
        return NO_FACE
    if sum(isinstance(sight, Sight) for sight in found) >= FOUND * len(found):
        return None
    reasons = [sight.reason for sight in found if isinstance(sight, Missed)]
    return max(set(reasons), key=reasons.count)
