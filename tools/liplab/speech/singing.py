"""Singing made of speech: vowels held for notes, the pitch on a melody, the phones' times moved along.

The WORLD vocoder (Morise et al. 2016; package pyworld-prebuilt, MIT) takes speech apart into pitch, spectrum
and breath every 5 ms, and puts it together again at other times and with another pitch. The times of phones
stay as exact as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from liplab.scores import Phone
from liplab.speech.utterance import SAMPLE_RATE, Utterance
from lipwright.errors import LipwrightError

PACKAGE = "pyworld-prebuilt"
FRAME_S = 0.005
VOWELS = frozenset("aeiouyɑɐɒæɛɜəɘɤɨɪɯɔœøɵʉʊʌʏɚɝɞ")
BEAT_S = (0.28, 0.75)  # of a song, from slow to fast: what its notes are multiples of
NOTE_BEATS = (0.5, 0.5, 1.0, 1.0, 1.0, 2.0, 3.0)
LONGEST_STRETCH = 7.0  # of a vowel
CONSONANT_STRETCH = (1.0, 1.4)
EDGE_S = 0.040  # of a held vowel that keeps its pace at both ends, where it leads over to its neighbours
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9))  # major, minor, pentatonic
TONIC_HALF_TONES = (-4.0, 6.0)  # from the speaker's own pitch
HIGHEST_STEP = 8  # of the scale; the lowest is one below the tonic
LEAP_STEPS = (-3, 3)  # from note to note
GLIDE_S = 0.07
VIBRATO_HZ = (4.5, 6.8)
VIBRATO_HALF_TONES = (0.0, 0.8)
VIBRATO_DELAY_S = 0.25

Track = npt.NDArray[np.float64]


def sung(utterance: Utterance, random: np.random.Generator) -> Utterance | None:
    """The utterance sung to a random melody; None for one without a voice (whispered, or silent).

    Raises LipwrightError when the vocoder is not installed.
    """
    world = _world()
    samples = np.ascontiguousarray(utterance.samples, np.float64)
    pitch, times = world.dio(samples, SAMPLE_RATE, frame_period=1000 * FRAME_S)
    pitch = world.stonemask(samples, pitch, times, SAMPLE_RATE)
    if np.count_nonzero(pitch) * FRAME_S < 0.2:
        return None
    spectrum = world.cheaptrick(samples, pitch, times, SAMPLE_RATE)
    breath = world.d4c(samples, pitch, times, SAMPLE_RATE)
    before, after = _moved_times(utterance.phones, len(samples) / SAMPLE_RATE, random)
    moved = [
        Phone(phone.ipa, *(float(time) for time in np.interp([phone.start_s, phone.end_s], before, after)))
        for phone in utterance.phones
    ]
    frames = np.arange(0.0, after[-1], FRAME_S)
    source = np.minimum(np.rint(np.interp(frames, after, before) / FRAME_S).astype(int), len(pitch) - 1)
    melody = _melody(moved, frames, float(np.median(pitch[pitch > 0])), random)
    made = world.synthesize(
        np.where(pitch[source] > 0, melody, 0.0),
        spectrum[source],
        breath[source],
        SAMPLE_RATE,
        1000 * FRAME_S,
    )
    loudest = float(np.abs(made).max(initial=0.0))
    scale = float(np.abs(samples).max(initial=0.0)) / loudest if loudest > 0 else 0.0
    return Utterance((made * scale).astype(np.float32), moved)


def is_vowel(phone: Phone) -> bool:
    """Whether a phone can be held on a note."""
    return bool(VOWELS & set(phone.ipa[:1]))


def _world() -> Any:
    try:
        import pyworld
    except ImportError as error:
        raise LipwrightError(f"The vocoder is missing; install it: pip install {PACKAGE}.") from error
    return pyworld


def _moved_times(
    phones: Sequence[Phone], duration_s: float, random: np.random.Generator
) -> tuple[Track, Track]:
    """Corresponding times (k,) of the speech and of the song: a polyline, rising on both sides."""
    beat, stretch = random.uniform(*BEAT_S), random.uniform(*CONSONANT_STRETCH)
    before, after = [0.0], [0.0]

    def go_on(to_s: float, length_s: float) -> None:
        if to_s > before[-1]:
            after.append(after[-1] + length_s)
            before.append(to_s)

    for phone in phones:
        go_on(phone.start_s, phone.start_s - before[-1])
        length = phone.end_s - before[-1]
        if not is_vowel(phone):
            go_on(phone.end_s, length * (stretch if phone.ipa else 1.0))
            continue
        note = float(np.clip(beat * random.choice(NOTE_BEATS), length, LONGEST_STRETCH * length))
        # Both vowels of a diphthong are held alike, as the targets divide it; a plain one in its middle.
        if len(VOWELS & set(phone.ipa)) == 1 and length > 2.5 * EDGE_S:
            go_on(phone.start_s + EDGE_S, EDGE_S)
            go_on(phone.end_s - EDGE_S, note - 2 * EDGE_S)
            go_on(phone.end_s, EDGE_S)
        else:
            go_on(phone.end_s, note)
    go_on(duration_s, duration_s - before[-1])
    return np.array(before), np.array(after)


def _melody(phones: Sequence[Phone], frames: Track, pitch_hz: float, random: np.random.Generator) -> Track:
    """Pitch (n,) in Hz at every frame: one note a vowel, glides between them, vibrato on the long ones."""
    scale = SCALES[random.integers(len(SCALES))]
    tonic = random.uniform(*TONIC_HALF_TONES)
    rate, depth = random.uniform(*VIBRATO_HZ), random.uniform(*VIBRATO_HALF_TONES)
    step = int(random.integers(0, 4))
    half_tones = np.full(len(frames), tonic + scale[0])
    vibrato = np.zeros(len(frames))
    for phone in phones:
        if not is_vowel(phone):
            continue
        step = int(np.clip(step + random.integers(LEAP_STEPS[0], LEAP_STEPS[1] + 1), -1, HIGHEST_STEP))
        half_tones[frames >= phone.start_s] = tonic + 12 * (step // len(scale)) + scale[step % len(scale)]
        held = frames - phone.start_s - VIBRATO_DELAY_S
        swing = depth * np.clip(held / VIBRATO_DELAY_S, 0, 1) * np.sin(2 * np.pi * rate * held)
        vibrato = np.where((held > 0) & (frames < phone.end_s), swing, vibrato)
    width = round(GLIDE_S / FRAME_S)
    glide = np.hanning(width + 2)[1:-1]
    padded = np.pad(half_tones, (width // 2, width - 1 - width // 2), mode="edge")
    smooth = np.convolve(padded, glide / glide.sum(), mode="valid")
    pitch: Track = pitch_hz * np.exp2((smooth + vibrato) / 12)
    return pitch
