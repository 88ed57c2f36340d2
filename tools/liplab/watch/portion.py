"""A minute of people, watched: which stretches teach something, and why the others do not.

It may be of a video's file, or of what a camera sees just now. Nothing is written here, and no picture and no
sound leaves it: only tracks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from liplab.eyes.mesh import MeshTracker
from liplab.eyes.sight import Floats
from liplab.lips.measures import predict
from liplab.scores import runs
from liplab.watch.faces import NO_FACE, Face, FaceFollower, most_common
from liplab.watch.shapes import lips_mm
from liplab.watch.sync import NO_SOUND, SHORTEST_S, Match, match
from liplab.watch.video import Picture, Samples
from lipwright.audio.features import STEP_S, log_mel
from lipwright.errors import LipwrightError
from lipwright.lips.model import LipModel

LONGEST_GAP_S = 0.13  # without a usable picture, that interpolation bridges: a closure lasts as long
LONGEST_S = 30.0  # of a clip: offsets drift in badly made films
FEWEST_HZ = 15.0  # pictures a second; with fewer, closures fall between them
LEAST_TOLD_S = 0.5  # of what is of no use: shorter stretches are not worth a line

TOO_SHORT = f"it lasts less than {SHORTEST_S:.0f} s"
TOO_SLOW = f"there are fewer than {FEWEST_HZ:.0f} pictures a second"
ANOTHER = "another face speaks"
ASKEW = "the face lies on its side"


class Portion(Protocol):
    """A minute or so of pictures and sound. Times are in s of the whole of which it is a part.

    Attributes:
        last: Nothing comes after it.
        damage: What was wrong with it, in words.
    """

    last: bool
    damage: str

    @property
    def start_s(self) -> float:
        """Where it begins."""

    @property
    def sound_start_s(self) -> float:
        """Where its sound begins: a little earlier."""

    @property
    def sound(self) -> Samples | None:
        """Mono 16 kHz (n,), once all pictures were read; None: there is none."""

    def pictures(self) -> Iterator[Picture]:
        """Its pictures in their order, once."""


@dataclass(frozen=True)
class Clip:
    """A face that speaks, as tracks. Times are on the sound's clock: the offset is taken out.

    Attributes:
        name: 12 hexadecimal digits, the same whenever this video is watched.
        start_s, seconds: Where in the video, by its pictures.
        mel: Log-mel steps (n, 2, 80), one every 20 ms, as `lipwright.audio.features` makes them.
        times_s: Moments (m,) of the pictures, from the beginning of the first step.
        lips_mm: Ways (m, 21, 2) of lips and chin from rest, as `liplab.watch.shapes` has them.
        measures: Aperture, width and jaw (m, 3) over the distance of the eyes.
    """

    name: str
    face: int
    start_s: float
    seconds: float
    match: Match
    mel: NDArray[np.float16]
    times_s: NDArray[np.float32]
    lips_mm: NDArray[np.float32]
    measures: NDArray[np.float32]


@dataclass(frozen=True)
class Refused:
    """A stretch of the video that is not kept; `face` is None where there is none."""

    start_s: float
    seconds: float
    reason: str
    face: int | None = None
    r: float | None = None


@dataclass(frozen=True)
class Watched:
    """What a portion gave."""

    clips: list[Clip]
    refused: list[Refused]
    pictures: int
    seconds: float
    last: bool
    damage: str


@dataclass(frozen=True)
class Stretch:
    """A face that can be used for a while: its looks' places, times (n,) in s and measures (n, 3)."""

    face: Face
    places: NDArray[np.intp]
    times_s: Floats
    measures: Floats


@dataclass(frozen=True)
class Heard:
    """A portion's sound as log-mel steps (n, 2, 80), and what the lip model makes of it at times (m,) in s of
    the video."""

    mel: NDArray[np.float32]
    start_s: float
    times_s: Floats
    articulation: Floats


def watch_portion(
    portion: Portion,
    video: str,
    mesh: MeshTracker,
    model: LipModel,
    seen: Callable[[float], None] = lambda time_s: None,
) -> Watched:
    """Watches a portion of the video that is named by its hash `video`; `seen` hears of every picture's time.

    Raises LipwrightError for a file that is no video.
    """
    follower = FaceFollower(mesh)
    for picture in portion.pictures():
        follower.look(picture.time_s, picture.pixels)
        seen(picture.time_s)
    return judge(portion, video, follower, model)


def judge(
    portion: Portion, video: str, follower: FaceFollower, model: LipModel, known_s: float = 0.0
) -> Watched:
    """What a portion whose pictures were followed gives. `known_s`: about how much later than the lips its
    sound is known to be; offsets are looked for around that."""
    times = np.array(follower.times_s)
    seconds = float(times[-1] - portion.start_s + _step_s(times)) if len(times) else 0.0
    clips, refused = _judge(portion, video, follower, model, known_s)
    refused += [
        Refused(round(start, 3), round(end - start, 3), NO_FACE)
        for start, end in _spans(times, ~np.array(follower.seen, bool))
        if end - start >= LEAST_TOLD_S
    ]
    clips.sort(key=lambda clip: (clip.start_s, clip.face))
    refused.sort(key=lambda one: (one.start_s, one.face or 0))
    return Watched(clips, refused, len(times), seconds, portion.last, portion.damage)


