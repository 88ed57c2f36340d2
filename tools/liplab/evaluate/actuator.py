"""After the actuator: what the simulated head's lips do of what the lip model says.

The sound goes the way of `lipwright say`: lip model, face model, frames, the real firmware, servos, soft
lips. Time is virtual, so it is faster than the sound and the same each time.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from liplab.discover.filming import conduct
from liplab.discover.judge import heard_s, spoken_take
from liplab.discover.plan import FRAME_S, flapping
from liplab.evaluate.measures import Track
from liplab.evaluate.sets import Clip
from liplab.evaluate.table import on_grid
from liplab.stage import SimulatedStage
from lipwright.audio.decode import RATE, open_sound
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile
from lipwright.link.board_link import BoardLink
from lipwright.lips.model import LipModel
from lipwright.say import perform

PAUSE_S = 0.3  # between the clips of one performance
PERFORMANCE_S = 40.0  # a performance begins and ends at rest, so clips share one


class Actuator:
    """A simulated head with its face model and one lip model."""

    def __init__(self, lip_model: LipModel, profile: HeadProfile) -> None:
        self._profile = profile
        self._face_model = FaceModel.load(self._profile)
        self._lip_model = lip_model

    def perform(self, clips: Sequence[Clip]) -> list[Track]:
        """What the lips did on each clip: articulation (m, 5), normalised, on the clips' grids."""
        tracks: list[Track] = []
        held: list[Clip] = []
        for number, clip in enumerate(clips):
            held.append(clip)
            if sum(one.seconds for one in held) >= PERFORMANCE_S or number == len(clips) - 1:
                tracks += self._perform_together(held)
                held = []
        return tracks

    def flap(self, clips: Sequence[Clip], tracks: Sequence[Track]) -> list[Track]:
        """What the lips did when only the jaw moved, as far as the apertures of tracks (m, 5) on the clips'
        grids say: what most talking heads do with the sound's level."""
        profile = self._profile
        flapped: list[Track] = []
        for clip, track in zip(clips, tracks, strict=True):
            steps = np.arange(round(clip.seconds / FRAME_S) + 1) * FRAME_S
            targets = flapping(profile, np.interp(steps, clip.grid(), track[:, 0]))
            with contextlib.closing(SimulatedStage(profile=profile, virtual=True)) as stage:
                with BoardLink(stage, profile) as link:
                    link.connect()
                    start = conduct(link, stage, profile, spoken_take(targets, profile))
                    link.finish()
                stage.settle()
                seen = stage.head.history
                begin = stage.head_time(start) + heard_s(profile)
                done = profile.articulation.from_mm(seen.articulation_mm)
                flapped.append(on_grid(clip, np.asarray(seen.times_s) - begin, done))
        return flapped

    def _perform_together(self, clips: Sequence[Clip]) -> list[Track]:
        pause = np.zeros(round(PAUSE_S * RATE), np.float32)
        starts, sounds, length = [], [], 0
        for clip in clips:
            starts.append(length / RATE)
            sounds += [clip.samples, pause]
            length += len(clip.samples) + len(pause)
        with (
            tempfile.TemporaryDirectory(prefix="liplab-") as folder,
            contextlib.closing(SimulatedStage(profile=self._profile, virtual=True)) as stage,
        ):
            path = Path(folder) / "clips.wav"
            soundfile.write(path, np.concatenate(sounds), RATE, subtype="PCM_16")
            performance = perform(open_sound(path), stage, self._profile, self._lip_model, self._face_model)
            stage.settle()
            seen = stage.head.history
            times = np.asarray(seen.times_s) - stage.head_time(performance.start_s)
            done = self._profile.articulation.from_mm(seen.articulation_mm)
        return [on_grid(clip, times - start, done) for clip, start in zip(clips, starts, strict=True)]
