"""The articulation that phones ask for: dominance blending, and gestures for the phones that lips make.

Each phone pulls each of the five articulation values towards a goal with some weight; weights fade to both
sides of the phone (Cohen and Massaro 1993). Consonants of the tongue alone weigh little, so their
neighbours decide the lips. Three kinds of phones are gestures of the lips that must be reached whatever
the neighbours: bilabials press, labiodentals tuck the lower lip, and w rounds early.

The numbers stand in articulation.json, each with where it comes from: measured lips (`liplab articulation
fit`), or set by hand where nothing was measured (`liplab.speech.handset`).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from liplab.scores import Phone
from lipwright.lips.model import ARTICULATION

RATE_HZ = 100  # of the track while it is blended
CORE = 0.3  # of a phone's length to both sides of its middle, within which its weight is full
REST_WEIGHT = 0.03
PRESSED = -0.08  # aperture goal of bilabials
TUCKED_APERTURE = 0.08
PUCKERED = -1.0  # width goal of w
# A robot's closure must be seen: a shape registers from about 60 ms on, and no plateau of lips is longer.
SHORTEST_CLOSURE_S = 0.060
LONGEST_CLOSURE_S = 0.12
_NEGLIGIBLE = 1e-6  # of a weight, beyond which its fade is not followed
_BEFORE_S, _AFTER_S = 0.1, 0.2  # room around the times asked

NUMBERS_FILE = Path(__file__).with_name("articulation.json")

Track = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
APERTURE, WIDTH, ROUNDING, JAW, TUCK = range(len(ARTICULATION))

_SIBILANTS = frozenset("szʃʒɕʑʂʐ")
BILABIAL = frozenset("pbmɓʙʘ")
LABIODENTAL = frozenset("fvɱⱱ")
GLIDE = frozenset("wʍɥ")
LABIALIZED = "ʷ"
_SILENCE, _STRANGER = "", "?"  # symbols of rest, and of a phone that the file does not know


@dataclass(frozen=True)
class Numbers:
    """All numbers of the model; times in seconds, arrays in the order of ARTICULATION."""

    index: dict[str, int]  # row of each symbol
    goals: Values  # (symbols, 5)
    weights: Values  # (symbols, 5)
    fade_before_s: Values  # (5,): a weight grows by e over this time before its phone
    fade_after_s: Values  # (5,): and falls by e over this time after it
    lead_s: Values  # (5,): by how much lips are ahead of the sound
    closing_s: float  # from open to pressed
    opening_s: float
    closure_lead_s: float  # lips meet before the sound stops, and part before the next one starts
    tucking_s: float
    rounding_lead_s: float
    rounding_tail_s: float


def load_numbers(path: Path = NUMBERS_FILE) -> Numbers:
    """The numbers of a file that `liplab articulation fit` wrote."""
    return numbers_of(json.loads(path.read_text(encoding="utf-8")))


def numbers_of(content: dict[str, Any]) -> Numbers:
    """The numbers of such a file's content, in which each is a pair of value and source."""
    index: dict[str, int] = {}
    goals: list[list[float]] = []
    weights: list[list[float]] = []
    for row in content["phones"]:
        for symbol in row["symbols"]:
            index[symbol] = len(goals)
        goals.append([row["goal"][part][0] for part in ARTICULATION])
        weights.append([row["weight"][part][0] for part in ARTICULATION])

    def by_part(name: str) -> Values:
        return np.array([content[name][part][0] for part in ARTICULATION], np.float64)

    return Numbers(
        index,
        np.array(goals),
        np.array(weights),
        by_part("fade_before_s"),
        by_part("fade_after_s"),
        by_part("lead_s"),
        **{name: float(value) for name, (value, _) in content["gestures"].items()},
    )


@lru_cache(maxsize=1)
def shipped() -> Numbers:
    """The numbers that ship."""
    return load_numbers()


def symbols(ipa: str) -> list[str]:
    """The phone's parts that have goals of their own: both vowels of a diphthong, an affricate's sibilant."""
    return list(_parts(ipa))


