"""What a living face does, in figures that people have too: blinks, gaze, breath, nods and brows.

They are read off the targets that go to the head, as a camera would read a person: nothing is taken from
inside the life layer. docs/life.md says where the human ranges come from.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from liplab.scores import runs
from lipwright import resources
from lipwright.audio.decode import open_sound
from lipwright.face.life import Life
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile
from lipwright.face.prosody import SILENCE, Prosody, ProsodyTracker
from lipwright.face.reach import DEGREES_PER_US
from lipwright.lips.model import LipModel
from lipwright.performance import Performer, Pose, poses_of

STEP_S = 0.020
PAUSE_S = 1.0  # between the sentences of somebody who speaks
CLOSED = 0.85  # share of an upper lid's way from where it makes an eye closed
LID_MOVES = 0.012  # of its way in a step: slower is a lid that follows the eyes as the head turns
STILL_DEG_S = 25.0  # eyes that turn faster are in a saccade
PARTNER_DEG = 4.2  # from straight ahead: the other's face
GLANCE_S = 0.1  # what is shorter is a passing of the eyes, no look
BREATH_HZ = (0.18, 0.40)
NOD_DEG, RAISE = 0.9, 0.10  # what counts as a nod, and as a raise of the brows (share of their way)

Track = npt.NDArray[np.float64]


class Range(NamedTuple):
    """What people do, and who found it."""

    low: float
    high: float
    source: str


BLINK_MS = Range(100, 400, "BioNumbers")
FAST_LIDS = Range(0.55, 0.85, "Sforza et al. 2008: closes 1.40 to 1.47 times as fast as it opens")
SACCADES = Range(0.80, 1.0, "Malinov et al. 2000: 0.83")
MAIN_SEQUENCE = Range(31, 71, "Carpenter 1988: 43 ms, in steps of 20 ms")
FIXATIONS = Range(0.20, 0.60, "Cohen 1977: 0.36 s, sd 0.22")
BREATHS = Range(12, 20, "adults at rest")
QUIET_BLINKS = Range(8.0, 21.0, "Doughty 2001, silence")
TALK_BLINKS = Range(10.5, 32.5, "Doughty 2001, conversation")
LOOKS = Range(1.0, 7.0, "Argyle & Cook 1976")

RANGES: dict[str, Range] = {
    "blink_ms_median": BLINK_MS,
    "blink_closing_over_opening": FAST_LIDS,
    "saccades_under_15_deg": SACCADES,
    "saccade_10_deg_ms": MAIN_SEQUENCE,
    "fixation_s_mean": FIXATIONS,
}
RANGES_BY_MOOD: dict[str, dict[str, Range]] = {
    "idle": {"blinks_per_minute": QUIET_BLINKS, "breaths_per_minute": BREATHS},
    "listening": {
        "blinks_per_minute": QUIET_BLINKS,
        "look_share": Range(0.65, 0.90, "Argyle & Cook 1976: 0.75"),
        "look_s_mean": LOOKS,
        "breaths_per_minute": BREATHS,
    },
    "thinking": {
        "blinks_per_minute": TALK_BLINKS,
        "look_share": Range(0.0, 0.5, "Glenberg et al. 1998: away while it is hard"),
    },
    "speaking": {
        "blinks_per_minute": TALK_BLINKS,
        "look_share": Range(0.40, 0.70, "Argyle & Cook 1976: 0.41; Rogers et al. 2018: 0.60"),
        "look_s_mean": LOOKS,
    },
    # More than people do: it has to be seen that the camera is on.
    "watching": {
        "blinks_per_minute": QUIET_BLINKS,
        "look_share": Range(0.80, 1.0, "none: so that it is noticed"),
        "look_s_mean": LOOKS,
        "breaths_per_minute": BREATHS,
    },
}


@dataclass(frozen=True)
class Lived:
    """A time in one mood, a step every 20 ms: targets (n, channels), and gaze in degrees (n, 2)."""

    mood: str
    profile: HeadProfile
    targets: npt.NDArray[np.float32]
    gaze_deg: Track


def spoken_poses(profile: HeadProfile) -> list[Pose]:
    """The poses of the sentence that ships."""
    performer = Performer(LipModel.load(), FaceModel.load(profile), profile)
    return list(poses_of(open_sound(resources.shipped_clip()), performer, lambda _: None))


def live(profile: HeadProfile, mood: str, seconds: float, seed: int, poses: Sequence[Pose] = ()) -> Lived:
    """Lives for so long in a mood; speaking, it says `poses` over and over."""
    life = Life(profile, seed)
    life.mood = mood
    rest = profile.rest_targets()
    tracker = ProsodyTracker()
    pause = round(PAUSE_S / STEP_S)
    rows = []
    for number in range(round(seconds / STEP_S)):
        prosody: Prosody = SILENCE
        targets, articulation = rest, None
        if mood == "speaking" and poses and (place := number % (len(poses) + pause)) < len(poses):
            pose = poses[place]
            prosody, targets, articulation = tracker.step(pose.features), pose.targets, pose.articulation
        rows.append(life.step(number * STEP_S, prosody, targets, articulation))
    lived = np.array(rows)
    gaze = np.stack(
        [
            degrees(profile, lived, f"eye_left_{eyes}") + degrees(profile, lived, f"neck_{neck}")
            for eyes, neck in (("pan", "yaw"), ("tilt", "pitch"))
        ],
        axis=-1,
    )
    return Lived(mood, profile, lived, gaze)


def degrees(profile: HeadProfile, targets: npt.NDArray[np.float32], name: str) -> Track:
    """How far a channel has turned from rest, in degrees (n,)."""
    place = profile.index(name)
    channel = profile.channels[place]
    per_degree = DEGREES_PER_US * (channel.pulse_max_us - channel.pulse_min_us)
    return np.asarray((targets[:, place].astype(np.float64) - channel.rest) * per_degree)


def share(profile: HeadProfile, targets: npt.NDArray[np.float32], name: str) -> Track:
    """How far a channel has gone from rest, as a share of its way to its end at 1: (n,)."""
    place = profile.index(name)
    rest = profile.channels[place].rest
    return np.asarray((targets[:, place].astype(np.float64) - rest) / (1 - rest))


def statistics(lived: Lived) -> dict[str, float]:
    """All figures of one mood, on a head with eyes; flat keys with their units."""
    minutes = len(lived.targets) * STEP_S / 60
    return {
        **_blinks(lived, minutes),
        **_gaze(lived.gaze_deg, minutes),
        **_head(lived, minutes),
    }


def ranges_of(mood: str) -> dict[str, Range]:
    """The human ranges that a mood's figures have to lie in."""
    return RANGES | RANGES_BY_MOOD[mood]


