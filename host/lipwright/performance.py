"""Sound to poses: the part of the line that runs on the Pi, from samples to servo targets, as a stream."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lipwright.audio.decode import Sound
from lipwright.audio.features import StreamingLogMel
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile
from lipwright.lips.model import LipModel

# Silence after the last sound, in which the lips come to rest.
RUN_OUT_S = 0.4
BLOCK_SAMPLES = 320

Floats = npt.NDArray[np.float32]


class Pose(NamedTuple):
    """The targets that the head must have reached at one moment of the sound."""

    time_s: float
    """Sound time in seconds; the first poses of a stream lie before 0."""
    targets: Floats
    """Shape (channels,), 0..1 of each channel's calibrated range."""
    features: Floats
    """Shape (2, 80): the newest log-mel step that was heard, `lookahead_s` after `time_s`."""
    asked_s: float
    """Sound time of `articulation`, some 60 ms after `time_s`: the face model looks ahead."""
    articulation: Floats
    """Shape (5,), what the lip model asks for, in the order of ``lipwright.lips.model.ARTICULATION``."""


class Performer:
    """Turns a stream of samples into a stream of poses, one per 20 ms.

    It holds the state of one stream; make a new one for the next clip. Where `hurried`, no lip code to come
    is awaited: poses come earlier by the face model's look-ahead, and are a little rougher.
    """

    def __init__(
        self, lip_model: LipModel, face_model: FaceModel, profile: HeadProfile, hurried: bool = False
    ) -> None:
        self._features = StreamingLogMel()
        self._lip_model = lip_model
        self._lip_state = lip_model.initial_state()
        self._face_model = face_model
        self._face_state = face_model.initial_state()
        self._places = face_model.places(profile)
        self._rest = np.asarray(profile.rest_targets(), np.float32)
        self.step_s = lip_model.step_ms / 1000
        self._steps = 0
        self._hurried = hurried

    @property
    def lookahead_s(self) -> float:
        """How far a pose lies behind the newest sound that it was made from, in seconds."""
        face_ms = 0 if self._hurried else self._face_model.lookahead_ms
        return (self._lip_model.lookahead_ms + face_ms) / 1000

    def push(self, samples: Floats) -> Iterator[Pose]:
        """Takes mono 16 kHz samples (any number) and yields the poses that they complete."""
        for features in self._features.push(samples):
            heard_s = self._steps * self.step_s
            frame = self._lip_model.step(features, self._lip_state)
            mouth = self._face_model.step(frame.code, self._face_state, self._hurried)
            targets = self._rest.copy()
            targets[self._places] = mouth
            self._steps += 1
            asked_s = heard_s - self._lip_model.lookahead_ms / 1000
            yield Pose(heard_s - self.lookahead_s, targets, features, asked_s, frame.articulation)


def poses_of(sound: Sound, performer: Performer, progress: Callable[[float], object]) -> Iterator[Pose]:
    """Every pose for a sound, and for the silence after it in which the lips come to rest.

    `progress` is told how many seconds of the sound have been heard, at most its duration to 10 ms.
    """
    silence = np.zeros(round((RUN_OUT_S + performer.lookahead_s) * sound.rate), np.float32)
    heard_s, total_s = 0.0, round(sound.duration_s, 2)
    for block in itertools.chain(sound.blocks(BLOCK_SAMPLES), [silence]):
        yield from performer.push(block)
        heard_s = min(heard_s + len(block) / sound.rate, total_s)
        progress(heard_s)
