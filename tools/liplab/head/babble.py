"""Babbling with eyes that see everything: what the lip code is learned from, the space that all heads share.

A head that discovers its own face babbles before a camera (`liplab.discover`); here the simulated head tells
where each lip node is.

A babble is a chain of moves from mouth to mouth: mixes of reference poses, the left half at times from
another mix than the right, plus noise on every servo, at every speed from a jump to a slow ramp, with
resets to neutral. That covers what speech needs; uniform noise over eleven servos would almost never close
the lips.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from liplab.head.head import Head
from liplab.head.poses import OTHER_POSES, POSES, pose_targets
from liplab.head.servos import MOUTH_CHANNELS
from lipwright.face.profile import HeadProfile

Floats = NDArray[np.float32]

FRAME_S = 0.02
# Here pulses change the moment they are given. A real board's wait for the driver's next PWM cycle, half a
# cycle on average, so its frames must be sent earlier by this.
PWM_WAIT_S = 0.01
RESET_SHARE = 0.08  # of the moves go back to neutral
LOPSIDED_SHARE = 0.25  # of the moves mix left and right from different mouths
WILD_SHARE = 0.15  # of the moves have large noise
NOISE, WILD_NOISE = 0.05, 0.2  # of a channel's range, standard deviation
MOVE_FRAMES = (1, 20)  # 20 to 400 ms from mouth to mouth
HOLD_FRAMES = (0, 8)
# Which mouth channels belong to the head's left and right, in channel order.
LEFT = np.array([2, 5, 9])
RIGHT = np.array([3, 6, 10])


@dataclass(frozen=True)
class Babble:
    """What was tried and what came of it, 50 frames a second.

    `commands` (n, channels) are the targets given at `t` (n,) s; `lips` (n, 20, 3) mm and `articulation`
    (n, 5) normalised are what the lips did at the same moments, servo lag included.
    """

    commands: Floats
    lips: Floats
    articulation: Floats
    t: NDArray[np.float64]

    def save(self, path: Path) -> None:
        np.savez_compressed(
            path, commands=self.commands, lips=self.lips, articulation=self.articulation, t=self.t
        )

    @staticmethod
    def load(path: Path) -> Babble:
        with np.load(path) as stored:
            return Babble(stored["commands"], stored["lips"], stored["articulation"], stored["t"])


def plan_targets(profile: HeadProfile, frames: int, rng: np.random.Generator) -> Floats:
    """A chain of moves as targets (frames, channels); channels that are no part of the mouth stay at rest."""
    mouths = np.array([pose_targets(pose, profile) for pose in (POSES | OTHER_POSES).values()])
    neutral = profile.rest_targets()
    plan = [neutral]
    while len(plan) < frames:
        start, goal = plan[-1], _mouth(mouths, neutral, rng)
        steps = int(rng.integers(MOVE_FRAMES[0], MOVE_FRAMES[1] + 1))
        way = np.arange(1, steps + 1) / steps
        if rng.random() < 0.5:
            way = way**2 * (3 - 2 * way)
        plan.extend(start + w * (goal - start) for w in way)
        plan.extend([goal] * int(rng.integers(HOLD_FRAMES[0], HOLD_FRAMES[1] + 1)))
    return np.array(plan[:frames], dtype=np.float32)


def _mouth(mouths: Floats, neutral: Floats, rng: np.random.Generator) -> Floats:
    if rng.random() < RESET_SHARE:
        return neutral
    goal = _mix(mouths, neutral, rng)
    if rng.random() < LOPSIDED_SHARE:
        other = _mix(mouths, neutral, rng)
        side = LEFT if rng.random() < 0.5 else RIGHT
        goal[side] = other[side]
    noise = WILD_NOISE if rng.random() < WILD_SHARE else NOISE
    goal[:MOUTH_CHANNELS] += rng.normal(0, noise, MOUTH_CHANNELS).astype(np.float32)
    return np.clip(goal, 0, 1)


def _mix(mouths: Floats, neutral: Floats, rng: np.random.Generator) -> Floats:
    chosen = rng.choice(len(mouths), size=int(rng.integers(1, 4)), replace=False)
    shares = rng.dirichlet(np.ones(len(chosen)))
    mix = np.tensordot(shares, mouths[chosen], axes=1)
    return np.asarray(neutral + rng.uniform(0.3, 1.15) * (mix - neutral), dtype=np.float32)


def perform(profile: HeadProfile, targets: Floats, progress: str | None = None) -> Babble:
    """Gives targets (n, channels) to a fresh simulated head, 50 a second, and records its lips."""
    head = Head()
    times = np.arange(len(targets)) * FRAME_S
    rows = tqdm(targets, desc=progress, unit="frame", disable=progress is None, leave=False)
    for t, row in zip(times, rows, strict=True):
        head.set_pulses(profile.pulses_us(row), t)
    head.advance(len(targets) * FRAME_S)
    seen = head.history
    picked = slice(0, 2 * len(targets), 2)  # the head's history has 100 samples a second
    return Babble(
        targets.astype(np.float32),
        seen.lips_mm[picked].astype(np.float32),
        head.scale.from_mm(seen.articulation_mm[picked]).astype(np.float32),
        times,
    )


def babble(profile: HeadProfile, frames: int, seed: int) -> Babble:
    """Babbles for this many frames of 20 ms on the simulated head."""
    rng = np.random.default_rng(seed)
    return perform(profile, plan_targets(profile, frames, rng), "babbling")