def outside(mood: str, figures: dict[str, float]) -> list[str]:
    """The figures that lie outside of what people do, in words."""
    return [
        f"{mood}: {name} is {figures[name]:g}, not {low:g} to {high:g} ({source})"
        for name, (low, high, source) in ranges_of(mood).items()
        if not low <= figures[name] <= high
    ]


def blink_times(lived: Lived) -> list[tuple[int, int, int, int]]:
    """Steps of every blink: lids leave, are closed, are closed for the last time, are back."""
    lid = share(lived.profile, lived.targets, "lid_left_upper")
    found = []
    for first, end in runs(lid > CLOSED):
        start, stop = first, end - 1
        while start > 0 and lid[start - 1] < lid[start] - LID_MOVES:
            start -= 1
        while stop + 1 < len(lid) and lid[stop + 1] < lid[stop] - LID_MOVES:
            stop += 1
        closed = np.flatnonzero(lid[first:end] > lid[first:end].max() - 0.02) + first
        found.append((start, int(closed[0]), int(closed[-1]), stop))
    return found


def _blinks(lived: Lived, minutes: float) -> dict[str, float]:
    times = np.array(blink_times(lived)).reshape(-1, 4)
    start, closed, opening, end = times.T
    intervals = np.diff(start) * STEP_S
    return {
        "blinks_per_minute": round(len(times) / minutes, 1),
        "blink_ms_median": _rounded(np.median((end - start) * STEP_S * 1000), 0),
        "blink_ms_most": _rounded(((end - start) * STEP_S * 1000).max(), 0),
        "blink_closing_over_opening": _rounded(np.mean(closed - start) / np.mean(end - opening), 2),
        "blink_interval_s_median": _rounded(np.median(intervals), 2),
        "blink_interval_s_mean": _rounded(intervals.mean(), 2),
        "blink_interval_log_sd": _rounded(np.log(intervals).std(), 2),
    }


