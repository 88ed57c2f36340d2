"""What each motor does, seen when it moves alone; and motors that are dead, reversed, or exchanged.

What a motor ought to do is known by its name only, for the names of docs/architecture.md; one of another name
is measured, and judged dead or alive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liplab.discover.seen import POINTS, Seen
from liplab.discover.session import FRONT, SECOND
from liplab.discover.shape import CHIN, LOWER, UPPER
from liplab.head.geometry import CORNER_LEFT, CORNER_RIGHT

RIDGE = 0.02  # of the mean square of a command: keeps motors apart that the takes do not
STEADY = 0.01  # how much commands of a window may differ for the face to stand still
DEAD_MM = 0.7  # a motor that moves no point by this much over its whole range does nothing
SURE = 0.35  # likeness to what is expected, below which nothing is claimed
SWAP_GAIN = 0.25  # how much better another motor's role must fit before two are called exchanged
REACH = 2.0  # nodes that a rod moves along with its own

ALIVE, DEAD, REVERSED, SWAPPED = "alive", "dead", "reversed", "swapped"
FORWARD = "forward"  # how names of motors end that push lips ahead

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Motor:
    """What one motor was seen to do over its whole range: mm of the point that moved most, by view; whether
    that is what its name promises (`SWAPPED`: it does the work of `partner`)."""

    name: str
    moves_mm: dict[str, float]
    state: str
    partner: str = ""

    def sentence(self) -> str:
        """The finding for a maker, with what to do."""
        if self.state == DEAD:
            return (
                f"{self.name} does not move anything: look at its plug, its output in the profile, its horn."
            )
        if self.state == REVERSED:
            return f"{self.name} turns the wrong way: change `inverted` in the profile."
        if self.state == SWAPPED:
            return f"{self.name} does the work of {self.partner}: their plugs are exchanged."
        return f"{self.name} moves the face by up to {max(self.moves_mm.values()):.1f} mm."


def examine(names: Sequence[str], rest: Floats, seen: Mapping[str, Seen]) -> list[Motor]:
    """What every motor of the mouth does. `rest` (channels,) are their rest targets; `seen` by view: frames
    of takes in which motors moved alone."""
    responses = {view: response(one, rest) for view, one in seen.items()}
    moves = {
        view: np.linalg.norm(moved.reshape(len(names), POINTS, 2), axis=-1).max(axis=-1)
        for view, moved in responses.items()
    }
    roles = [_expected(name, {view: one.yaw_rad for view, one in seen.items()}) for name in names]
    likeness = np.array(
        [[_likeness(responses, k, role) if role else np.nan for role in roles] for k in range(len(names))]
    )
    best = [int(np.nanargmax(np.abs(row))) if np.isfinite(row).any() else -1 for row in likeness]
    # What goes forward only is not seen from the front: nothing is claimed then.
    judged = [SECOND in seen or not name.endswith(FORWARD) for name in names]
    dead = [
        judged[k] and max(float(moved[k]) for moved in moves.values()) < DEAD_MM for k in range(len(names))
    ]
    motors = []
    for k, name in enumerate(names):
        state, partner = ALIVE, ""
        own = likeness[k, k]
        other = best[k]
        if dead[k]:
            state = DEAD
        elif (
            other not in (k, -1) and not dead[other] and _exchanged(likeness[np.ix_([k, other], [k, other])])
        ):
            state, partner = SWAPPED, names[other]
        elif np.isfinite(own) and own < -SURE:
            state = REVERSED
        motors.append(Motor(name, {view: round(float(m[k]), 2) for view, m in moves.items()}, state, partner))
    return motors


def _exchanged(likeness: Floats) -> bool:
    """Whether the first of two motors does the second one's work and the other way round, from their likeness
    (2, 2) to both roles."""
    own, other = np.diag(likeness), np.diag(likeness[:, ::-1])
    if (own < -SURE).all() and (other > -own).all():
        return True  # one mistake explains what would else be two: both turned round
    return bool(abs(other[0]) > abs(own[0]) + SWAP_GAIN and abs(other[1]) > abs(own[1]))


def response(seen: Seen, rest: Floats) -> Floats:
    """Motion (channels, 42) in mm that each motor makes over its whole range, by linear least squares over
    the frames in which the face stood still."""
    steady = np.ptp(seen.commands, axis=1).max(axis=-1) < STEADY
    moved = seen.commands[steady, -1].astype(np.float64) - rest
    points = seen.points[steady].reshape(-1, 2 * POINTS).astype(np.float64)
    gram = moved.T @ moved
    gram += np.eye(len(gram)) * RIDGE * np.trace(gram) / len(gram)
    return np.asarray(np.linalg.solve(gram, moved.T @ points))


def _likeness(responses: Mapping[str, Floats], motor: int, role: Mapping[str, Floats]) -> float:
    """Cosine between what a motor does and a role's expectation, over all views that show the role."""
    done = np.concatenate([responses[view][motor] for view in role])
    expected = np.concatenate([role[view].reshape(-1) for view in role])
    size = float(np.linalg.norm(done) * np.linalg.norm(expected))
    return float(done @ expected) / size if size else 0.0


def _expected(name: str, yaw_rad: Mapping[str, float]) -> dict[str, Floats] | None:
    """Where points go when a motor of this name goes from 0 to 1, by view; None for an unknown name."""
    if name.endswith(FORWARD):
        # Only a turned view shows it; there forward is a way across the picture.
        if SECOND not in yaw_rad:
            return None
        ahead = np.zeros((POINTS, 2))
        for lip, other in ((UPPER, "lower"), (LOWER, "upper")):
            if other not in name:
                ahead[lip, 0] = -np.sin(yaw_rad[SECOND])
        return {SECOND: ahead}
    points = np.zeros((POINTS, 2))
    middles = {"mid": 5, "right": 2, "left": 8}
    part = name.rsplit("_", 1)[-1]
    if name == "jaw":
        points[LOWER, 1] = points[CHIN, 1] = -1
    elif name.startswith(("upper_lip", "lower_lip")):
        nodes = UPPER if name.startswith("upper") else LOWER
        along = np.arange(1, 10)
        weight = np.exp(-(((along - middles[part]) / REACH) ** 2)) if part in middles else np.ones(9)
        points[nodes, 1] = weight
    elif name == "corner_left":
        points[CORNER_LEFT, 0] = 1
    elif name == "corner_right":
        points[CORNER_RIGHT, 0] = -1
    else:
        return None
    return {view: points for view in yaw_rad if view == FRONT}
