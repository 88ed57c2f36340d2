"""Noise that a head meets: other people talking, music, a fan; with speech in it and alone.

Music and fan are made here by rule, so they are free; babble is made of training voices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from liplab.evaluate.measures import Track
from liplab.evaluate.sets import Clip
from liplab.speech.articulation import articulation
from lipwright.audio.decode import RATE

SNR_DB = 10.0
NOISE_MINUTES = 2.0  # of each set that are judged again in each noise
TALKERS = 6
ACTIVE_DB = -25.0  # speech frames louder than this below the loudest count for the speech's level
FRAME = 320  # samples over which a level is taken
LONGEST_S = 60.0

ALONE_S = 20.0  # of each noise at each level
ALONE_DBFS = (-45.0, -30.0, -18.0)  # root mean square against full scale
SETTLING_S = 1.0  # at the start that does not count
# The whole range of aperture, width and rounding: what a share of the range is a share of.
RANGES = np.array([1.0, 2.0, 1.0])
STAY_PERCENTILE = 95
SEED = 11

BEAT_S = 0.5  # of the music: 120 beats a minute
CHORDS = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))  # MIDI notes of a minor, F, C, G
HARMONICS = 8
FAN_HZ = 87.0  # blades passing
FAN_SLOPE_DB = -6.0  # an octave

Samples = npt.NDArray[np.float32]
Random = np.random.Generator


def babble(clips: Sequence[Clip], seconds: float) -> Samples:
    """TALKERS voices at once, each from clips of its own, all equally loud."""
    random = np.random.default_rng(SEED)
    count = round(seconds * RATE)
    total = np.zeros(count, np.float32)
    for own in np.array_split(random.permutation(len(clips)), TALKERS):
        talk = np.concatenate([clips[number].samples for number in own])
        talk = np.resize(talk, count)
        total += talk / max(float(np.sqrt(np.mean(talk**2))), 1e-9)
    return _full(total)


def music(seconds: float) -> Samples:
    """Plucked chords, a bass and drums, in four bars that come again with other rhythms."""
    random = np.random.default_rng(SEED)
    count = round(seconds * RATE)
    total = np.zeros(count + 2 * RATE)
    for beat in range(int(seconds / BEAT_S)):
        chord = CHORDS[beat // 4 % len(CHORDS)]
        for half in (0.0, 0.5):
            at = round((beat + half) * BEAT_S * RATE)
            if half == 0 or random.random() < 0.6:
                note = int(random.choice(chord)) + 12 * int(random.integers(0, 2))
                _add(total, at, 0.3 * _pluck(note, 0.5, random))
            _add(total, at, 0.05 * _burst(0.03, random))
        at = round(beat * BEAT_S * RATE)
        if beat % 2 == 0:
            for note in chord:
                _add(total, at, 0.2 * _pluck(note, 1.0, random))
            _add(total, at, _kick())
        else:
            _add(total, at, 0.4 * _burst(0.12, random))
        _add(total, at, 0.5 * _pluck(chord[0] - 24, 0.45, random))
    return _full(total[:count])


def fan(seconds: float) -> Samples:
    """Noise that falls with the frequency, and the hum of the blades."""
    random = np.random.default_rng(SEED)
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(random.standard_normal(count))
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 40.0)
    noise = np.fft.irfft(spectrum * 10 ** (FAN_SLOPE_DB * np.log2(hertz / 40.0) / 20), count)
    time = np.arange(count) / RATE
    hum = np.sum([np.sin(2 * np.pi * FAN_HZ * k * time + k) / k for k in range(1, 5)], axis=0)
    return _full(noise / np.std(noise) + 0.3 * hum)


def white(seconds: float) -> Samples:
    """Plain noise."""
    return _full(np.random.default_rng(SEED).standard_normal(round(seconds * RATE)))


def noises(talkers: Sequence[Clip]) -> dict[str, Samples]:
    """The three noises that speech is mixed with, a minute of each."""
    return {"babble": babble(talkers, LONGEST_S), "music": music(LONGEST_S), "fan": fan(LONGEST_S)}


def mixed(samples: Samples, noise: Samples, place: int) -> Samples:
    """Speech in noise at SNR_DB against the speech's active level; `place` turns the noise round."""
    own = np.resize(np.roll(noise, -place * 7919), len(samples))
    gain = active_rms(samples) / max(float(np.sqrt(np.mean(own**2))), 1e-9) * 10 ** (-SNR_DB / 20)
    return (samples + own * np.float32(gain)).astype(np.float32)