@lru_cache(maxsize=4096)
def _parts(ipa: str) -> tuple[str, ...]:
    known = shipped().index
    base = []
    for letter in unicodedata.normalize("NFC", ipa):
        # Letters with a mark that Unicode composes, such as õ, count as the letter; ç is one of its own.
        plain = letter if letter in known else unicodedata.normalize("NFD", letter)[0]
        if plain in known and plain not in (_SILENCE, _STRANGER):
            base.append(plain)
    if len(base) == 2 and base[0] in "tdʈɖ" and base[1] in _SIBILANTS:
        base = base[1:]
    return tuple(base)


@lru_cache(maxsize=4096)
def pulls(ipa: str) -> tuple[str, ...]:
    """Symbols of the goals that share a phone's time."""
    parts = _parts(ipa) or ((_STRANGER if ipa else _SILENCE),)
    return (*parts, "w") if LABIALIZED in ipa else parts


def articulation(phones: Sequence[Phone], times_s: npt.ArrayLike, numbers: Numbers | None = None) -> Track:
    """Articulation (n, 5) at the given times (n,) that the phones ask for; where no phone is, rest.

    Takes the numbers that ship unless others are given.
    """
    numbers = numbers or shipped()
    times = np.asarray(times_s, np.float64)
    start = min(times.min(initial=0.0), 0.0) - _BEFORE_S
    grid = np.arange(start, times.max(initial=0.0) + _AFTER_S, 1.0 / RATE_HZ)
    track = _blend(phones, grid, numbers)
    _gesticulate(gestures(phones, numbers), grid, track, numbers)
    place = (times - start) * RATE_HZ
    frame = place.astype(np.intp)
    share = (place - frame)[:, None]
    result: Track = ((1 - share) * track[frame] + share * track[frame + 1]).astype(np.float32)
    return result


def _blend(phones: Sequence[Phone], grid: Values, numbers: Numbers) -> Values:
    """Goals (n, 5) blended by their weights, which are full in a phone's core and fade to both sides.

    An exponential fade is a running sum, so the cost goes with the time and hardly with the phones.
    """
    rest = numbers.goals[numbers.index[_SILENCE]]
    rows, first_s, last_s = cores(phones, numbers)
    first, last = (first_s - grid[0]) * RATE_HZ, (last_s - grid[0]) * RATE_HZ  # in frames
    enter, leave = np.ceil(first), np.ceil(last)  # the core's frames: from enter until before leave
    weights = numbers.weights[rows]
    pull = np.stack([weights, weights * numbers.goals[rows]], axis=1)  # what is summed: (k, 2, 5)
    length = len(grid)
    inside = np.cumsum(_scatter(enter, pull, length) - _scatter(leave, pull, length), axis=0)
    # Fades run on after the core; those before it do so on a track that is turned round.
    fall, rise = 1 / (numbers.fade_after_s * RATE_HZ), 1 / (numbers.fade_before_s * RATE_HZ)
    after = pull * np.exp(-(leave - last) * fall)[:, None]
    before = pull * np.exp(-(first - (enter - 1)) * rise)[:, None]
    total = inside + _running(_scatter(leave, after, length, fall), fall)
    total += _running(_scatter(length - enter, before, length, rise), rise)[::-1]
    blended: Values = (total[:, 1] + REST_WEIGHT * rest) / (total[:, 0] + REST_WEIGHT)
    return blended


def cores(phones: Sequence[Phone], numbers: Numbers) -> tuple[list[int], Values, Values]:
    """What pulls at the lips: rows (k,) of goals; from (k, 5) and to (k, 5) when with full weight, in s."""
    rows, middles, spans = [], [], []
    for phone in phones:
        parts = pulls(phone.ipa)
        span = (phone.end_s - phone.start_s) / len(parts)
        for number, symbol in enumerate(parts):
            rows.append(numbers.index[symbol])
            middles.append(phone.start_s + (number + 0.5) * span)
            spans.append(span)
    middle = np.array(middles)[:, None] - numbers.lead_s
    half = CORE * np.array(spans)[:, None]
    return rows, middle - half, middle + half


def _scatter(frames: Values, amounts: Values, length: int, decay: Values | float = 0.0) -> Values:
    """Amounts (k, 2, 5) summed into their frames (k, 5) of a track (length, 2, 5).

    What begins before the first frame counts there, by as much as the way there leaves of it; what begins
    behind the last frame does not count.
    """
    near = np.maximum(frames, 0)
    share = np.where(frames < length, np.exp((frames - near) * decay), 0.0)
    places = (np.minimum(near, length - 1).astype(np.intp) * 10)[:, None] + np.arange(10).reshape(2, 5)
    summed = np.bincount(places.ravel(), (amounts * share[:, None]).ravel(), 10 * length)
    result: Values = summed.reshape(length, 2, 5).astype(np.float64)
    return result


