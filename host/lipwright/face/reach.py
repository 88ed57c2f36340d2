"""What a head can do of a face's life: which channels it has, how far and how fast they go.

Life thinks in shares of a channel's way from rest to an end and, for eyes and neck, in degrees; this
turns them into targets that stay in range, keep each servo's speed and acceleration, and do not collide.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lipwright.face.profile import Collision, HeadProfile

# A hobby servo turns 90 degrees for 1000 us, and eyes and necks mostly turn as far as their servos.
DEGREES_PER_US = 0.09
SIDES = ("left", "right")
EYES_PAN = tuple(f"eye_{side}_pan" for side in SIDES)
EYES_TILT = tuple(f"eye_{side}_tilt" for side in SIDES)
LIDS_UPPER = tuple(f"lid_{side}_upper" for side in SIDES)
LIDS_LOWER = tuple(f"lid_{side}_lower" for side in SIDES)
BROWS = tuple(f"brow_{side}_{part}" for side in SIDES for part in ("inner", "outer"))
NECK = ("neck_yaw", "neck_pitch", "neck_roll")
UPPER_FACE = (*EYES_PAN, *EYES_TILT, *LIDS_UPPER, *LIDS_LOWER, *BROWS, *NECK)

Floats = npt.NDArray[np.floating[Any]]
Places = npt.NDArray[np.intp]


class Reach:
    """The channels of one head, and where they are now; begins at rest."""

    def __init__(self, profile: HeadProfile) -> None:
        channels = profile.channels
        self._places = {channel.name: place for place, channel in enumerate(channels)}
        self.rest = np.array([channel.rest for channel in channels])
        self._up, self._down = 1 - self.rest, self.rest
        self._per_degree = np.array(
            [1 / (DEGREES_PER_US * (channel.pulse_max_us - channel.pulse_min_us)) for channel in channels]
        )
        self.upper_face = self.places(UPPER_FACE)
        self.mouth = np.setdiff1d(np.arange(len(channels)), self.upper_face)
        self._speed = np.array([channel.speed for channel in channels])
        self._acceleration = np.array([channels[place].acceleration for place in self.upper_face])
        self._velocity = np.zeros(len(self.upper_face))
        self._profile = replace(profile, collisions=profile.collisions + self._lid_pairs(profile))
        pairs = self._profile.collisions
        self._weights = np.zeros((len(pairs), len(channels)))
        for row, pair in enumerate(pairs):
            self._weights[row, list(pair.channels)] = pair.weights
        self._most = np.array([pair.most for pair in pairs])
        self._asked = self.rest.copy()
        self.now = self.rest.copy()
        self._mouth_moved = False

    def places(self, names: Iterable[str]) -> Places:
        """Where in the frame the channels of these names are that the head has."""
        return np.array([self._places[name] for name in names if name in self._places], np.intp)

    def marks(self, names: Iterable[str]) -> Floats:
        """1.0 at the channels of these names that the head has, 0.0 elsewhere: (channels,)."""
        marks = np.zeros(len(self.rest))
        marks[self.places(names)] = 1.0
        return marks

    def ways(self, shares: Floats) -> Floats:
        """Targets' offsets (channels,) from rest for shares (channels,) of the ways from rest to the ends."""
        return np.asarray(np.where(shares > 0, shares * self._up, shares * self._down))

    def turns(self, names: Iterable[str]) -> Floats:
        """Targets' offsets (channels,) that turn these eyes or this part of the neck by one degree."""
        return np.asarray(self.marks(names) * self._per_degree)

    def fastest_s(self, names: Iterable[str]) -> float:
        """How long the slowest of these channels needs from rest to its end at 1; 0 where there is none."""
        places = self.places(names)
        return float((self._up[places] / self._speed[places]).max(initial=0.0))

    def begin(self, targets: Floats) -> None:
        """The head is at these targets (channels,), and stands still."""
        self.now = np.array(targets, np.float64)
        self._asked = self.now
        self._velocity[:] = 0.0
        self._mouth_moved = False

    def move(self, asked: Floats, offsets: Floats, passed_s: float) -> npt.NDArray[np.float32]:
        """Targets (channels,) nearest to `asked` plus `offsets` that can be had after `passed_s`.

        Mouth channels that have no offset, and had none, come back as they were asked for.
        """
        asked = np.asarray(asked, np.float64)
        goal = np.minimum(np.maximum(asked + offsets, 0.0), 1.0)
        mouth_moves = self._mouth_moved or bool(offsets[self.mouth].any())
        if (self._weights @ goal > self._most).any():
            goal = np.asarray(self._profile.within(goal), np.float64)
        targets = asked.copy()
        targets[self.upper_face] = self._limited(goal[self.upper_face], passed_s)
        if mouth_moves:
            targets[self.mouth] = self._hastened(asked, goal, passed_s)
            self._mouth_moved = bool((targets[self.mouth] != asked[self.mouth]).any())
        if (self._weights @ targets > self._most).any():
            self._hold_apart(targets)
        self._velocity = (targets - self.now)[self.upper_face] / passed_s
        self._asked, self.now = asked, targets
        return np.asarray(targets, np.float32)

    def _limited(self, goal: Floats, passed_s: float) -> Floats:
        """Where the upper face gets with its speed and acceleration, so that it can still brake."""
        now = self.now[self.upper_face]
        way = goal - now
        far = np.abs(way)
        gain = self._acceleration * passed_s
        half = gain / 2
        brake = np.sqrt(half * half + 2 * self._acceleration * far) - half
        speed = np.minimum(np.minimum(far / passed_s, self._speed[self.upper_face]), brake)
        velocity = np.copysign(speed, way)
        velocity = np.minimum(np.maximum(velocity, self._velocity - gain), self._velocity + gain)
        return np.asarray(np.minimum(np.maximum(now + velocity * passed_s, 0.0), 1.0))

    def _hastened(self, asked: Floats, goal: Floats, passed_s: float) -> Floats:
        """The mouth's goal, as fast as its servos are, or as fast as speech moves them if that is faster."""
        now = self.now[self.mouth]
        spoken = np.abs(asked - self._asked)[self.mouth]
        most = np.maximum(self._speed[self.mouth] * passed_s, spoken)
        return np.asarray(np.minimum(np.maximum(goal[self.mouth], now - most), now + most))

    def _hold_apart(self, targets: Floats) -> None:
        """Where parts of different speed would meet on the way, those that come nearer wait."""
        before = np.maximum(self._most, self._weights @ self.now)
        for row in np.flatnonzero(self._weights @ targets > before + 1e-6):
            for place in self.upper_face:
                if self._weights[row, place] * (targets[place] - self.now[place]) > 0:
                    targets[place] = self.now[place]

    def _lid_pairs(self, profile: HeadProfile) -> tuple[Collision, ...]:
        """Lids of one eye against each other, where the profile does not say: the upper one closes the eye
        alone at 1, so that it leaves room for the lower one's way, measured in pulses."""
        pairs = []
        for upper, lower in zip(LIDS_UPPER, LIDS_LOWER, strict=True):
            if upper not in self._places or lower not in self._places:
                continue
            both = (self._places[upper], self._places[lower])
            if any(set(both) <= set(pair.channels) for pair in profile.collisions):
                continue
            weights = tuple(
                (profile.channels[place].pulse_max_us - profile.channels[place].pulse_min_us) / 1000
                for place in both
            )
            pairs.append(Collision(both, weights, weights[0] + weights[1] * float(self.rest[both[1]])))
        return tuple(pairs)
