"""What was watched, as goals for the lip model, and the part of it that no training hears.

A camera in front shows aperture, width and jaw. Everything here is kept in memory only.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from liplab.scores import resample, runs
from liplab.watch.normalise import articulation
from liplab.watch.store import Entry, load
from lipwright.audio.features import STEP_S
from lipwright.errors import LipwrightError
from lipwright.lips.model import ARTICULATION

HELD_SHARE = 0.3  # of persons, or of clips where there is one person only
# Below these nothing can be learned, or judged beyond chance.
LEAST_TAUGHT, LEAST_HELD = 3, 3  # clips
# Of a person's aperture: lips that come below CLOSED are closed (the shipped model's 1 mm of 20), lips that
# stay above OPEN are clearly open.
CLOSED, OPEN = 0.05, 0.15
LONGEST_CLOSURE_S = 0.3  # longer ones are pauses, which teach nothing about p, b and m

SEEN_PARTS = ("aperture", "width", "jaw")
SEEN_COLUMNS = tuple(ARTICULATION.index(part) for part in SEEN_PARTS)

Track = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Watched:
    """A clip; all tracks lie on the model's steps of 20 ms.

    Attributes:
        person, tags: Whose it is, and how they speak.
        name: The clip's.
        features: Log-mel steps (n, 160).
        lips: Aperture, width and jaw (n, 3) as articulation, on the person's own scale.
        seen: (n,) whether the camera saw the lips then.
        closures: (n,) number of the closure that is seen there, from 1; 0: none.
        open: (n,) whether lips are clearly open.
        times_s, measures: The camera's moments (m,), and what it saw (m, 3), as the store has them.
    """

    person: str
    tags: tuple[str, ...]
    name: str
    features: Track
    lips: Track
    seen: npt.NDArray[np.bool_]
    closures: npt.NDArray[np.int64]
    open: npt.NDArray[np.bool_]
    times_s: Track
    measures: Track

    @property
    def seconds(self) -> float:
        """How long the lips were seen."""
        return float(self.times_s[-1] - self.times_s[0])


@dataclass(frozen=True)
class Split:
    """What is learned from, and what is held out; and whether it parts people or only clips."""

    taught: Sequence[Watched]
    held: Sequence[Watched]
    by_person: bool


def watched(entries: Sequence[Entry]) -> list[Watched]:
    """All clips of the store. Raises LipwrightError where one is damaged."""
    persons: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        persons[entry.person].append(entry)
    made = []
    for person, own in persons.items():
        tracks = [load(entry.path) for entry in own]
        lips = articulation([track.measures.astype(np.float64) for track in tracks])
        for entry, track, seen_lips in zip(own, tracks, lips, strict=True):
            features = track.mel.reshape(len(track.mel), -1)
            moments = np.arange(len(features)) * STEP_S
            columns = resample(track.times_s.astype(np.float64), seen_lips[:, list(SEEN_COLUMNS)], moments)
            inside = (moments >= track.times_s[0] - STEP_S) & (moments <= track.times_s[-1] + STEP_S)
            made.append(
                Watched(
                    person,
                    entry.tags,
                    entry.clip,
                    features,
                    columns.astype(np.float32),
                    inside,
                    _closures(columns[:, 0], inside),
                    inside & (columns[:, 0] > OPEN),
                    track.times_s,
                    track.measures,
                )
            )
    return made


def split(clips: Sequence[Watched]) -> Split:
    """A stable share of persons is held out, whoever else comes; of clips, where that parts nobody.

    Raises LipwrightError where too little was watched to learn from, or to judge by.
    """
    persons = {clip.person for clip in clips}
    by_person = 0 < sum(map(_is_held, persons)) < len(persons)
    held: list[Watched] = []
    taught: list[Watched] = []
    for clip in clips:
        (held if _is_held(clip.person if by_person else clip.name) else taught).append(clip)
    if len(taught) < LEAST_TAUGHT or len(held) < LEAST_HELD:
        raise LipwrightError(
            f"Too little was watched: {len(taught)} clips to learn from and {len(held)} to judge by, of "
            f"{len(persons)} persons; {LEAST_TAUGHT} and {LEAST_HELD} are needed. "
            "Watch more videos, of more people: liplab watch VIDEO --person NAME."
        )
    return Split(taught, held, by_person)


def _is_held(name: str) -> bool:
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_SHARE * 2**32


def _closures(aperture: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Numbers of the closures that begin and end while the lips are seen."""
    numbers = np.zeros(len(aperture), np.int64)
    count = 0
    for first, last in runs((aperture <= CLOSED) & seen):
        whole = first > 0 and last < len(aperture) and seen[first - 1] and seen[last]
        if whole and (last - first) * STEP_S <= LONGEST_CLOSURE_S:
            count += 1
            numbers[first:last] = count
    return numbers