def _running(track: Values, decay: Values) -> Values:
    """Each frame plus all before it, by e^-decay less a frame: by doubling the reach."""
    reach = 1
    while reach < len(track) and (left := np.exp(-decay * reach)).max() > _NEGLIGIBLE:
        track = np.concatenate([track[:reach], track[reach:] + left * track[:-reach]])
        reach *= 2
    return track


class Gestures(NamedTuple):
    """When gestures hold: (from, to) in seconds."""

    glides: list[tuple[float, float]]
    labiodentals: list[tuple[float, float]]
    bilabials: list[tuple[float, float]]


def gestures(phones: Sequence[Phone], numbers: Numbers) -> Gestures:
    """The gestures of the phones that lips make."""
    found = Gestures([], [], [])
    for phone in phones:
        kinds = _kinds(phone.ipa)
        if kinds.glide:
            found.glides.append((phone.start_s, (phone.start_s + phone.end_s) / 2))
        if kinds.labiodental:
            found.labiodentals.append((phone.start_s, phone.end_s))
        if kinds.bilabial:
            found.bilabials.append(closure(phone, numbers))
    return found


def _gesticulate(found: Gestures, grid: Values, track: Values, numbers: Numbers) -> None:
    """Lead `track` to the goals of w, labiodentals and, last because they must win, bilabials."""
    if found.glides:
        left = free(grid, found.glides, numbers.rounding_lead_s, numbers.rounding_tail_s)
        for part, goal in ((WIDTH, PUCKERED), (ROUNDING, 1.0)):
            track[:, part] = goal + left * (track[:, part] - goal)
    if found.labiodentals:
        left = free(grid, found.labiodentals, numbers.tucking_s, numbers.tucking_s)
        for part, goal in ((APERTURE, TUCKED_APERTURE), (TUCK, 1.0)):
            track[:, part] = goal + left * (track[:, part] - goal)
    if found.bilabials:
        left = free(grid, found.bilabials, numbers.closing_s, numbers.opening_s)
        track[:, APERTURE] = PRESSED + left * (track[:, APERTURE] - PRESSED)
        track[:, TUCK] *= left


@dataclass(frozen=True)
class _Kinds:
    bilabial: bool
    labiodental: bool
    glide: bool


@lru_cache(maxsize=4096)
def _kinds(ipa: str) -> _Kinds:
    letters = frozenset(ipa)
    return _Kinds(
        bool(BILABIAL & letters), bool(LABIODENTAL & letters), bool(GLIDE & letters) or LABIALIZED in letters
    )


def closure(phone: Phone, numbers: Numbers | None = None) -> tuple[float, float]:
    """When the lips are pressed for a bilabial: from and to, in seconds."""
    spoken = phone.end_s - phone.start_s
    length = min(max(spoken, SHORTEST_CLOSURE_S), LONGEST_CLOSURE_S)
    start = phone.start_s - (numbers or shipped()).closure_lead_s - max(0.0, length - spoken) / 2
    return start, start + length


def free(grid: Values, spans: Sequence[tuple[float, float]], rise: float, fall: float) -> Values:
    """How free (n,) of gestures the track is: 0 within the spans, 1 from `rise` before to `fall` after.

    Between lies half a cosine; where gestures overlap, what each leaves free multiplies.
    """
    edges = np.array(spans)
    first = np.floor((edges[:, 0] - rise - grid[0]) * RATE_HZ).astype(np.intp)
    length = int(np.ceil((np.diff(edges, axis=1).max() + rise + fall) * RATE_HZ)) + 2
    frames = first[:, None] + np.arange(length)
    times = grid[0] + frames / RATE_HZ
    before = np.clip((times - (edges[:, :1] - rise)) / rise, 0, 1)
    after = np.clip((edges[:, 1:] + fall - times) / fall, 0, 1)
    left = 1 - 0.25 * (1 - np.cos(np.pi * before)) * (1 - np.cos(np.pi * after))
    whole = np.ones(len(grid))
    inside = (frames >= 0) & (frames < len(grid))
    np.multiply.at(whole, frames[inside], left[inside])
    return whole