def active_rms(samples: Samples) -> float:
    """Root mean square of the frames that are not pauses."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    power = np.mean(frames**2, axis=1)
    if not len(power) or not power.max() > 0:
        return 0.0
    return float(np.sqrt(np.mean(power[power > power.max() * 10 ** (ACTIVE_DB / 10)])))


def alone(hear: Callable[[Samples], Track]) -> dict[str, dict[str, float]]:
    """How far the mouth strays from rest in noise without a voice, as shares of the range.

    `hear` gives the articulation (m, 5) of a sound. For each noise the STAY_PERCENTILE-th percentile of the
    distance, at the loudest level that strays furthest; "silence" is digital silence.
    """
    kinds = {
        "silence": np.zeros(round(ALONE_S * RATE), np.float32),
        "white": white(ALONE_S),
        "fan": fan(ALONE_S),
        "music": music(ALONE_S),
    }
    figures = {}
    for name, sound in kinds.items():
        levels = ALONE_DBFS if name != "silence" else (0.0,)
        strays = np.stack([_strays(hear(_at(sound, level))) for level in levels])
        worst = strays.max(axis=0)
        figures[name] = {
            "aperture": float(worst[0]),
            "width": float(worst[1]),
            "rounding": float(worst[2]),
            "furthest": float(worst.max()),
        }
    return figures


def _strays(track: Track) -> npt.NDArray[np.float64]:
    settled = track[round(SETTLING_S * len(track) / ALONE_S) :, : len(RANGES)]
    rest = articulation((), np.zeros(1))[0, : len(RANGES)]
    distance = np.abs(settled - rest) / RANGES
    return np.asarray(np.percentile(distance, STAY_PERCENTILE, axis=0))


def _at(sound: Samples, dbfs: float) -> Samples:
    rms = float(np.sqrt(np.mean(sound.astype(np.float64) ** 2)))
    if rms == 0:
        return sound
    return np.clip(sound * (10 ** (dbfs / 20) / rms), -1, 1).astype(np.float32)


def _full(sound: npt.NDArray[np.floating]) -> Samples:  # type: ignore[type-arg]
    return np.asarray(sound / max(float(np.abs(sound).max()), 1e-9), np.float32)


def _add(total: npt.NDArray[np.float64], at: int, sound: npt.NDArray[np.float64]) -> None:
    total[at : at + len(sound)] += sound[: max(len(total) - at, 0)]


def _pluck(note: int, seconds: float, random: Random) -> npt.NDArray[np.float64]:
    time = np.arange(round(seconds * RATE)) / RATE
    base = 440 * 2 ** ((note - 69) / 12)
    sound = np.zeros(len(time))
    for harmonic in range(1, HARMONICS + 1):
        if base * harmonic < RATE / 2:
            phase = random.uniform(0, 2 * np.pi)
            fading = np.exp(-time * (3 + harmonic)) / harmonic
            sound += fading * np.sin(2 * np.pi * base * harmonic * time + phase)
    return np.asarray(sound * np.minimum(time / 0.004, 1))


def _kick() -> npt.NDArray[np.float64]:
    time = np.arange(round(0.25 * RATE)) / RATE
    return np.asarray(np.exp(-time * 18) * np.sin(2 * np.pi * (50 * time + 4 * (1 - np.exp(-time * 30)))))


def _burst(seconds: float, random: Random) -> npt.NDArray[np.float64]:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(random.standard_normal(len(time)) * np.exp(-time * 4 / seconds))
