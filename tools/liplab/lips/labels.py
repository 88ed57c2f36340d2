"""What the network is taught about a stream, step by step, from the phones in it.

Beside the articulation that the phones ask for there are events (closures of bilabials, tucks of
labiodentals, puckers), each with the steps in which it may be reached, and the class of the phone that
sounds, which the network learns to name in training only: whoever can tell m from n closes at the right
moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from liplab.lips.measures import LABIODENTAL, PUCKERED, SLACK_S
from liplab.scores import BILABIALS, SLACK_AFTER_S, SLACK_BEFORE_S, Phone
from liplab.speech.articulation import articulation, symbols
from lipwright.audio.features import STEP_S

# Phones that the network learns to tell apart: class 0 is silence, then one class a group.
CLASSES = (
    "iɨ", "ɪᵻɿʅ", "yʏ", "uʉɯʊᵿ", "eɘ", "øɵ", "ɛɜ", "œɞɶ", "oɤ", "ɔɒ", "æ", "aɐA", "ɑ", "ʌ", "ə", "ɚɝ",
    "pʘ", "bɓ", "mʙ", "fɸ", "vʋβɱⱱ", "wʍɥ", "tʈ", "dɗɖᶑ", "nɳ", "ɲ", "ŋɴ", "kqc", "ɡgɢɟɠʄʛ", "ʔ", "θ", "ð",
    "sʦ", "zʣ", "ʃʧʂɕçɧʨ", "ʒʤʐʑʝʥ", "xχħʜX", "ɣʁʕɰʢ", "hɦ", "lɫɭɬɮʎʟ", "rɾɽʀɺ", "ɹɻ", "j",
)  # fmt: skip
UNKNOWN = -1  # of phones that stand in no group: not taught
CLASS_COUNT = 1 + len(CLASSES)
_CLASS_OF = {letter: 1 + number for number, letters in enumerate(CLASSES) for letter in letters}
# The events, in the order of their columns; each must be reached somewhere between its slacks.
EVENTS = ("closure", "tuck", "pucker")
# An event counts when it is reached within these times of its phone. The steps lie 20 ms apart and the
# measures interpolate, so the last step of a window is not asked for.
EVENT_SLACK_S = ((SLACK_BEFORE_S, SLACK_AFTER_S), (SLACK_S, SLACK_S), (SLACK_S, SLACK_S))
MARGIN_S = 0.010


class Labels(NamedTuple):
    """What is asked of a stream of n steps."""

    articulation: npt.NDArray[np.float16]  # (n, 5)
    phone: npt.NDArray[np.int8]  # (n,) class of the phone that sounds
    event: npt.NDArray[np.int16]  # (n, 3) number of the closure, tuck and pucker due here, from 1; 0: none
    open: npt.NDArray[np.bool_]  # (n,) true where a closure would be a false one
    counts: npt.NDArray[np.bool_]  # (n,) false where nothing is asked


def labels(phones: Sequence[Phone], lips: npt.NDArray[np.float32]) -> Labels:
    """Labels of a stream; step k stands for the moment k * 20 ms.

    `lips` (steps, 5) are measured ones and NaN where nothing was: there the phones say what is asked.
    """
    steps = len(lips)
    times = np.arange(steps) * STEP_S
    phone_class = np.zeros(steps, np.int8)
    event = np.zeros((steps, len(EVENTS)), np.int16)
    speech = np.zeros(steps, bool)
    excused = np.zeros(steps, bool)
    kinds = (BILABIALS, LABIODENTAL, PUCKERED)
    for number, phone in enumerate(phones, start=1):
        inside = _steps(phone.start_s, phone.end_s, steps)
        parts = symbols(phone.ipa)
        for part, place in enumerate(np.array_split(np.arange(steps)[inside], max(1, len(parts)))):
            phone_class[place] = class_of(parts[part]) if parts else _silence(phone)
        speech[inside] |= bool(phone.ipa)
        letters = set(phone.ipa)
        for column, (kind, (before, after)) in enumerate(zip(kinds, EVENT_SLACK_S, strict=True)):
            if kind & letters:
                due = _steps(phone.start_s - before + MARGIN_S, phone.end_s + after - MARGIN_S, steps)
                event[due, column] = number
        if not phone.ipa or (BILABIALS | LABIODENTAL) & letters:
            excused[_steps(phone.start_s - SLACK_BEFORE_S, phone.end_s + SLACK_AFTER_S, steps)] = True
    asked = np.where(np.isnan(lips), articulation(phones, times), lips)
    return Labels(asked.astype(np.float16), phone_class, event, speech & ~excused, np.ones(steps, bool))


def class_of(letter: str) -> int:
    """The class of a letter of IPA, from 1; or UNKNOWN."""
    return _CLASS_OF.get(letter, UNKNOWN)


def _silence(phone: Phone) -> int:
    return UNKNOWN if phone.ipa else 0


def _steps(start_s: float, end_s: float, steps: int) -> slice:
    """The steps whose moments lie from start to end."""
    first = max(0, int(np.ceil(start_s / STEP_S - 1e-6)))
    return slice(first, max(first, min(steps, int(np.ceil(end_s / STEP_S - 1e-6)))))
