"""Noises that speech is heard in: coloured, other voices, hums and fans, music. All made up, by a seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from liplab.speech.utterance import SAMPLE_RATE, Samples

VOICES = (3, 8)  # that babble is made of
HUM_HZ = (45.0, 400.0)
FAN_BLADES_HZ = (60.0, 350.0)
BEAT_S = (0.25, 0.7)
# Semitones of the chords that made-up music moves through.
CHORDS = ((0, 4, 7), (0, 3, 7), (0, 5, 9), (0, 4, 7, 11), (-3, 0, 4), (-5, -1, 2))
LOWEST_NOTE_HZ = (65.0, 260.0)
DRUM_SHARE = 0.7
HARMONICS = 8

Random = np.random.Generator
Curve = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]  # frequencies in Hz, gains in dB


def shaped(samples: Samples, curve: Curve) -> Samples:
    """Samples with the gain in dB that a curve gives at some frequencies, without shifting them in time."""
    size = 1 << (len(samples) - 1).bit_length()
    spectrum = np.fft.rfft(samples, size)
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 1.0)
    gain = np.interp(np.log(hertz), np.log(curve[0]), curve[1])
    return np.asarray(np.fft.irfft(spectrum * 10 ** (gain / 20), size)[: len(samples)], np.float32)


def coloured(count: int, random: Random) -> Samples:
    """Steady noise with a random slope: wind, traffic, hiss, rooms."""
    frequencies = np.array([30.0, 100, 300, 1000, 3000, 8000])
    slope_db = random.uniform(-8, 1)  # an octave; -3 is pink
    curve = slope_db * np.log2(frequencies / 1000) + random.normal(0, 3, len(frequencies))
    return shaped(random.standard_normal(count).astype(np.float32), (frequencies, curve))


def babble(count: int, speech: Samples, random: Random) -> Samples:
    """A few voices at once, taken from other people's `speech`."""
    starts = random.integers(0, max(1, len(speech) - count), int(random.integers(*VOICES)))
    return np.asarray(np.sum([np.resize(speech[start:], count) for start in starts], axis=0), np.float32)


def hum(count: int, random: Random) -> Samples:
    """Mains, motors: harmonics of one frequency and a little hiss."""
    time = np.arange(count) / SAMPLE_RATE
    base = random.uniform(*HUM_HZ)
    harmonics = np.arange(1, 12)
    amplitudes = random.uniform(0, 1, len(harmonics)) / harmonics
    tones = [a * np.sin(2 * np.pi * base * h * time) for h, a in zip(harmonics, amplitudes, strict=True)]
    return np.asarray(np.sum(tones, axis=0) + 0.05 * random.standard_normal(count), np.float32)


def fan(count: int, random: Random) -> Samples:
    """Rushing air that the blades beat."""
    time = np.arange(count) / SAMPLE_RATE
    blades = random.uniform(*FAN_BLADES_HZ)
    beat = 1 + random.uniform(0.1, 0.6) * np.sin(2 * np.pi * blades * time + random.uniform(0, 6))
    return np.asarray(coloured(count, random) * beat, np.float32)


def music(count: int, random: Random) -> Samples:
    """Chords, a melody over them, and mostly drums, on a steady beat."""
    beat = random.uniform(*BEAT_S)
    base = random.uniform(*LOWEST_NOTE_HZ)
    brightness, decay = random.uniform(0.6, 2.0), random.uniform(0.1, 1.5)
    drums = random.random() < DRUM_SHARE
    sound = np.zeros(count + round(4 * beat * SAMPLE_RATE), np.float32)
    chord: tuple[int, ...] = CHORDS[0]
    for number in range(int(count / SAMPLE_RATE / beat) + 1):
        at = round(number * beat * SAMPLE_RATE)
        if number % 4 == 0:
            chord = CHORDS[random.integers(len(CHORDS))]
            for semitones in chord:
                _add(sound, at, _note(base * 2 ** (semitones / 12), 4 * beat, brightness, 4 * decay, random))
        melody = 12 + chord[random.integers(len(chord))] + 12 * int(random.integers(2))
        if random.random() < 0.7:
            _add(sound, at, _note(base * 2 ** (melody / 12), beat, brightness, decay, random))
        if drums:
            length = round(0.15 * SAMPLE_RATE)
            fall = np.exp(-np.arange(length) / SAMPLE_RATE / random.uniform(0.01, 0.05))
            kick = np.sin(2 * np.pi * 70 * np.arange(length) / SAMPLE_RATE)
            hit = kick if number % 2 == 0 else random.standard_normal(length)
            _add(sound, at, np.asarray(hit * fall, np.float32))
    return sound[:count]


def _note(hertz: float, seconds: float, brightness: float, decay: float, random: Random) -> Samples:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    harmonics = np.arange(1, HARMONICS + 1)
    harmonics = harmonics[harmonics * hertz < SAMPLE_RATE / 2]
    phases = random.uniform(0, 2 * np.pi, len(harmonics))
    tones = np.sin(2 * np.pi * hertz * harmonics[:, None] * time + phases[:, None])
    envelope = np.minimum(time / 0.01, 1) * np.exp(-time / decay)
    return np.asarray((harmonics**-brightness) @ tones * envelope * 0.3, np.float32)


def _add(sound: Samples, at: int, piece: Samples) -> None:
    room = sound[at : at + len(piece)]
    room += piece[: len(room)]
