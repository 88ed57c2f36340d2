"""Speech as it reaches a microphone: joined into streams, at other speeds, in rooms, with noise, through
filters.

Every effect keeps the times of the phones, or moves them along with the sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soxr
from scipy.signal import fftconvolve

from liplab.scores import Phone
from liplab.speech.articulation import articulation
from liplab.speech.phones import retimed
from liplab.speech.utterance import SAMPLE_RATE, Utterance
from lipwright.audio.features import STEP_S, log_mel

STREAM_S = 20.0
SPEED = (0.85, 1.18)  # tempo, pitch and formants together: other speakers from one voice
SPEED_SHARE = 0.7
PAUSE_S = (0.05, 1.2)
PEAK_DB = (-32.0, 0.0)  # of the stream, against full scale
CLIP_SHARE = 0.05
CLIP_DB = 9.0
ROOM_SHARE = 0.55
REVERBERATION_S = (0.08, 0.7)  # time to fall by 60 dB
DIRECT_DB = (-2.0, 16.0)  # direct sound against the room's
FILTER_SHARE = 0.7
FILTER_DB = 9.0
BANDS_HZ = ((300, 3400), (100, 4000), (60, 7000), (200, 8000))  # telephone, narrow, worn, thin
BAND_SHARE = 0.3
NOISE_SHARE = 0.7
NOISE_DB = (3.0, 40.0)  # speech against noise
MU_LAW_SHARE = 0.05
SILENT_SHARE = 0.04  # streams with noise or nothing in them and no speech: the mouth stays at rest

Samples = npt.NDArray[np.float32]
Random = np.random.Generator


class Stream(NamedTuple):
    """What the network learns from: one stream of sound as features, and what the lips should do."""

    features: npt.NDArray[np.float16]  # (steps, 160)
    articulation: npt.NDArray[np.float16]  # (steps, 5), at step * 20 ms: no look-ahead in it


def join(utterances: Sequence[Utterance], random: Random) -> list[Utterance]:
    """Utterances in random order, joined with pauses to pieces of about STREAM_S, each at its own speed."""
    pieces: list[Utterance] = []
    sounds: list[Samples] = []
    phones: list[Phone] = []
    length = 0
    for number in random.permutation(len(utterances)):
        if not sounds:
            length = round(random.uniform(*PAUSE_S) * SAMPLE_RATE)
            sounds.append(np.zeros(length, np.float32))
        samples, spoken = utterances[number]
        speed = random.uniform(*SPEED) if random.random() < SPEED_SHARE else 1.0
        # Resampling to rate / speed and playing it at the old rate: `speed` times as fast.
        samples = np.asarray(soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE, "HQ"), np.float32)
        level = 10 ** (random.uniform(-4, 4) / 20) / max(float(np.abs(samples).max()), 1e-4)
        phones += retimed(spoken, 1 / speed, length / SAMPLE_RATE)
        pause = np.zeros(round(random.uniform(*PAUSE_S) * SAMPLE_RATE), np.float32)
        sounds += [samples * np.float32(level), pause]
        length += len(samples) + len(pause)
        if length > STREAM_S * SAMPLE_RATE:
            pieces.append(Utterance(np.concatenate(sounds), phones))
            sounds, phones = [], []
    if sounds:
        pieces.append(Utterance(np.concatenate(sounds), phones))
    return pieces


def streams(utterances: Sequence[Utterance], babble: Samples, random: Random) -> list[Stream]:
    """Augmented streams of all utterances; `babble` is other people's speech to take noise from."""
    result = []
    for piece in join(utterances, random):
        if random.random() < SILENT_SHARE:
            quiet = Utterance(np.zeros(len(piece.samples) // 3, np.float32), [])
            result.append(_stream(quiet, babble, random))
        result.append(_stream(piece, babble, random))
    return result


def clean_stream(utterance: Utterance) -> Stream:
    """An utterance as it is."""
    features = log_mel(utterance.samples).reshape(-1, 160)
    wanted = articulation(utterance.phones, np.arange(len(features)) * STEP_S)
    return Stream(features.astype(np.float16), wanted.astype(np.float16))


def _stream(piece: Utterance, babble: Samples, random: Random) -> Stream:
    samples = piece.samples
    if random.random() < ROOM_SHARE:
        samples = _room(samples, random)
    if random.random() < NOISE_SHARE or not piece.phones:
        samples = samples + _noise(samples, babble, random)
    if random.random() < FILTER_SHARE:
        samples = _filter(samples, random)
    peak = max(float(np.abs(samples).max()), 1e-9)
    samples = samples * np.float32(10 ** (random.uniform(*PEAK_DB) / 20) / peak)
    if random.random() < CLIP_SHARE:
        limit = np.float32(np.abs(samples).max() * 10 ** (-random.uniform(0, CLIP_DB) / 20))
        samples = np.clip(samples, -limit, limit)
    if random.random() < MU_LAW_SHARE:
        samples = _mu_law(samples)
    return clean_stream(Utterance(samples.astype(np.float32), piece.phones))


def _room(samples: Samples, random: Random) -> Samples:
    """Direct sound and an exponentially dying tail of noise after it (Polack's model of a room)."""
    seconds = random.uniform(*REVERBERATION_S)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tail = random.standard_normal(len(time)) * np.exp(-6.91 * time / seconds)
    tail[: int(0.002 * SAMPLE_RATE)] = 0
    tail *= 10 ** (-random.uniform(*DIRECT_DB) / 20) / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    return np.asarray(fftconvolve(samples, tail.astype(np.float32))[: len(samples)], np.float32)


def _noise(samples: Samples, babble: Samples, random: Random) -> Samples:
    """Noise of the samples' length: coloured, of a few voices, or a hum; sometimes coming and going."""
    count = len(samples)
    kind = random.random()
    if kind < 0.55:
        noise = _shaped(random.standard_normal(count).astype(np.float32), _slope(random))
    elif kind < 0.85:
        starts = random.integers(0, max(1, len(babble) - count), int(random.integers(3, 8)))
        noise = np.sum([np.resize(babble[start:], count) for start in starts], axis=0)
    else:
        base = random.uniform(45, 400)
        time = np.arange(count) / SAMPLE_RATE
        harmonics = np.arange(1, 12)
        amplitudes = random.uniform(0, 1, 11) / harmonics
        noise = np.sum(
            [a * np.sin(2 * np.pi * base * h * time) for h, a in zip(harmonics, amplitudes, strict=True)],
            axis=0,
        )
        noise = noise + 0.05 * random.standard_normal(count)
    if random.random() < 0.3:
        steps = max(2, int(count / SAMPLE_RATE / random.uniform(0.3, 3)))
        noise = noise * np.interp(np.arange(count), np.linspace(0, count, steps), random.uniform(0, 1, steps))
    loud = np.abs(samples) > 0.02 * max(float(np.abs(samples).max()), 1e-9)
    level = float(np.sqrt(np.mean(samples[loud] ** 2))) if loud.any() else 0.1
    wanted = level * 10 ** (-random.uniform(*NOISE_DB) / 20)
    return np.asarray(noise * (wanted / max(float(np.sqrt(np.mean(noise**2))), 1e-9)), np.float32)


def _slope(random: Random) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    frequencies = np.array([30.0, 100, 300, 1000, 3000, 8000])
    slope_db = random.uniform(-8, 1)  # an octave; -3 is pink
    return frequencies, slope_db * np.log2(frequencies / 1000) + random.normal(0, 3, len(frequencies))


def _filter(samples: Samples, random: Random) -> Samples:
    """A microphone's or loudspeaker's colour, and sometimes its narrow band."""
    frequencies = np.array([60.0, 200, 500, 1200, 2800, 7000])
    samples = _shaped(samples, (frequencies, random.uniform(-FILTER_DB, FILTER_DB, len(frequencies))))
    if random.random() < BAND_SHARE:
        low, high = BANDS_HZ[random.integers(len(BANDS_HZ))]
        edges = np.array([1.0, low * 0.7, low, high, high * 1.2, 16000])
        samples = _shaped(samples, (edges, np.array([-60.0, -25, 0, 0, -40, -60])))
    return samples


def _shaped(samples: Samples, curve: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]) -> Samples:
    """Samples with the gain in dB that a curve gives at some frequencies, without shifting them in time."""
    size = 1 << (len(samples) - 1).bit_length()
    spectrum = np.fft.rfft(samples, size)
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 1.0)
    gain = np.interp(np.log(hertz), np.log(curve[0]), curve[1])
    return np.asarray(np.fft.irfft(spectrum * 10 ** (gain / 20), size)[: len(samples)], np.float32)


def _mu_law(samples: Samples) -> Samples:
    """Through the 8 bits of a telephone exchange (ITU-T G.711, mu = 255)."""
    squeezed = np.sign(samples) * np.log1p(255 * np.abs(np.clip(samples, -1, 1))) / np.log(256)
    coded = np.rint(squeezed * 127) / 127
    return np.asarray(np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255, np.float32)
