"""Whether lips still close when a face that speaks wears an expression: after the actuator, as always.

The same clips are spoken by the simulated head, real firmware included, with the life layer off, and with it
and each expression on.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from liplab.discover.filming import conduct
from liplab.discover.judge import heard_s, spoken_take
from liplab.scores import RATE_HZ, Phone, Track, closure_windows, closures, correlation, resample
from liplab.speech.align import phones_for
from liplab.stage import SimulatedStage
from lipwright.audio.decode import open_sound
from lipwright.errors import LipwrightError
from lipwright.face.life import Life
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile
from lipwright.face.prosody import ProsodyTracker
from lipwright.link.board_link import BoardLink
from lipwright.lips.model import ARTICULATION, LipModel
from lipwright.performance import BLOCK_SAMPLES, Performer, Pose

PAUSE_S = 0.8  # between clips: longer than the mouth waits until an expression has it to itself again
APERTURE, WIDTH = ARTICULATION.index("aperture"), ARTICULATION.index("width")


class Script(NamedTuple):
    """What is said: the poses of all clips one after the other, and the phones on the same time line."""

    poses: list[Pose]
    phones: list[Phone]
    seconds: float


class Spoken(NamedTuple):
    """What the lips did, 100 a second: aperture and width in mm."""

    times_s: Track
    aperture_mm: Track
    width_mm: Track


def script(clips: Sequence[Path], profile: HeadProfile) -> Script:
    """The clips with pauses between them; raises LipwrightError for one whose words are not known."""
    performer = Performer(LipModel.load(), FaceModel.load(profile), profile)
    poses: list[Pose] = []
    phones: list[Phone] = []
    seconds = 0.0
    for clip in clips:
        spoken = phones_for(clip)
        if spoken is None:
            raise LipwrightError(
                f"Nothing tells what {clip} says; use the shipped sentence or clips of GRID by name."
            )
        sound = open_sound(clip)
        phones += [Phone(ipa, seconds + start, seconds + end) for ipa, start, end in spoken]
        silence = np.zeros(round(PAUSE_S * sound.rate), np.float32)
        for block in itertools.chain(sound.blocks(BLOCK_SAMPLES), [silence]):
            poses += performer.push(block)
            seconds += len(block) / sound.rate
    return Script(poses, phones, seconds)


def with_life(
    poses: Sequence[Pose], profile: HeadProfile, expression: str, seed: int
) -> npt.NDArray[np.float32]:
    """Targets (n, channels) of poses, spoken with life and an expression worn all the time."""
    life = Life(profile, seed)
    life.mood = "speaking"
    life.express(expression, duration_s=math.inf)
    tracker = ProsodyTracker()
    return np.array(
        [
            life.step(pose.time_s, tracker.step(pose.features), pose.targets, pose.articulation)
            for pose in poses
        ]
    )


def speak(targets: npt.NDArray[np.float32], said: Script, profile: HeadProfile) -> Spoken:
    """What the lips of the simulated head do for targets (n, channels), the first for `said`'s first pose."""
    with contextlib.closing(SimulatedStage(profile=profile, virtual=True)) as stage:
        with BoardLink(stage, profile) as link:
            link.connect()
            start = conduct(link, stage, profile, spoken_take(targets, profile))
            link.finish()
        stage.settle()
        seen = stage.head.history
        times = np.asarray(seen.times_s) - stage.head_time(start) - heard_s(profile) + said.poses[0].time_s
        grid = np.arange(0.0, said.seconds, 1 / RATE_HZ)
        made = resample(times, seen.articulation_mm, grid)
    return Spoken(grid, made[:, APERTURE], made[:, WIDTH])


def closure_figures(spoken: Spoken, plain: Spoken, phones: Sequence[Phone]) -> dict[str, float]:
    """Closures made, and what an expression does to the lips of a mouth that speaks `plain` otherwise."""
    closed = closures(spoken.times_s, spoken.aperture_mm, phones)
    if closed.rate is None or closed.false_per_minute is None:
        raise LipwrightError("No clip has a p, b or m in it: closures cannot be judged.")
    r = correlation(plain.aperture_mm, spoken.aperture_mm)
    nearest = [
        spoken.aperture_mm[(spoken.times_s >= start) & (spoken.times_s <= end)].min()
        for start, end in closure_windows(phones)
    ]
    return {
        "closure_rate": round(closed.rate, 3),
        "closure_events": closed.events,
        "closest_mm_mean": round(float(np.mean(nearest)), 2),
        "false_closures_per_minute": round(closed.false_per_minute, 1),
        "aperture_r": round(r if r is not None else 0.0, 3),
        "width_mm_wider": round(float(np.mean(spoken.width_mm - plain.width_mm)), 1),
    }
