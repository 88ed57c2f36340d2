"""The articulation that phones ask for: dominance blending, and gestures for the phones that lips make.

Each phone pulls each of the five articulation values towards a goal with some weight; weights fade to both
sides of the phone (Cohen and Massaro 1993). Consonants of the tongue alone weigh little, so their
neighbours decide the lips. Three kinds of phones are gestures of the lips that must be reached whatever
the neighbours: bilabials press, labiodentals tuck the lower lip, and w rounds early. The numbers are set
by hand after what is known of speech (plateaus of 60 to 120 ms, onsets and decays of about 120 ms,
rounding 120 to 150 ms ahead).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from liplab.scores import Phone
from lipwright.lips.model import ARTICULATION

RATE_HZ = 100  # of the track while it is blended
FADE_S = 0.055  # a weight falls by e over this time outside its phone
ROUND_FADE_S = 0.080  # rounding comes early and stays late
REACH_S = 0.40  # beyond this a phone no longer counts
REST_WEIGHT = 0.03
PRESSED = -0.08  # aperture goal of bilabials
SHORTEST_CLOSURE_S = 0.055
LONGEST_CLOSURE_S = 0.12
CLOSURE_LEAD_S = 0.012  # lips meet before the sound stops, and part before the next one starts
CLOSING_S = 0.050  # from open to closed, and back
TUCKING_S = 0.080
ROUNDING_LEAD_S = 0.130
ROUNDING_TAIL_S = 0.100

Track = npt.NDArray[np.float32]
APERTURE, WIDTH, ROUNDING, JAW, TUCK = range(len(ARTICULATION))


class _Goal(NamedTuple):
    values: tuple[float, float, float, float, float]  # aperture, width, rounding, jaw, tuck
    weights: tuple[float, float, float, float, float]


REST = _Goal((0.01, 0.0, 0.0, 0.02, 0.0), (1.0, 1.0, 1.0, 1.0, 1.0))


def _vowels() -> dict[str, _Goal]:
    shapes = {  # aperture, width, rounding, jaw
        "i": (0.30, 0.90, 0, 0.20), "y": (0.18, -0.75, 0.90, 0.20), "ɨ": (0.30, 0.50, 0, 0.25),
        "ʉ": (0.20, -0.70, 0.80, 0.20), "ɯ": (0.30, 0.40, 0, 0.25), "u": (0.15, -0.90, 1.0, 0.20),
        "ɪ": (0.42, 0.55, 0, 0.35), "ᵻ": (0.40, 0.40, 0, 0.35), "ʏ": (0.30, -0.50, 0.70, 0.30),
        "ʊ": (0.32, -0.50, 0.60, 0.35), "e": (0.50, 0.65, 0, 0.45), "ø": (0.35, -0.50, 0.80, 0.40),
        "ɘ": (0.45, 0.20, 0, 0.40), "ɵ": (0.40, -0.40, 0.60, 0.40), "ɤ": (0.50, 0.10, 0, 0.45),
        "o": (0.40, -0.70, 0.90, 0.45), "ɚ": (0.40, -0.20, 0.40, 0.40), "ɝ": (0.40, -0.20, 0.40, 0.40),
        "ɛ": (0.68, 0.40, 0, 0.65), "œ": (0.50, -0.30, 0.60, 0.60), "ɜ": (0.55, 0, 0.10, 0.50),
        "ɞ": (0.50, -0.30, 0.50, 0.50), "ʌ": (0.62, 0.10, 0, 0.60), "ɔ": (0.65, -0.40, 0.60, 0.70),
        "æ": (0.90, 0.40, 0, 0.90), "ɐ": (0.75, 0.10, 0, 0.75), "a": (0.95, 0.20, 0, 0.95),
        "ɶ": (0.80, -0.10, 0.40, 0.90), "ɑ": (1.00, 0.10, 0, 1.00), "ɒ": (0.80, -0.30, 0.40, 0.90),
    }  # fmt: skip
    goals = {
        symbol: _Goal((aperture, width, rounding, jaw, 0.0), (1.0, 1.0, 1.0, 1.0, 0.5))
        for symbol, (aperture, width, rounding, jaw) in shapes.items()
    }
    goals["ə"] = _Goal((0.45, 0.10, 0, 0.42, 0), (0.5, 0.4, 0.4, 0.5, 0.5))
    return goals


def _consonants() -> dict[str, _Goal]:
    kinds = [
        # Lips: the gestures below do the closing; here is what the rest of the mouth does meanwhile.
        ("pbmɓʙ", (0.0, 0, 0, 0.15, 0), (1.5, 0.1, 0.1, 0.8, 0.5)),
        ("fvɱ", (0.08, 0.1, 0, 0.15, 1.0), (1.0, 0.3, 0.3, 0.7, 1.0)),
        ("ɸβ", (0.10, 0, 0.1, 0.20, 0), (1.5, 0.3, 0.3, 0.5, 0.5)),
        ("ʋ", (0.14, 0, 0.1, 0.20, 0.6), (1.2, 0.3, 0.3, 0.5, 0.8)),
        ("wʍ", (0.12, -1.0, 1.0, 0.20, 0), (1.2, 1.5, 1.5, 0.7, 0.5)),
        ("ɥ", (0.14, -0.9, 1.0, 0.20, 0), (1.2, 1.4, 1.4, 0.7, 0.5)),
        # Teeth close together.
        ("szʦʣ", (0.22, 0.35, 0, 0.10, 0), (0.8, 0.5, 0.4, 1.2, 0.5)),
        ("ʃʒʧʤʂʐ", (0.25, -0.5, 0.75, 0.15, 0), (0.9, 1.0, 1.0, 1.2, 0.5)),
        ("ɕʑç", (0.25, 0.2, 0.2, 0.15, 0), (0.7, 0.5, 0.5, 1.0, 0.5)),
        # The tongue alone: the lips are left to the neighbours.
        ("θð", (0.30, 0.1, 0, 0.25, 0), (0.4, 0.2, 0.2, 0.5, 0.5)),
        ("tdnɾrɗʈɖɳɫlɭɬɮ", (0.28, 0.1, 0, 0.22, 0), (0.25, 0.12, 0.12, 0.5, 0.5)),
        ("ʎjʝɲɟc", (0.30, 0.6, 0, 0.25, 0), (0.4, 0.5, 0.3, 0.5, 0.5)),
        ("ɹɻɽ", (0.30, -0.3, 0.45, 0.30, 0), (0.5, 0.5, 0.6, 0.5, 0.5)),
        ("kɡgŋxɣqɢχʁʀħʕhɦʔɰʜɴ", (0.40, 0, 0, 0.35, 0), (0.12, 0.08, 0.08, 0.15, 0.5)),
    ]  # fmt: skip
    return {symbol: _Goal(values, weights) for symbols, values, weights in kinds for symbol in symbols}


GOALS = _vowels() | _consonants()
_LABIALIZED = GOALS["w"]
_UNKNOWN = _Goal((0.4, 0, 0, 0.4, 0), (0.2, 0.2, 0.2, 0.2, 0.5))
_SIBILANTS = frozenset("szʃʒɕʑʂʐ")
BILABIAL = frozenset("pbmɓʙ")
LABIODENTAL = frozenset("fvɱ")
GLIDE = frozenset("wʍɥ")


def symbols(ipa: str) -> list[str]:
    """The phone's parts that have goals of their own: both vowels of a diphthong, an affricate's sibilant."""
    base = [
        letter
        for letter in unicodedata.normalize("NFD", ipa)
        if letter in GOALS
    ]  # fmt: skip
    if len(base) == 2 and base[0] in "td" and base[1] in _SIBILANTS:
        return base[1:]
    return base


def articulation(phones: Sequence[Phone], times_s: npt.ArrayLike) -> Track:
    """Articulation (n, 5) at the given times (n,) that the phones ask for; where no phone is, rest."""
    times = np.asarray(times_s, np.float64)
    grid = np.arange(min(times.min(initial=0.0), 0.0) - 0.1, times.max(initial=0.0) + 0.2, 1.0 / RATE_HZ)
    blended = _blend(phones, grid)
    _gestures(phones, grid, blended)
    return np.stack([np.interp(times, grid, blended[:, part]) for part in range(5)], axis=1).astype(
        np.float32
    )


def _blend(phones: Sequence[Phone], grid: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    weights = np.full((len(grid), 5), REST_WEIGHT)
    total = weights * REST.values
    fades = np.full(5, FADE_S)
    fades[[WIDTH, ROUNDING]] = ROUND_FADE_S
    for phone in phones:
        parts = [GOALS[symbol] for symbol in symbols(phone.ipa)] or [_UNKNOWN if phone.ipa else REST]
        if "ʷ" in phone.ipa:
            parts.append(_LABIALIZED)
        span = (phone.end_s - phone.start_s) / len(parts)
        for number, goal in enumerate(parts):
            middle = phone.start_s + (number + 0.5) * span
            near = slice(*np.searchsorted(grid, [middle - span / 2 - REACH_S, middle + span / 2 + REACH_S]))
            outside = np.maximum(0.0, np.abs(grid[near] - middle) - 0.3 * span)
            weight = np.asarray(goal.weights) * np.exp(-outside[:, None] / fades)
            weights[near] += weight
            total[near] += weight * goal.values
    blended: npt.NDArray[np.float64] = total / weights
    return blended


def _gestures(phones: Sequence[Phone], grid: npt.NDArray[np.float64], track: npt.NDArray[np.float64]) -> None:
    """Lead `track` to the goals of w, labiodentals and, last because they must win, bilabials."""
    for phone in phones:
        if GLIDE & set(phone.ipa) or "ʷ" in phone.ipa:
            middle = (phone.start_s + phone.end_s) / 2
            pull = _plateau(grid, phone.start_s, middle, ROUNDING_LEAD_S, ROUNDING_TAIL_S)
            for part, goal in ((WIDTH, -1.0), (ROUNDING, 1.0)):
                track[:, part] += pull * (goal - track[:, part])
    for phone in phones:
        if LABIODENTAL & set(phone.ipa):
            pull = _plateau(grid, phone.start_s, phone.end_s, TUCKING_S, TUCKING_S)
            for part, goal in ((APERTURE, 0.08), (TUCK, 1.0)):
                track[:, part] += pull * (goal - track[:, part])
    for phone in phones:
        if BILABIAL & set(phone.ipa):
            start, end = closure(phone)
            pull = _plateau(grid, start, end, CLOSING_S, CLOSING_S)
            track[:, APERTURE] += pull * (PRESSED - track[:, APERTURE])
            track[:, TUCK] *= 1 - pull


def closure(phone: Phone) -> tuple[float, float]:
    """When the lips are pressed for a bilabial: from and to, in seconds."""
    length = min(max(phone.end_s - phone.start_s, SHORTEST_CLOSURE_S), LONGEST_CLOSURE_S)
    start = phone.start_s - CLOSURE_LEAD_S - max(0.0, length - (phone.end_s - phone.start_s)) / 2
    return start, start + length


def _plateau(
    grid: npt.NDArray[np.float64], start: float, end: float, rise: float, fall: float
) -> npt.NDArray[np.float64]:
    """1 from start to end, with half a cosine of `rise` before and of `fall` after; 0 elsewhere."""
    before = np.clip((grid - (start - rise)) / rise, 0, 1)
    after = np.clip((end + fall - grid) / fall, 0, 1)
    bump: npt.NDArray[np.float64] = 0.25 * (1 - np.cos(np.pi * before)) * (1 - np.cos(np.pi * after))
    return bump