def stretches(face: Face) -> tuple[list[Stretch], list[Refused]]:
    """The stretches of a face that can be used, and those that cannot."""
    times = np.array([look.time_s for look in face.looks])
    measures = np.array([look.measures for look in face.looks])
    reasons = face.reasons()
    good = np.flatnonzero([not reason for reason in reasons])
    found: list[Stretch] = []
    refused: list[Refused] = []
    for start, end in _spans(times, np.array([bool(reason) for reason in reasons])):
        if end - start >= LEAST_TOLD_S:
            inside = (times >= start) & (times < end)
            why = most_common([reasons[place] for place in np.flatnonzero(inside)])
            refused.append(Refused(round(start, 3), round(end - start, 3), why, face.number))
    gap = max(LONGEST_GAP_S, 2.5 * _step_s(times))
    parts = np.split(good, np.flatnonzero(np.diff(times[good]) > gap) + 1)
    for part in (piece for whole in parts for piece in _pieces(whole, times)):
        lasts = float(times[part[-1]] - times[part[0]]) if len(part) else 0.0
        start = float(times[part[0]]) if len(part) else 0.0
        if lasts < SHORTEST_S:
            if lasts >= LEAST_TOLD_S:
                refused.append(Refused(round(start, 3), round(lasts, 3), TOO_SHORT, face.number))
        elif len(part) / lasts < FEWEST_HZ:
            refused.append(Refused(round(start, 3), round(lasts, 3), TOO_SLOW, face.number))
        else:
            found.append(Stretch(face, part, times[part], measures[part]))
    return found, refused


def hear(portion: Portion, model: LipModel) -> Heard | None:
    """What the lip model makes of a portion's sound; None where there is none."""
    sound = portion.sound
    if sound is None:
        return None
    times, articulation = predict(model, sound)
    return Heard(
        log_mel(sound),
        portion.sound_start_s,
        times + portion.sound_start_s,
        articulation.astype(np.float64),
    )


def _judge(
    portion: Portion, video: str, follower: FaceFollower, model: LipModel, known_s: float
) -> tuple[list[Clip], list[Refused]]:
    usable: list[Stretch] = []
    refused: list[Refused] = []
    for face in follower.faces:
        found, not_usable = stretches(face)
        usable += found
        refused += not_usable
    if not usable:
        return [], refused
    heard = hear(portion, model)
    if heard is None:
        return [], refused + [_refused(stretch, NO_SOUND) for stretch in usable]
    kept: list[tuple[Stretch, Match]] = []
    for stretch in usable:
        found_match = match(stretch.times_s + known_s, stretch.measures, heard.times_s, heard.articulation)
        found_match = replace(found_match, offset_s=found_match.offset_s + known_s)
        if found_match.reason:
            refused.append(_refused(stretch, found_match.reason, found_match.r))
        else:
            kept.append((stretch, found_match))
    clips: list[Clip] = []
    taken: list[Stretch] = []
    for stretch, found_match in sorted(kept, key=lambda pair: -pair[1].r):
        if any(_overlap_s(stretch, other) > 0 for other in taken):
            refused.append(_refused(stretch, ANOTHER, found_match.r))
            continue
        try:
            clips.append(_clip(video, stretch, found_match, heard))
            taken.append(stretch)
        except LipwrightError:
            refused.append(_refused(stretch, ASKEW))
    return clips, refused


def _clip(video: str, stretch: Stretch, found: Match, heard: Heard) -> Clip:
    start = float(stretch.times_s[0])
    # The sound is cut at a whole step, so that the steps are those of the model's own stream.
    first = max(0, int((start + found.offset_s - heard.start_s) / STEP_S))
    steps = int(np.ceil((float(stretch.times_s[-1]) - start) / STEP_S)) + 1
    mel = heard.mel[first : first + steps]
    times = stretch.times_s + found.offset_s - heard.start_s - first * STEP_S
    sights = [stretch.face.looks[place].sight for place in stretch.places]
    key = f"{video} {stretch.face.number} {round(start * 1000)}"
    return Clip(
        hashlib.sha256(key.encode()).hexdigest()[:12],
        stretch.face.number,
        round(start, 3),
        round(float(stretch.times_s[-1]) - start, 3),
        replace(found, r=round(found.r, 4), offset_s=round(found.offset_s, 4)),
        mel.astype(np.float16),
        times.astype(np.float32),
        lips_mm(sights, stretch.measures[:, 0]),
        stretch.measures.astype(np.float32),
    )


def _refused(stretch: Stretch, reason: str, r: float | None = None) -> Refused:
    start, end = float(stretch.times_s[0]), float(stretch.times_s[-1])
    known = None if r is None else round(r, 4)
    return Refused(round(start, 3), round(end - start, 3), reason, stretch.face.number, known)


def _pieces(part: NDArray[np.intp], times: Floats) -> list[NDArray[np.intp]]:
    """A stretch in even pieces of LONGEST_S at most."""
    if not len(part):
        return []
    lasts = float(times[part[-1]] - times[part[0]])
    return np.array_split(part, max(1, int(np.ceil(lasts / LONGEST_S))))


def _spans(times: Floats, marks: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Beginning and end in s of every run of marked pictures."""
    step = _step_s(times)
    return [(float(times[first]), float(times[last - 1]) + step) for first, last in runs(marks)]


def _step_s(times: Floats) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _overlap_s(one: Stretch, other: Stretch) -> float:
    return float(min(one.times_s[-1], other.times_s[-1]) - max(one.times_s[0], other.times_s[0]))
