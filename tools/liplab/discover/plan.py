"""What a head does while it is filmed: takes of babbling, of one motor after the other, and of speech.

A take is a stretch of targets, 50 a second, that begins and ends at rest and keeps within the channels'
speeds, the pairs that must not collide, and what a small power supply gives: many servos that hurry at once
make its voltage drop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipwright.face.profile import HeadProfile

Floats = NDArray[np.float32]

FRAME_S = 0.02
TAKE_S = 20.0
REST_S = 1.2  # at rest before and after: what the camera measures everything from
HURRY = 0.85  # of a channel's greatest speed
CURRENT = 40.0  # ranges per second that all channels together may move at
RESET_SHARE = 0.08  # of the moves go back to rest
LOPSIDED_SHARE = 0.25  # of the moves mix left and right from different mouths
MIRRORED_SHARE = 0.3  # of those show a mouth and its mirror image one after the other
WILD_SHARE = 0.2  # of the moves have large noise
NOISE, WILD_NOISE = 0.06, 0.25  # of a channel's range, standard deviation
SLOWEST_S = 0.45  # from mouth to mouth; the fastest is what speed and current allow
HOLD_S = 0.16
ALONE_S = 0.45  # that a motor stays at either end when it moves alone
CLAPS, CLAP_S = 12, (0.5, 0.7)  # jaw or, without one, the first motor: open and shut, to measure the delay
CLAP_SIZE = 0.7  # of the way from rest to the far end
NECK, TURN, TURN_S = "neck_yaw", 0.8, 1.0  # target of the neck for the second view, and the time to get there
NUDGE, NUDGE_FRAMES = 0.06, 6  # what is added to its own speech: standard deviation, frames between knots


@dataclass(frozen=True)
class Take:
    """Targets (n, channels) for one stretch of filming, and what kind of stretch it is.

    From `still_s` on, for REST_S, the mouth is at rest: what is seen then is what all else is measured from.
    Pictures are kept of `shown_s`, or else of moments all over it.
    """

    kind: str  # "claps", "motors", "babble", "speech", "judged" or "poses"
    targets: Floats
    still_s: float = 0.0
    shown_s: tuple[float, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return len(self.targets) * FRAME_S


def flapper(profile: HeadProfile) -> int:
    """The channel that opens the mouth alone: the jaw, or else the mouth's first."""
    mouth = profile.indices("mouth").tolist() or [0]
    return next((k for k in mouth if profile.channels[k].name == "jaw"), mouth[0])


def flapping(profile: HeadProfile, shares: NDArray[np.floating[Any]]) -> Floats:
    """Targets (n, channels) of a mouth that its jaw alone opens by shares (n,) of the way from rest."""
    targets = np.tile(profile.rest_targets(), (len(shares), 1))
    jaw = flapper(profile)
    rest = float(targets[0, jaw])
    far = 1.0 if rest < 0.5 else 0.0
    targets[:, jaw] = rest + np.clip(shares, 0, 1) * (far - rest)
    return targets


