"""VocalTractLab: nonsense syllables of a simulated vocal tract, with what its lips truly did.

PyPI: vocaltractlab-cython (GPL-3; a tool that this project calls and does not ship). Its speaker is a model
of one German man's vocal tract (from magnetic resonance images) and its phones are those of German, to which
a w is added. The syllables are drawn at random: no German word, text or recording is in them.

The lips follow gestures, so each phone's shape depends on its neighbours as in people. Trustworthy are the
closing and narrowing of the lips and their protrusion. The model keeps its lips as far apart in i as in a,
which people do not; where its lips are far apart, the aperture that the phones ask for is taken instead.
"""

from __future__ import annotations

import importlib
import random
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import soxr
from tqdm import tqdm

from liplab.scores import Phone
from liplab.speech.articulation import APERTURE, RATE_HZ, ROUNDING, articulation
from liplab.speech.measured import Recording
from liplab.speech.utterance import SAMPLE_RATE, Utterance
from lipwright.errors import LipwrightError

PACKAGE = "vocaltractlab-cython==0.0.16"
ENGINE_RATE = 44100
STATE_SAMPLES = 110  # of sound, to one state of the vocal tract
PEAK = 0.7  # of full scale

# IPA of what the engine calls its phones (X-SAMPA). It has no w: a short u before a vowel is one.
VOWELS = {
    "a": "a", "e": "e", "i": "i", "o": "o", "u": "u", "E": "ɛ", "I": "ɪ", "O": "ɔ", "U": "ʊ", "2": "ø",
    "9": "œ", "y": "y", "Y": "ʏ", "@": "ə", "6": "ɐ", "aI": "aɪ", "aU": "aʊ", "OY": "ɔʏ",
}  # fmt: skip
CONSONANTS = {
    "p": "p", "b": "b", "m": "m", "f": "f", "v": "v", "t": "t", "d": "d", "n": "n", "l": "l", "s": "s",
    "z": "z", "S": "ʃ", "Z": "ʒ", "k": "k", "g": "ɡ", "N": "ŋ", "C": "ç", "x": "x", "R": "ʁ", "h": "h",
    "j": "j", "tS": "tʃ", "dZ": "dʒ", "w": "w",
}  # fmt: skip
# How often each is drawn; labials more often than in speech, since the lips are what is learned.
_OFTEN = {
    "p": 3,
    "b": 3,
    "m": 3,
    "w": 3,
    "f": 2,
    "v": 2,
    "t": 2,
    "n": 2,
    "l": 2,
    "s": 2,
    "d": 2,
    "k": 2,
    "S": 2,
}
_RARE_VOWELS = frozenset({"2", "9", "Y", "OY", "6"})
ROUNDED = ("u", "o", "U", "O", "y", "2", "Y", "9")
_SPELT = {"w": "u"}
VOWEL_S, CONSONANT_S, GLIDE_S = (0.07, 0.20), (0.05, 0.11), (0.06, 0.09)
RATES = (0.75, 1.35)  # how much longer or shorter an utterance's phones are
EDGE_S = 0.25  # silence at both ends
SYLLABLES = (4, 12)
PITCH_SEMITONES = (-4.0, 11.0)  # from the engine's own 80 st (100 Hz)

# Its parameters in the order of the tract file: horizontal jaw, jaw angle, lip protrusion, lip distance.
PROTRUSION, DISTANCE = 4, 5
OPEN_CM = 1.05  # lip distance that stands for aperture 1: the model's a has 0.99 and counts as 0.95
BESIDE_S = 0.12  # around f and v, whose tuck the model lacks, and w, which is only a u in it
NEAR, FAR = 0.45, 0.75  # aperture up to which the lips are the model's, and from which they are the phones'


class Lips(NamedTuple):
    """What the lips did, at RATE_HZ from the utterance's start."""

    track: npt.NDArray[np.float32]  # (n, 5) articulation: measured where known, else what the phones ask for
    known: npt.NDArray[np.bool_]  # (n, 5)


def engine() -> Any:
    """The engine's module; raises LipwrightError when it is not installed."""
    try:
        return importlib.import_module("vocaltractlab_cython")
    except ImportError as error:
        raise LipwrightError(
            f"VocalTractLab is missing; install it: pip install --no-deps {PACKAGE}."
        ) from error


def speak(source: random.Random) -> tuple[Utterance, Lips]:
    """Random syllables at a random rate and pitch, and what the lips did."""
    return say(draw(source), pitch=source.uniform(*PITCH_SEMITONES))


def draw(source: random.Random) -> list[tuple[str, float]]:
    """Random syllables as (engine's phone name, seconds)."""
    rate = source.uniform(*RATES)
    consonants = [name for name in CONSONANTS for _ in range(_OFTEN.get(name, 1))]
    vowels = [name for name in VOWELS for _ in range(1 if name in _RARE_VOWELS else 3)]
    phones = []
    for number in range(source.randint(*SYLLABLES)):
        onset = source.choice(consonants)
        if number and onset != "N" and source.random() < 0.25:
            phones.append((source.choice("nlmstkpf"), rate * source.uniform(*CONSONANT_S)))
        if onset != "N" or phones:
            phones.append((onset, rate * source.uniform(*(GLIDE_S if onset == "w" else CONSONANT_S))))
        phones.append((source.choice(vowels), rate * source.uniform(*VOWEL_S)))
    return phones