def saccades(gaze_deg: Track) -> list[tuple[int, int, float]]:
    """First step, step after the last, and size in degrees of every saccade of gaze (n, 2)."""
    speed = np.linalg.norm(np.diff(gaze_deg, axis=0), axis=1) / STEP_S
    return [
        (first, end, float(np.linalg.norm(gaze_deg[end] - gaze_deg[first])))
        for first, end in runs(speed > STILL_DEG_S)
    ]


def _gaze(gaze_deg: Track, minutes: float) -> dict[str, float]:
    made = saccades(gaze_deg)
    sizes = np.array([size for _, _, size in made])
    took = np.array([(end - first) * STEP_S for first, end, _ in made])
    fixations = np.array([after[0] - before[1] for before, after in itertools.pairwise(made)])
    middling = (sizes > 7) & (sizes < 13)
    at_partner = np.linalg.norm(gaze_deg, axis=1) < PARTNER_DEG
    looks = [(end - first) * STEP_S for first, end in runs(at_partner)]
    aways = [(end - first) * STEP_S for first, end in runs(~at_partner)]
    return {
        "saccades_per_minute": round(len(made) / minutes, 1),
        "saccade_deg_median": _rounded(np.median(sizes), 1),
        "saccades_under_5_deg": _rounded(np.mean(sizes < 5), 2),
        "saccades_under_15_deg": _rounded(np.mean(sizes < 15), 2),
        "saccade_10_deg_ms": _rounded(1000 * took[middling].mean(), 0),
        "fixation_s_mean": _rounded(STEP_S * fixations.mean(), 2),
        "fixation_s_sd": _rounded(STEP_S * fixations.std(), 2),
        "look_share": _rounded(at_partner.mean(), 2),
        "look_s_mean": _rounded(np.mean([s for s in looks if s > GLANCE_S]), 2),
        "away_s_mean": _rounded(np.mean([s for s in aways if s > GLANCE_S]), 2),
    }


def _head(lived: Lived, minutes: float) -> dict[str, float]:
    pitch = degrees(lived.profile, lived.targets, "neck_pitch")
    rates = np.fft.rfftfreq(len(pitch), STEP_S)
    power = np.abs(np.fft.rfft((pitch - pitch.mean()) * np.hanning(len(pitch)))) ** 2
    band = (rates > BREATH_HZ[0]) & (rates < BREATH_HZ[1])
    breath_hz = float(np.sum(rates[band] * power[band]) / np.sum(power[band]))
    window = round(1.2 / STEP_S)
    usual = np.convolve(np.pad(pitch, window // 2, mode="edge"), np.ones(window) / window, "same")
    nods = runs(usual[window // 2 : window // 2 + len(pitch)] - pitch > NOD_DEG)
    brow = share(lived.profile, lived.targets, "brow_left_inner")
    raises = runs(brow - np.median(brow) > RAISE)
    turned = [degrees(lived.profile, lived.targets, f"neck_{axis}") for axis in ("yaw", "pitch", "roll")]
    return {
        "breaths_per_minute": round(60 * breath_hz, 1),
        "nods_per_minute": round(len(nods) / minutes, 1),
        "brow_raises_per_minute": round(len(raises) / minutes, 1),
        "head_deg_rms": _rounded(np.sqrt(sum(np.var(axis) for axis in turned)), 1),
    }


def _rounded(value: Any, digits: int) -> float:
    return round(float(value), digits)
