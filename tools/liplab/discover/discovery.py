"""Discovery from nothing to a speaking head: film, learn a little, speak and film that, learn all, judge."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liplab.discover import delay, motors
from liplab.discover.asked import Asked, Asker
from liplab.discover.baselines import Inverse, inverses
from liplab.discover.delay import Delay
from liplab.discover.filming import FilmSet
from liplab.discover.learn import BLURRED_EYES, Draws, Limits, lead_frames, learn_face
from liplab.discover.lip_space import LipSpace, learn_lip_space
from liplab.discover.motors import Motor
from liplab.discover.package import MODEL, quantization, write_face_model
from liplab.discover.plan import FRAME_S, Planner, Take, flapper
from liplab.discover.seen import Seen, front_frame, gather, tracks, windows
from liplab.discover.self_model import SelfErrors, SelfModel, learn_self_model, shapes
from liplab.discover.session import FRONT, SECOND, Filmed, Session
from liplab.discover.transformer import FacialActionTransformer
from liplab.eyes.frame import FaceFrame
from liplab.eyes.sight import EXPLAINED, Missed
from liplab.scores import resample
from lipwright import tflite
from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile

DRAFT = "draft.tflite"
BABBLE_TAKES, SPEECH_TAKES = (6, 3), (6, 3)  # from the front, and for the second view
TAKE_STEPS = 900  # of speech in a take: 18 s
DRAFT_SELF_STEPS, DRAFT_FACE_STEPS = 1500, 350
SELF_STEPS, FACE_STEPS = 3000, 1000
LEAST_FOUND = 0.4  # of a take's pictures must show the face
TRIES_S = 0.05  # from a command to the lips that baselines take for its doing

Floats = NDArray[np.float32]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What a user may choose."""

    seed: int = 1
    eyes_mm: float = 63.0
    neck: bool = True  # film a second time with the head turned
    steps_share: float = 1.0  # of the usual training
    babble_takes: tuple[int, int] = BABBLE_TAKES
    speech_takes: tuple[int, int] = SPEECH_TAKES


@dataclass
class Learned:
    """What a head knows of itself."""

    frame: FaceFrame
    delay: Delay
    motors: list[Motor]
    self_model: SelfModel
    self_errors: SelfErrors
    face: FacialActionTransformer
    yaw_rad: float | None  # of the second view; None where there was none
    space: LipSpace | None = None
    tried: tuple[Floats, Floats] | None = None  # commands and where the lips were seen, for the baselines
    losses: list[float] = field(default_factory=list)


