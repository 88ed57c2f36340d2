"""The life layer: what a face does besides its lips, blended over the poses that speech asks for.

Gaze, blinks, brows, nods, breath and expressions, calm and small, from a seed: the same seed and the same
calls make the same motion. It keeps no clock and no thread; who sends poses calls `Life.step` for each.
"""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import numpy.typing as npt

from lipwright.errors import LipwrightError
from lipwright.face.blinks import Blinks
from lipwright.face.easing import eased, settle
from lipwright.face.expressions import CORNERS, Wearing, expression_named, shares_of
from lipwright.face.gaze import Gaze
from lipwright.face.manners import MANNERS
from lipwright.face.mouth_gate import MouthGate
from lipwright.face.neck import Neck
from lipwright.face.profile import HeadProfile
from lipwright.face.prosody import Prosody
from lipwright.face.reach import (
    BROWS,
    EYES_PAN,
    EYES_TILT,
    LIDS_LOWER,
    LIDS_UPPER,
    NECK,
    UPPER_FACE,
    Reach,
)

USUAL_STEP_S = 0.020
MOOD_S = 0.45  # time constant of a change of posture
# Brows rise with stressed syllables, not with all of them (Cavé et al. 1996).
BROW_RAISE, BROW_RAISE_CHANCE = 0.42, 0.30
BROW_RISE_S, BROW_STAY_S, BROW_FALL_S, BROWS_APART_S = 0.14, 0.08, 0.30, 1.5
# Lids follow the eyes: the upper one as far as they turn (Becker & Fuchs 1988), a little less upwards, the
# lower one a quarter of it (Leite et al. 2006). Shares of the lids' ways for eyes turned by these degrees.
LIDS_FOLLOW_DEG = 25.0
UPPER_DOWN, UPPER_UP = 0.60, -0.85
LOWER_DOWN, LOWER_UP = -0.40, 0.25
PHRASE_ENDS_S = 0.20  # of silence after speech

Floats = npt.NDArray[np.floating[Any]]


