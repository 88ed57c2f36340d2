"""Phones of a recording whose words are known, in any language that espeak-ng speaks.

espeak-ng says the words with exact phone times, dynamic time warping (Sakoe and Chiba 1978) lays its speech
over the recording, and the times go along. Both are compared as cepstra whose mean and spread are taken out,
so that a voice of another colour fits.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soxr

from liplab.scores import Phone
from liplab.speech.align import AlignmentError
from liplab.speech.espeak import FASTEST, Espeak
from liplab.speech.utterance import SAMPLE_RATE, Samples

VARIANTS = ("", "+f2", "+m3")  # of espeak-ng's voice: whichever lies closest is taken
HOP = 160  # samples a frame
WINDOW = 400
FFT = 512
BANDS, CEPSTRA = 26, 13
LOWEST_HZ, HIGHEST_HZ = 100.0, 7200.0
RATE = 175  # words a minute, of the first attempt; the second one takes as long as the recording
SLOWEST = 90
SHORTEST_SPEECH = 10  # frames
# A frame this far below the loud ones is silence; where noise is louder, one that is about as loud as it.
SPEECH_DB = 30.0
NOISE_DB, LEAST_SPEECH_DB = 9.0, 12.0
BAND_S = 0.6  # the path stays this close to the diagonal, or
BAND_SHARE = 0.15  # closer than this share of the length
PAUSE_COST = 1.5  # of a silent frame that the reference lacks
LONGEST_REFERENCE_PAUSE_S = 0.03

Frames = npt.NDArray[np.float64]


class Aligned(NamedTuple):
    """Phones found, and for each how far apart the references put its edges."""

    phones: list[Phone]
    spreads_s: npt.NDArray[np.float64]


def align_by_speaking(samples: Samples, text: str, language: str) -> Aligned:
    """Phones of mono 16 kHz samples (n,) that say `text` in an espeak-ng language, pauses as empty phones.

    Every voice of VARIANTS is laid over the sound; the middle of what they find is taken. Raises
    AlignmentError when they cannot be laid over it: nothing is heard, or the lengths differ too much.
    """
    sound = _features(samples)
    heard = np.flatnonzero(sound.speech)
    if len(heard) < SHORTEST_SPEECH:
        raise AlignmentError("nothing is heard")
    first, last = int(heard[0]), int(heard[-1]) + 1
    edges: list[Frames] = []
    names: list[str] = []
    for variant in VARIANTS:
        reference, phones = _spoken(text, language + variant, (last - first) * HOP / SAMPLE_RATE)
        if names and [phone.ipa for phone in phones] != names:
            continue
        names = [phone.ipa for phone in phones]
        edges.append(_laid_over(reference, phones, sound, first, last))
    middle = np.median(edges, axis=0)
    spread = np.ptp(edges, axis=0)
    found = [Phone(*phone) for phone in zip(names, middle[:-1].tolist(), middle[1:].tolist(), strict=True)]
    return Aligned(found, np.maximum(spread[:-1], spread[1:]))


class _Features(NamedTuple):
    vectors: Frames  # (frames, 2 * CEPSTRA)
    speech: npt.NDArray[np.bool_]  # (frames,)


@lru_cache(maxsize=1)
def _engine() -> Espeak:
    return Espeak(fresh=True)  # what others said before in this process would change what it says


def _spoken(text: str, voice: str, length_s: float) -> tuple[Samples, list[Phone]]:
    """What espeak-ng says, at a rate that makes it about as long as asked, its pauses cut short."""
    engine = _engine()
    rate = RATE
    for _ in range(2):
        try:
            samples, phones = engine.say(text, voice, rate=rate)
        except ValueError as error:
            raise AlignmentError(str(error)) from error
        spoken_s = sum(phone.end_s - phone.start_s for phone in phones if phone.ipa)
        if spoken_s <= 0:
            raise AlignmentError("nothing to say")
        rate = round(min(max(rate * spoken_s / length_s, SLOWEST), FASTEST))
    kept: list[Samples] = []
    moved: list[Phone] = []
    time = 0.0
    for phone in phones:
        length = phone.end_s - phone.start_s
        if not phone.ipa:
            length = min(length, LONGEST_REFERENCE_PAUSE_S) if moved else 0.0
        start = round(phone.start_s * engine.sample_rate)
        kept.append(samples[start : start + round(length * engine.sample_rate)])
        if length:
            moved.append(Phone(phone.ipa, time, time + length))
        time += length
    while moved and not moved[-1].ipa:
        moved.pop()
    sound = soxr.resample(np.concatenate(kept), engine.sample_rate, SAMPLE_RATE)
    return np.asarray(sound[: round(moved[-1].end_s * SAMPLE_RATE)], np.float32), moved


@lru_cache(maxsize=1)
def _mel_cosines() -> tuple[Frames, Frames]:
    """The bands over the spectrum (BANDS, FFT / 2 + 1) and the cosines over the bands (CEPSTRA, BANDS)."""
    low, high = (2595 * math.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    hz = np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT
    up = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    cosines = np.cos(np.pi / BANDS * np.arange(CEPSTRA)[:, None] * (np.arange(BANDS) + 0.5))
    return np.maximum(0, np.minimum(up, down)), cosines


def _features(samples: Samples) -> _Features:
    """Cepstra and their slopes, with the mean and spread that they have where there is speech taken out."""
    padded = np.pad(samples, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2
    bands, cosines = _mel_cosines()
    mel = power @ bands.T
    loudness_db = 10 * np.log10(mel.sum(axis=1) + 1e-7)
    floor_db, loud_db = np.percentile(loudness_db, (5, 95))
    speech = loudness_db > max(loud_db - SPEECH_DB, min(floor_db + NOISE_DB, loud_db - LEAST_SPEECH_DB))
    cepstra = np.log(mel + 1e-7) @ cosines.T
    cepstra = (cepstra - cepstra[speech].mean(axis=0)) / (cepstra[speech].std(axis=0) + 1e-6)
    padded = np.pad(cepstra, ((2, 2), (0, 0)), mode="edge")
    slopes = (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10
    slopes /= slopes[speech].std(axis=0) + 1e-6
    return _Features(np.concatenate([cepstra, 0.7 * slopes], axis=1), speech)


def _laid_over(reference: Samples, phones: list[Phone], sound: _Features, first: int, last: int) -> Frames:
    """Seconds at which the phones start, and where the last one ends."""
    spoken, spoken_speech = _features(reference)
    # The recording gets as much silence at its ends as the reference has: the closure of a first p is silent.
    audible = np.flatnonzero(spoken_speech)
    first = max(0, first - int(audible[0]))
    last = min(len(sound.speech), last + len(spoken) - 1 - int(audible[-1]))
    heard, speech = sound.vectors[first:last], sound.speech[first:last]
    squares = (spoken**2).sum(axis=1)[:, None] + (heard**2).sum(axis=1) - 2 * spoken @ heard.T
    distances: Frames = np.sqrt(np.maximum(0, squares))
    rows = _path(distances, ~speech)
    # rows[column]: the reference's frame, never falling, of each of the sound's frames.
    edges = np.array([phone.start_s for phone in phones] + [phones[-1].end_s]) * SAMPLE_RATE / HOP
    columns = np.interp(edges, rows + np.arange(len(rows)) * 1e-6, np.arange(len(rows)))
    columns[0], columns[-1] = 0, len(rows)
    seconds: Frames = (columns + first) * HOP / SAMPLE_RATE
    return seconds


def _path(distances: Frames, silent: npt.NDArray[np.bool_]) -> Frames:
    """The cheapest way through (rows, columns): each column's row.

    A step goes on by one row and one column, or by one of the one and two of the other, so the speeds differ
    by a factor of two at most; only in silence columns may go on alone.
    """
    rows, columns = distances.shape
    width = round(max(BAND_S * SAMPLE_RATE / HOP, BAND_SHARE * columns)) + abs(rows - columns)
    # Two rows that nothing reaches lie below the first, so that steps of two rows need no special case.
    local = np.pad(distances.T, ((0, 0), (2, 0)), constant_values=np.inf)
    total = np.full(local.shape, np.inf)
    step = np.zeros(local.shape, np.int8)
    total[0, 2] = local[0, 2]
    for column in range(1, columns):
        middle = 2 + round(column * rows / columns)
        low, high = max(2, middle - width), min(rows + 2, middle + width + 1)
        here, before = local[column], total[column - 1]
        options = np.full((4, high - low), np.inf)
        options[0] = before[low - 1 : high - 1] + 2 * here[low:high]
        options[1] = before[low - 2 : high - 2] + 1.5 * (here[low - 1 : high - 1] + here[low:high])
        if column > 1:
            earlier = total[column - 2, low - 1 : high - 1]
            options[2] = earlier + 1.5 * (local[column - 1, low:high] + here[low:high])
        if silent[column]:
            options[3] = before[low:high] + PAUSE_COST
        best = options.argmin(axis=0)
        step[column, low:high] = best
        total[column, low:high] = options[best, np.arange(high - low)]
    if not np.isfinite(total[-1, -1]):
        raise AlignmentError("no way through")
    taken = np.zeros(columns)
    row, column = rows - 1, columns - 1
    while column > 0:
        taken[column] = row
        kind = step[column, row + 2]
        if kind == 0:
            row, column = row - 1, column - 1
        elif kind == 1:
            row, column = row - 2, column - 1
        elif kind == 2:
            taken[column - 1] = row - 0.5
            row, column = row - 1, column - 2
        else:
            column -= 1
    return taken