class Discovery:
    """One head's discovery, in a session on disk."""

    def __init__(
        self,
        session: Session,
        profile: HeadProfile,
        poses: Floats | None,
        options: Options,
        say: Say,
    ) -> None:
        """`poses` (m, channels) are mouths to babble with, where any are known for such a head."""
        self.session = session
        self.profile = profile
        self.options = options
        self.mouth = profile.indices("mouth")
        if not len(self.mouth):
            raise LipwrightError(
                f'The head profile {profile.path} has no channel of group "mouth"; say which servos move it.'
            )
        self.asker = Asker(profile.articulation.aperture_mm)
        self.training, self.held_out = self.asker.streams()
        self._poses = poses
        self._say = say

    @property
    def can_turn(self) -> bool:
        """Whether the head can show itself from the side."""
        return self._planner(0).can_turn

    # ---- filming

    def schedule(self) -> list[tuple[str, str]]:
        """Kinds of takes and their views, in the order that they are filmed."""
        neck = self.options.neck and self.can_turn
        front, turned = self.options.babble_takes
        spoken, spoken_turned = self.options.speech_takes
        plan = [("claps", FRONT), ("motors", FRONT)] + [("babble", FRONT)] * front
        if neck:
            plan += [("motors", SECOND)] + [("babble", SECOND)] * turned
        plan += [("speech", FRONT)] * spoken
        return plan + [("speech", SECOND)] * (spoken_turned if neck else 0)

    def film(self, stage: FilmSet, progress: Callable[[Filmed], None]) -> None:
        """Films what is missing; takes that are there are not filmed again."""
        plan = self.schedule()
        draft: FaceModel | None = None
        shot = self.session.count
        for number in range(shot, len(plan)):
            kind, view = plan[number]
            if kind == "speech" and draft is None:
                for filmed in stage.finished(wait=True):
                    self._keep(filmed, progress)
                draft = self._draft()
            take = self._take(number, kind, draft)
            if view == SECOND:
                take = self._planner(number).turned(take)
            stage.shoot(take, view)
            for filmed in stage.finished(wait=False):
                self._keep(filmed, progress)
        for filmed in stage.finished(wait=True):
            self._keep(filmed, progress)

    def _keep(self, filmed: Filmed, progress: Callable[[Filmed], None]) -> None:
        for view, footage in filmed.views.items():
            if footage.found.mean() < LEAST_FOUND:
                reasons = Counter(sight.reason for sight in footage.sights if isinstance(sight, Missed))
                reason = reasons.most_common(1)[0][0]
                raise LipwrightError(
                    f"{round(100 - 100 * footage.found.mean())} % of the pictures of a take ({view}) did not "
                    f"show the face. {EXPLAINED.get(reason, reason)} Then run the same command again: it "
                    f"goes on after the {self.session.count} takes that are good."
                )
        self.session.save(filmed)
        progress(filmed)

    def _planner(self, number: int) -> Planner:
        return Planner(self.profile, self._poses, 1000 * self.options.seed + number)

    def _take(self, number: int, kind: str, draft: FaceModel | None) -> Take:
        planner = self._planner(number)
        if kind == "claps":
            return planner.claps()
        if kind == "motors":
            return planner.motors()
        if kind == "babble":
            return planner.babble()
        assert draft is not None, "speech comes after the draft"
        random = np.random.default_rng(1000 * self.options.seed + number)
        rows: list[Floats] = []
        for k in random.permutation(len(self.training)):
            rows.append(speak(draft, self.profile, self.training[k].codes))
            if sum(map(len, rows)) >= TAKE_STEPS:
                break
        return planner.speech(np.concatenate(rows)[:TAKE_STEPS])

    def _draft(self) -> FaceModel:
        """A first face model from babble alone, good enough to babble speech with."""
        self._say("learning from the babble, to speak with")
        learned = self.learn(draft=True)
        return self.write(learned, {}, DRAFT)

    # ---- learning

    def learn(self, draft: bool = False) -> Learned:
        """Learns the self-model and the face model from all takes that are there."""
        options, began = self.options, time.perf_counter()
        filmed = self.session.load()
        frame = front_frame(filmed, options.eyes_mm)
        late = self._delay(filmed, frame)
        front = self._seen(filmed, FRONT, frame, late)
        second = self._seen(filmed, SECOND, frame, late)
        if front is None:
            raise LipwrightError("No take shows the face from the front; film anew.")
        found = self._motors(filmed, frame, late)
        scale = options.steps_share
        steps = round((DRAFT_SELF_STEPS if draft else SELF_STEPS) * scale)
        self_model, errors = learn_self_model(front, second, options.seed, steps=steps)
        limits = Limits.of(self.profile)
        draws = Draws(self.training, self.asker.rest_code, lead_frames(self.profile))
        losses: list[float] = []
        face = learn_face(
            draws,
            self_model,
            limits,
            self.profile.articulation.aperture_mm,
            second is not None,
            self.session.state.get("tracker") in BLURRED_EYES,
            options.seed,
            max(40, round((DRAFT_FACE_STEPS if draft else FACE_STEPS) * scale)),
            report=lambda _, loss: losses.append(loss),
        )
        yaw_rad = None if second is None else second.yaw_rad
        learned = Learned(frame, late, found, self_model, errors, face, yaw_rad, losses=losses)
        if not draft:
            learned.tried = self._tried(filmed, frame, late)
            people = np.concatenate([stream.lips for stream in self.training])
            learned.space = learn_lip_space(self._made(filmed, self_model), people, options.seed)
        self.session.note(**{("draft_s" if draft else "learn_s"): round(time.perf_counter() - began, 1)})
        return learned

    def write(self, learned: Learned, facts: dict[str, Any], name: str = MODEL) -> FaceModel:
        """Writes the int8 model into the session's folder and returns it."""
        path = self.session.folder / name
        write_face_model(learned.face, self.profile, self.training, self.asker.rest_code, path, facts)
        return FaceModel(*tflite.read_model(path))

    def quantization(self, learned: Learned, model: FaceModel) -> tuple[float, float]:
        """SNR in dB and rms difference (share of range) of int8 against float on held-out speech."""
        codes = np.concatenate([stream.codes for stream in self.held_out[:4]])
        rest = self.profile.rest_targets()[self.mouth]
        int8 = speak(model, self.profile, codes)[:, self.mouth]
        return quantization(learned.face, codes, self.asker.rest_code, rest, int8)

    def baselines(self, learned: Learned) -> Mapping[str, Inverse]:
        """The simple ways, learned from the same takes."""
        assert learned.tried is not None, "a draft has none"
        return inverses(self.profile, *learned.tried, self.options.seed)

    def _seen(self, filmed: Sequence[Filmed], view: str, frame: FaceFrame, late: Delay) -> Seen | None:
        return gather(filmed, view, frame, self.options.eyes_mm, self.mouth, late.camera_s)

    def _delay(self, filmed: Sequence[Filmed], frame: FaceFrame) -> Delay:
        claps = next(one for one in filmed if one.take.kind == "claps")
        times, points, _ = tracks(claps, FRONT, frame, self.options.eyes_mm)
        command = claps.take.targets[:, flapper(self.profile)].astype(np.float64)
        return delay.measure(command, times, points.astype(np.float64))

    def _motors(self, filmed: Sequence[Filmed], frame: FaceFrame, late: Delay) -> list[Motor]:
        alone = [one for one in filmed if one.take.kind == "motors"]
        seen = {
            view: found
            for view in (FRONT, SECOND)
            if (found := self._seen(alone, view, frame, late)) is not None
        }
        names = [self.profile.channels[k].name for k in self.mouth]
        return motors.examine(names, self.profile.rest_targets()[self.mouth].astype(np.float64), seen)

    def _made(self, filmed: Sequence[Filmed], model: SelfModel) -> Floats:
        """Lips (n, 20, 3) that this head made, as its self-model knows them: without the eyes' trembling."""
        made = []
        for one in filmed:
            targets = one.take.targets[:, self.mouth]
            made.append(shapes(model, windows(targets, np.arange(len(targets)) * FRAME_S))[:, :20])
        return np.concatenate(made)

    def _tried(self, filmed: Sequence[Filmed], frame: FaceFrame, late: Delay) -> tuple[Floats, Floats]:
        """Commands (n, channels) of the babble, frame after frame, and where the front camera saw the lips
        that came of each (n, 20, 2).

        Speech is left out: what was spoken came from a face model already.
        """
        commands, seen = [], []
        for one in filmed:
            if one.take.kind == "speech" or FRONT not in one.views:
                continue
            times, points, _ = tracks(one, FRONT, frame, self.options.eyes_mm)
            targets = one.take.targets[:, self.mouth]
            moments = np.arange(len(targets)) * FRAME_S + TRIES_S + late.camera_s
            commands.append(targets)
            seen.append(resample(times, points[:, :20], moments))
        return np.concatenate(commands), np.concatenate(seen).astype(np.float32)


def speak(model: FaceModel, profile: HeadProfile, codes: Floats) -> Floats:
    """Targets (steps, channels) of the head for codes (steps, 8), each for its own code's moment."""
    state = model.initial_state()
    ahead = model.lookahead_ms // model.step_ms
    padded = np.concatenate([codes, np.repeat(codes[-1:], ahead, axis=0)])
    mouth = np.array([model.step(code, state) for code in padded])[ahead:]
    targets = np.tile(profile.rest_targets(), (len(codes), 1))
    targets[:, model.places(profile)] = mouth
    return targets


def inverted(invert: Inverse, asked: Asked, profile: HeadProfile) -> Floats:
    """Targets (n, channels) of the whole head for a stream, from a baseline."""
    targets = np.tile(profile.rest_targets(), (len(asked), 1))
    targets[:, profile.indices("mouth")] = invert(asked)
    return targets.astype(np.float32)