class Life:
    """The life of one head."""

    def __init__(self, profile: HeadProfile, seed: int = 0) -> None:
        """A head that idles, switched on. Uses those channels of the reference head, by name, that it has."""
        self._enabled = True
        self._mood = "idle"
        reach = self._reach = Reach(profile)
        # Degrees of eyes (sideways, up) and neck (yaw, pitch, roll) to offsets of targets: (channels, 5).
        self._turns = np.stack(
            [reach.turns(names) for names in (EYES_PAN, EYES_TILT, *((name,) for name in NECK))], axis=-1
        )
        upper, lower = reach.marks(LIDS_UPPER), reach.marks(LIDS_LOWER)
        self._lids = upper + lower
        self._shut = upper
        self._lids_down = UPPER_DOWN * upper + LOWER_DOWN * lower
        self._lids_up = UPPER_UP * upper + LOWER_UP * lower
        self._brows = reach.marks(BROWS)
        self._corners = reach.marks(CORNERS)
        self._lips = 1.0 - reach.marks(UPPER_FACE) - self._corners
        self._blinks = Blinks(random.Random(f"blinks {seed}"), reach.fastest_s(LIDS_UPPER))
        self._gaze = Gaze(random.Random(f"gaze {seed}"))
        self._turning = Neck(random.Random(f"neck {seed}"))
        self._chance = random.Random(f"brows {seed}")
        self._wearing = Wearing(profile)
        self._gate = MouthGate()
        self._postures = {name: shares_of(manner.posture, profile) for name, manner in MANNERS.items()}
        self._none = np.zeros(len(profile.channels))
        self._posture, self._posture_speed = self._none, self._none
        self._last_s: float | None = None
        self._quiet_s = math.inf
        self._raise_began_s, self._raise = -math.inf, 0.0

    @property
    def mood(self) -> str:
        """One of `lipwright.face.manners.MANNERS`; may be set, and changes how the face behaves smoothly."""
        return self._mood

    @mood.setter
    def mood(self, name: str) -> None:
        if name not in MANNERS:
            raise LipwrightError(f'There is no mood "{name}"; use one of {", ".join(MANNERS)}.')
        if name == self._mood:
            return
        self._mood = name
        # Who begins to speak or think looks away, who begins to listen looks at the other (Kendon 1967).
        self._gaze.turn(to_partner=name in ("listening", "idle", "watching"))

    @property
    def enabled(self) -> bool:
        """The one switch: while it is off, `step` returns poses as they are."""
        return self._enabled

    @enabled.setter
    def enabled(self, on: bool) -> None:
        self._enabled = on
        self._last_s = None

    def express(self, name: str, strength: float = 1.0, duration_s: float | None = None) -> None:
        """Wears an expression of `lipwright.face.expressions.EXPRESSIONS`, in place of the one before.

        `strength` 0..1; `duration_s` of None is the expression's own length: for most, until another is asked
        for ("neutral" ends it). Raises LipwrightError for a name that there is not.
        """
        expression_named(name)
        self._wearing.ask(name, min(1.0, max(0.0, strength)), duration_s)

    def step(
        self, time_s: float, prosody: Prosody, targets: Floats, articulation: Floats | None
    ) -> npt.NDArray[np.float32]:
        """The pose that speech asks for with life blended in: targets (channels,), 0..1.

        `time_s` grows from call to call, usually by 20 ms. `targets` (channels,) is the pose for that time,
        rest where the head is silent. `prosody` is of the newest sound heard, and `articulation` (5,) the
        newest that the lip model asks for: both may lie a look-ahead after `time_s`, and the better for it.
        `articulation` of None: nothing is known of the lips, and while there is speech expressions leave them
        alone.
        """
        if not self._enabled:
            return np.asarray(targets, np.float32)
        if self._last_s is None:
            self._reach.begin(targets)
            self._last_s = time_s - USUAL_STEP_S
        passed_s = time_s - self._last_s
        if passed_s <= 0.0:
            return np.asarray(self._reach.now, np.float32)
        self._last_s = time_s
        manner = MANNERS[self._mood]
        phrase_ends = self._phrase_ends(prosody, passed_s)
        accent = prosody.accent if self._mood == "speaking" else 0.0

        self._gaze.step(time_s, manner)
        looked = (self._gaze.yaw_deg, self._gaze.pitch_deg)
        self._turning.step(time_s, passed_s, manner, looked, accent)
        closed = self._blinks.step(
            time_s, passed_s, manner.blinks_per_minute, self._gaze.shifted_far or phrase_ends
        )

        shares = self._posed(passed_s) + self._worn(time_s, passed_s, prosody, articulation)
        raised = self._raised(time_s, accent)
        if raised > 0.0:
            shares += raised * self._brows
        neck = (self._turning.yaw_deg, self._turning.pitch_deg, self._turning.roll_deg)
        eyes = (looked[0] - neck[0], looked[1] - neck[1])
        up = min(1.0, max(-1.0, eyes[1] / LIDS_FOLLOW_DEG))
        shares += up * self._lids_up if up > 0.0 else -up * self._lids_down
        if closed > 0.0:
            shares += closed * (self._shut - shares * self._lids)
        shares = np.minimum(np.maximum(shares, -1.0), 1.0)
        return self._reach.move(targets, self._reach.ways(shares) + self._turns @ (*eyes, *neck), passed_s)

    def _phrase_ends(self, prosody: Prosody, passed_s: float) -> bool:
        before = self._quiet_s
        self._quiet_s = 0.0 if prosody.speech else self._quiet_s + passed_s
        return before < PHRASE_ENDS_S <= self._quiet_s

    def _posed(self, passed_s: float) -> Floats:
        """The mood's posture, approached softly."""
        goal = self._postures[self._mood]
        self._posture, self._posture_speed = settle(
            self._posture, self._posture_speed, goal, MOOD_S, passed_s
        )
        return self._posture

    def _worn(self, time_s: float, passed_s: float, prosody: Prosody, articulation: Floats | None) -> Floats:
        """What expressions add, as far as speech leaves the mouth free."""
        free = self._gate.step(time_s, passed_s, prosody, articulation, self._mood == "speaking")
        shares = self._wearing.step(passed_s)
        if shares is None:
            return self._none
        return np.asarray(
            shares * (1.0 - (1.0 - free.lips) * self._lips - (1.0 - free.corners) * self._corners)
        )

    def _raised(self, time_s: float, accent: float) -> float:
        since = time_s - self._raise_began_s
        if accent > 0.0 and since > BROWS_APART_S and self._chance.random() < BROW_RAISE_CHANCE:
            self._raise_began_s, self._raise, since = time_s, BROW_RAISE * (0.4 + 0.6 * accent), 0.0
        falling = (since - BROW_RISE_S - BROW_STAY_S) / BROW_FALL_S
        return self._raise * (eased(since / BROW_RISE_S) if falling < 0 else 1.0 - eased(falling))
