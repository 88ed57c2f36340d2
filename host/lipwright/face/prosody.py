"""How something is said: loudness, pitch, and which syllables are stressed, from the lip model's log-mel.

It is causal and cheap: a step of 20 ms costs one small matrix product. Pitch comes from the lowest bands,
compared with what harmonics of each candidate look like there; it needs no samples. The features' window of
25 ms shows single harmonics of voices above some 110 Hz; of deeper ones the level alone tells the stress.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lipwright.audio.features import FFT_SIZE, SAMPLE_RATE, STEP_S, WINDOW, mel_centres, mel_weights

# Voices of grown-ups and children; above, a window of 25 ms has too few harmonics in the bands looked at.
LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 75.0, 400.0
CANDIDATES_PER_OCTAVE = 36
PITCH_BANDS = 34  # the lowest, up to about 1000 Hz: where bands are narrow enough to show single harmonics
SMOOTH_BANDS = 9  # what is wider than this is the vowel, not the voice
VOICED = 0.60  # correlation with the best candidate's harmonics, from which a step counts as voiced
# Of two candidates an octave apart the lower explains all that the higher does; it has to do so much better.
OCTAVE_COST = 0.04

SPEECH_OVER_FLOOR_DB = 9.0  # above the noise between words
SPEECH_UNDER_PEAK_DB = 32.0  # below the loudest of late: quieter is breath and room
QUIETEST_SPEECH_DB = -32.0  # so that the hiss of a silent microphone is no speech
FLOOR_RISE_DB_S, PEAK_FALL_DB_S = 1.5, 3.0

# A syllable is stressed where voice and level stand out from those of the last seconds.
MEMORY_S = 2.0
LEARNED_S = 0.30  # of speech, before it is known what is usual
PITCH_SPREAD, LEVEL_SPREAD_DB = 2.5, 6.0  # semitones, dB: what usually varies, the unit of prominence
PITCH_SHARE = 0.5  # of prominence; the rest is the level of what is sonorous (below 1000 Hz)
PROMINENT, FULLY_PROMINENT = 0.28, 1.1
PLAIN = 0.10  # prominence has to fall below this before the next accent
JUDGED_S = 0.06  # how long the rise is watched to say how strong the accent is
APART_S = 0.30  # stressed syllables come about two a second, and never closer

Floats = npt.NDArray[np.floating[Any]]


class Prosody(NamedTuple):
    """How the newest 20 ms sound."""

    speech: bool
    """Whether somebody speaks, breaks within words included only while they are loud enough."""
    loudness: float
    """0 (as quiet as the pauses) to 1 (as loud as the loudest of the last seconds)."""
    pitch_hz: float
    """Fundamental of the voice in Hz; 0 where there is none."""
    accent: float
    """0, or 0..1 in the one step in which a stressed syllable is noticed: how strongly it is stressed."""


SILENCE = Prosody(speech=False, loudness=0.0, pitch_hz=0.0, accent=0.0)


class ProsodyTracker:
    """Follows one stream of log-mel steps; make a new one for the next stream."""

    def __init__(self) -> None:
        self._pitches, self._harmonics = _harmonics()
        self._floor_db, self._peak_db = -50.0, -20.0
        self._usual_semitones: float | None = None
        self._usual_db: float | None = None
        self._heard_s = 0.0  # of speech
        self._since_accent_s = APART_S
        self._rising_s = 0.0
        self._prominence = self._highest = 0.0
        self._armed = True

    def step(self, features: Floats) -> Prosody:
        """Takes the next log-mel step (2, 80) of `lipwright.audio.features` and says how it sounds."""
        column = features.mean(axis=0)
        power = np.exp(column * math.log(10.0))
        level_db = 10.0 * math.log10(float(power.mean()))
        if level_db < self._floor_db:
            self._floor_db += 0.3 * (level_db - self._floor_db)
        else:
            self._floor_db += FLOOR_RISE_DB_S * STEP_S
        self._peak_db = max(level_db, self._peak_db - PEAK_FALL_DB_S * STEP_S)
        threshold = max(
            self._floor_db + SPEECH_OVER_FLOOR_DB, self._peak_db - SPEECH_UNDER_PEAK_DB, QUIETEST_SPEECH_DB
        )
        speech = level_db > threshold
        self._since_accent_s += STEP_S
        if not speech:
            self._prominence = self._rising_s = 0.0
            self._armed = True
            return SILENCE
        loudness = min(1.0, (level_db - threshold) / max(self._peak_db - threshold, 6.0))
        pitch_hz = self._pitch(column)
        sonorous_db = 10.0 * math.log10(float(power[:PITCH_BANDS].mean()))
        return Prosody(True, loudness, pitch_hz, self._accent(sonorous_db, pitch_hz))

    def _pitch(self, column: Floats) -> float:
        low = column[: PITCH_BANDS + SMOOTH_BANDS - 1]
        seen = _fine(low)
        size = float(np.sqrt(seen @ seen))
        if size < 1e-6:
            return 0.0
        likeness = self._harmonics @ seen
        best = int(np.argmax(likeness))
        if likeness[best] < VOICED * size:
            return 0.0
        return float(self._pitches[best])

    def _accent(self, sonorous_db: float, pitch_hz: float) -> float:
        self._heard_s += STEP_S
        memory = STEP_S / min(self._heard_s, MEMORY_S)
        above = 0.0
        if pitch_hz > 0.0:
            semitones = 12 * math.log2(pitch_hz)
            if self._usual_semitones is None:
                self._usual_semitones = semitones
            above = _within((semitones - self._usual_semitones) / PITCH_SPREAD)
            self._usual_semitones += memory * (semitones - self._usual_semitones)
        if self._usual_db is None:
            self._usual_db = sonorous_db
        louder = _within((sonorous_db - self._usual_db) / LEVEL_SPREAD_DB)
        self._usual_db += memory * (sonorous_db - self._usual_db)
        share = PITCH_SHARE if pitch_hz > 0.0 else 0.0
        self._prominence += 0.5 * (share * above + (1 - share) * louder - self._prominence)
        self._armed |= self._prominence < PLAIN
        early = self._heard_s < LEARNED_S or self._since_accent_s < APART_S
        if self._prominence < PROMINENT or early or not self._armed:
            self._rising_s = 0.0
            return 0.0
        self._highest = self._prominence if self._rising_s == 0.0 else max(self._highest, self._prominence)
        self._rising_s += STEP_S
        if self._rising_s < JUDGED_S:
            return 0.0
        self._rising_s = self._since_accent_s = 0.0
        self._armed = False
        return min(1.0, 0.3 + 0.7 * (self._highest - PROMINENT) / (FULLY_PROMINENT - PROMINENT))


def _within(spreads: float) -> float:
    """A deviation, so limited that one odd step does not make an accent."""
    return min(2.0, max(-2.0, spreads))


def _fine(low: Floats) -> Floats:
    """What single harmonics do to the lowest bands (..., PITCH_BANDS), without the shape of the vowel."""
    sums = np.cumsum(low, axis=-1)
    wide = np.concatenate([sums[..., SMOOTH_BANDS - 1 : SMOOTH_BANDS], _differences(sums)], axis=-1)
    middle = SMOOTH_BANDS // 2
    return np.asarray(low[..., middle : middle + PITCH_BANDS] - wide / SMOOTH_BANDS)


def _differences(sums: Floats) -> Floats:
    return np.asarray(sums[..., SMOOTH_BANDS:] - sums[..., :-SMOOTH_BANDS])


@functools.cache
def _harmonics() -> tuple[Floats, Floats]:
    """Candidate pitches (n,) in Hz, and what harmonics of each look like in the bands (n, PITCH_BANDS)."""
    octaves = math.log2(HIGHEST_PITCH_HZ / LOWEST_PITCH_HZ)
    pitches = LOWEST_PITCH_HZ * 2 ** np.linspace(0, octaves, round(octaves * CANDIDATES_PER_OCTAVE) + 1)
    weights = mel_weights()[:, : PITCH_BANDS + SMOOTH_BANDS - 1]
    taper = np.hanning(WINDOW + 1)[:WINDOW]
    times = np.arange(WINDOW) / SAMPLE_RATE
    top = float(mel_centres()[PITCH_BANDS + SMOOTH_BANDS]) * 1.2
    rows = []
    for pitch in pitches:
        power = np.zeros(FFT_SIZE // 2 + 1)
        for number in range(1, int(top / pitch) + 1):
            # Harmonics pass through their phases from window to window, so their powers add up.
            wave = np.exp(2j * np.pi * number * pitch * times) * taper
            power += np.abs(np.fft.fft(wave, FFT_SIZE)[: FFT_SIZE // 2 + 1]) ** 2
        rows.append(np.log10(power @ weights + 1.0))
    fine = _fine(np.array(rows))
    fine /= np.linalg.norm(fine, axis=1, keepdims=True)
    lower = np.log2(HIGHEST_PITCH_HZ / pitches)[:, None]
    return pitches, np.asarray(fine * (1 - OCTAVE_COST * lower), np.float32)