def say(sounds: list[tuple[str, float]], pitch: float = 0.0) -> tuple[Utterance, Lips]:
    """The phones spoken, `pitch` semitones above the engine's own, and what the lips did."""
    vtl = engine()
    phones = timed(sounds)
    with tempfile.TemporaryDirectory() as folder:
        score, tract = _score(vtl, sounds, Path(folder), pitch)
        sound = np.asarray(vtl.gesture_file_to_audio(str(score)), np.float32)
        lips = _lips(vtl, score, tract, phones)
    samples = soxr.resample(sound, ENGINE_RATE, SAMPLE_RATE).astype(np.float32)
    samples *= PEAK / max(float(np.abs(samples).max(initial=0)), 1e-6)
    return Utterance(samples, phones), lips


def move(sounds: list[tuple[str, float]]) -> tuple[list[Phone], Lips]:
    """The phones and what the lips would do, without the sound (which takes far longer)."""
    vtl = engine()
    phones = timed(sounds)
    with tempfile.TemporaryDirectory() as folder:
        score, tract = _score(vtl, sounds, Path(folder), 0.0)
        return phones, _lips(vtl, score, tract, phones)


def timed(sounds: list[tuple[str, float]]) -> list[Phone]:
    """The phones with their times, silence at both ends."""
    phones = [Phone("", 0.0, EDGE_S)]
    for name, length in sounds:
        start = phones[-1].end_s
        phones.append(Phone((VOWELS | CONSONANTS)[name], start, start + length))
    return [*phones, Phone("", phones[-1].end_s, phones[-1].end_s + EDGE_S)]


def shapes() -> dict[str, dict[str, float]]:
    """Aperture and rounding of the engine's rounded vowels, held: part -> IPA -> value."""
    vtl = engine()
    aperture, rounding = {}, {}
    for name in ROUNDED:
        tract = vtl.get_shape(name, "tract")
        aperture[VOWELS[name]] = float(tract[DISTANCE] / OPEN_CM)
        rounding[VOWELS[name]] = float(np.clip(tract[PROTRUSION], 0, 1))
    return {"aperture": aperture, "rounding": rounding}


def recordings(count: int, seed: int) -> list[Recording]:
    """Random utterances as measured lips: NaN where the simulation knows nothing."""
    source = random.Random(seed)
    made = []
    for number in tqdm(range(count), unit="utterance", desc="vocal tract"):
        phones, lips = move(draw(source))
        times = np.arange(len(lips.track)) / RATE_HZ
        inside = (times >= phones[0].end_s) & (times < phones[-1].start_s)
        track = np.where(lips.known, lips.track, np.nan)[inside].astype(np.float64)
        values = {"aperture": track[:, APERTURE], "rounding": track[:, ROUNDING]}
        made.append(Recording(f"syllables {number + 1}", phones, times[inside], values))
    return made


def _score(vtl: Any, sounds: list[tuple[str, float]], folder: Path, pitch: float) -> tuple[Path, Path]:
    listing, score = folder / "phones.txt", folder / "score.ges"
    named = [("", EDGE_S), *((_SPELT.get(name, name), length) for name, length in sounds), ("", EDGE_S)]
    listing.write_text("".join(f"name = {name}; duration_s = {length:.6f};\n" for name, length in named))
    vtl.phoneme_file_to_gesture_file(str(listing), str(score))
    score.write_text(_transposed(score.read_text(), pitch))
    return score, folder / "motor.tract"


def _transposed(score: str, semitones: float) -> str:
    """A gestural score whose pitch gestures are moved."""
    head, tail = score.split('<gesture_sequence type="f0-gestures"', 1)
    body, rest = tail.split("</gesture_sequence>", 1)
    pieces = body.split('value="')
    moved = [
        f'{float(value) + semitones:.6f}"{after}'
        for value, _, after in (p.partition('"') for p in pieces[1:])
    ]
    return (
        head
        + '<gesture_sequence type="f0-gestures"'
        + 'value="'.join([pieces[0], *moved])
        + "</gesture_sequence>"
        + rest
    )


def _lips(vtl: Any, score: Path, tract: Path, phones: list[Phone]) -> Lips:
    vtl.gesture_file_to_motor_file(str(score), str(tract))
    lines = [line for line in tract.read_text().splitlines() if line and not line.startswith("#")]
    states = np.array([line.split() for line in lines[3::2]], np.float64)  # of the vocal tract: every other
    grid = np.arange(0, phones[-1].end_s, 1 / RATE_HZ)
    times = np.arange(len(states)) * STATE_SAMPLES / ENGINE_RATE
    distance = np.interp(grid, times, states[:, DISTANCE]) / OPEN_CM
    track = articulation(phones, grid)
    speech = (grid >= phones[0].end_s) & (grid < phones[-1].start_s)  # it awaits the first vowel in silence
    mine = np.where(speech, np.clip((FAR - distance) / (FAR - NEAR), 0, 1), 0)
    rounded = speech.copy()
    for phone in phones:
        near = (grid > phone.start_s - BESIDE_S) & (grid < phone.end_s + BESIDE_S)
        if "f" in phone.ipa or "v" in phone.ipa:
            mine[near] = 0
        if phone.ipa == "w":
            rounded &= ~near
    track[:, APERTURE] += mine * (distance - track[:, APERTURE])
    track[rounded, ROUNDING] = np.clip(np.interp(grid, times, states[:, PROTRUSION]), 0, 1)[rounded]
    known = np.zeros(track.shape, bool)
    known[:, APERTURE], known[:, ROUNDING] = mine > 0.99, rounded
    return Lips(track, known)
