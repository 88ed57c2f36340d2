"""One voice: a stream of sound on its way through the models."""

from __future__ import annotations

import numpy as np

from lipwright.audio.features import STEP_S, STEP_SAMPLES
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile
from lipwright.lips.model import LipModel
from lipwright.live.speech import Speech, Step
from lipwright.performance import RUN_OUT_S, Performer, Pose

SILENCE = np.zeros(STEP_SAMPLES, np.float32)


class Voice:
    """A speech and the models' state for it.

    Attributes:
        speech: Where the sound comes from.
        steps: How many steps have been taken.
        lookahead_s: How far a pose lies behind the newest sound.
    """

    def __init__(
        self, speech: Speech, lip_model: LipModel, face_model: FaceModel, profile: HeadProfile
    ) -> None:
        self.speech = speech
        self.steps = 0
        self._performer = Performer(lip_model, face_model, profile, hurried=speech.live)
        self.lookahead_s = self._performer.lookahead_s
        # Silence after the last sound, in which the lips come to rest.
        self._after = round((RUN_OUT_S + self.lookahead_s) / STEP_S)

    def step(self) -> tuple[Pose, Step | None] | None:
        """The next 20 ms: what the head is to do, and what is heard, which after the last sound is nothing;
        None when all is over."""
        step = self.speech.take()
        if step is None:
            if self._after == 0:
                return None
            self._after -= 1
        self.steps += 1
        (pose,) = self._performer.push(SILENCE if step is None else step.mono)
        return pose, step