class Planner:
    """Plans takes for one head. Moves only its mouth; all else stays at rest."""

    def __init__(self, profile: HeadProfile, poses: Floats | None, seed: int) -> None:
        """`poses` (m, channels) are mouths to mix; without them, babbling starts from noise alone."""
        self.profile = profile
        self.mouth = profile.indices("mouth")
        self._poses = poses
        self._random = np.random.default_rng(seed)
        self._rest = profile.rest_targets()
        self._speeds = np.array([channel.speed for channel in profile.channels], dtype=np.float32)
        names = [channel.name for channel in profile.channels]
        sides = [[i for i in self.mouth if names[i].endswith(side)] for side in ("_left", "_right")]
        self._left, self._right = (np.array(side, dtype=np.intp) for side in sides)

    def claps(self) -> Take:
        """One motor back and forth as fast as it may: when it is seen to move tells the camera's delay."""
        goal = flapping(self.profile, np.array([CLAP_SIZE]))[0]
        rows = self._still()
        for _ in range(CLAPS):
            for pose in (goal, self._rest):
                steps = round(self._random.uniform(*CLAP_S) / FRAME_S)
                rows += [pose] * steps
        return Take("claps", np.array([*rows, *self._still()], dtype=np.float32))

    def motors(self) -> Take:
        """Every motor of the mouth alone, to both ends of its range, so that each shows what it does."""
        rows = self._still()
        for channel in self.mouth:
            for end in (1.0, 0.0):
                goal = self._rest.copy()
                goal[channel] = end
                rows += self._way(rows[-1], self.profile.within(goal), 0.0)
                rows += [rows[-1]] * round(ALONE_S / FRAME_S)
            rows += self._way(rows[-1], self._rest, 0.0)
        return Take("motors", np.array([*rows, *self._still()], dtype=np.float32))

    def babble(self, seconds: float = TAKE_S) -> Take:
        """A chain of moves from mouth to mouth, fast and slow, with resets to rest."""
        rows = self._still()
        frames = round(seconds / FRAME_S)
        goals = self._goals()
        while len(rows) < frames - round((REST_S + SLOWEST_S) / FRAME_S):
            rows += self._way(rows[-1], next(goals), self._random.uniform(0, SLOWEST_S))
            rows += [rows[-1]] * int(self._random.integers(0, round(HOLD_S / FRAME_S) + 1))
        rows += self._way(rows[-1], self._rest, 0.0)
        return Take("babble", np.array([*rows, *self._still()], dtype=np.float32))

    def speech(self, spoken: Floats, nudge: bool = True) -> Take:
        """Targets (n, channels) of speech, with slow random nudges on every motor, both sides apart."""
        moved = spoken.copy()
        if nudge:
            knots = np.arange(0, len(spoken) + NUDGE_FRAMES, NUDGE_FRAMES)
            nudges = self._random.normal(0, NUDGE, (len(knots), len(self.mouth)))
            for column, channel in enumerate(self.mouth):
                moved[:, channel] += np.interp(np.arange(len(spoken)), knots, nudges[:, column])
        moved = self._slowed(self.profile.within(np.clip(moved, 0, 1)))
        there = self._way(self._rest, moved[0], 0.0)
        back = self._way(moved[-1], self._rest, 0.0)
        rows = [*self._still(), *there, *moved, *back, *self._still()]
        return Take("speech", np.array(rows, dtype=np.float32))

    def turned(self, take: Take) -> Take:
        """The same take with the head turned aside by its own neck."""
        neck = self.profile.index(NECK)
        goal = self._rest.copy()
        goal[neck] = TURN
        there = self._way(self._rest, goal, TURN_S)
        targets = take.targets.copy()
        targets[:, neck] = TURN
        rows = [*there, *targets, *self._way(targets[-1], self._rest, TURN_S)]
        return Take(take.kind, np.array(rows, dtype=np.float32), len(there) * FRAME_S)

    @property
    def can_turn(self) -> bool:
        """Whether the head has a neck that turns it aside."""
        return any(channel.name == NECK for channel in self.profile.channels)

    def _still(self) -> list[Floats]:
        return [self._rest] * round(REST_S / FRAME_S)

    def _way(self, start: Floats, goal: Floats, seconds: float) -> list[Floats]:
        """Rows from `start` (left out) to `goal`, in this time or as fast as speed and current allow."""
        away = np.abs(goal - start)
        seconds = max(
            seconds, float((away / (HURRY * self._speeds)).max()), float(away.sum()) / CURRENT, FRAME_S
        )
        steps = int(np.ceil(seconds / FRAME_S))
        way = np.arange(1, steps + 1, dtype=np.float32) / steps
        return [start + share * (goal - start) for share in way]

    def _slowed(self, rows: Floats) -> Floats:
        """Rows that follow `rows` no faster than the channels' speeds."""
        most = HURRY * self._speeds * FRAME_S
        followed = [rows[0]]
        for row in rows[1:]:
            followed.append(followed[-1] + np.clip(row - followed[-1], -most, most))
        return np.array(followed, dtype=np.float32)

    def _goals(self) -> Iterator[Floats]:
        while True:
            if self._random.random() < RESET_SHARE:
                yield self._rest
                continue
            goal = self._mouth()
            if len(self._left) and self._random.random() < LOPSIDED_SHARE:
                other = self._mouth()
                side = self._left if self._random.random() < 0.5 else self._right
                goal[side] = other[side]
                if self._random.random() < MIRRORED_SHARE:
                    mirrored = goal.copy()
                    mirrored[self._left], mirrored[self._right] = goal[self._right], goal[self._left]
                    yield self.profile.within(goal)
                    goal = mirrored
            yield self.profile.within(goal)

    def _mouth(self) -> Floats:
        random, mouth = self._random, self.mouth
        if self._poses is None:
            # A few motors far from rest, the others near it: all far at once is no mouth.
            goal = self._rest.copy()
            chosen = mouth[random.random(len(mouth)) < max(0.3, 2 / len(mouth))]
            goal[chosen] = random.random(len(chosen))
        else:
            picked = random.choice(len(self._poses), size=int(random.integers(1, 4)), replace=False)
            shares = random.dirichlet(np.ones(len(picked)))
            mix = np.tensordot(shares, self._poses[picked], axes=1)
            goal = self._rest + random.uniform(0.3, 1.15) * (mix - self._rest)
        noise = WILD_NOISE if random.random() < WILD_SHARE else NOISE
        goal = np.asarray(goal, dtype=np.float32)
        goal[mouth] += random.normal(0, noise, len(mouth)).astype(np.float32)
        return np.clip(goal, 0, 1)
