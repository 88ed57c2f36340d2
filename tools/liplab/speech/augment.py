"""Speech as it reaches a microphone: joined into streams, at other speeds, in rooms, with noise, through
filters and codecs.

Every effect keeps the times of the phones, or moves them along with the sound.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from scipy.signal import fftconvolve

from liplab.scores import Phone
from liplab.speech import noise
from liplab.speech.phones import retimed
from liplab.speech.utterance import LIPS_HZ, SAMPLE_RATE, Samples, Utterance
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
NOISE_DB = (2.0, 32.0)  # speech against noise
NOISE_SHARES = {"coloured": 0.25, "babble": 0.3, "music": 0.3, "fan": 0.1, "hum": 0.05}
CODECS = (("OGG", "OPUS"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"))  # none of them shifts the sound
CODEC_SHARE = 0.15
CODEC_THRIFT = (0.3, 0.95)  # libsndfile's compression level: about 60 down to 20 kbit/s
MU_LAW_SHARE = 0.04
BREATH_SHARE = 0.25  # of pauses
BREATH_DB = (-38.0, -18.0)  # against the speech's peak
BREATH_S = (0.15, 0.5)
SILENT_SHARE = 0.09  # streams with noise or nothing in them and no speech: the mouth stays at rest

Lips = npt.NDArray[np.float32]
Random = np.random.Generator


class Stream(NamedTuple):
    """What the network learns from: one stream of sound as features, the phones in it, measured lips."""

    features: npt.NDArray[np.float16]  # (steps, 160)
    phones: list[Phone]
    lips: npt.NDArray[np.float32]  # (steps, 5) at the steps' moments, NaN where not measured


def join(utterances: Sequence[Utterance], random: Random) -> list[Utterance]:
    """Utterances in random order, joined with pauses to pieces of about STREAM_S, each at its own speed."""
    pieces: list[Utterance] = []
    sounds: list[Samples] = []
    phones: list[Phone] = []
    lips: list[tuple[float, float, Lips]] = []
    length = 0
    for number in random.permutation(len(utterances)):
        if not sounds:
            length = round(random.uniform(*PAUSE_S) * SAMPLE_RATE)
            sounds.append(np.zeros(length, np.float32))
        samples, spoken, measured = utterances[number]
        speed = random.uniform(*SPEED) if random.random() < SPEED_SHARE else 1.0
        # Resampling to rate / speed and playing it at the old rate: `speed` times as fast.
        samples = np.asarray(soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE, "HQ"), np.float32)
        level = 10 ** (random.uniform(-4, 4) / 20) / max(float(np.abs(samples).max()), 1e-4)
        phones += retimed(spoken, 1 / speed, length / SAMPLE_RATE)
        if measured is not None:
            lips.append((length / SAMPLE_RATE, speed, measured))
        pause = _pause(random)
        sounds += [samples * np.float32(level), pause]
        length += len(samples) + len(pause)
        if length > STREAM_S * SAMPLE_RATE:
            pieces.append(_piece(sounds, phones, lips))
            sounds, phones, lips = [], [], []
    if sounds:
        pieces.append(_piece(sounds, phones, lips))
    return pieces


def _piece(
    sounds: Sequence[Samples], phones: list[Phone], lips: Sequence[tuple[float, float, Lips]]
) -> Utterance:
    """Sounds and phones as one utterance, with the lips that were measured for some of it."""
    samples = np.concatenate(sounds)
    if not lips:
        return Utterance(samples, phones)
    moments = np.arange(round(len(samples) / SAMPLE_RATE * LIPS_HZ)) / LIPS_HZ
    track = np.full((len(moments), 5), np.nan, np.float32)
    for start_s, speed, measured in lips:
        places = np.rint((moments - start_s) * speed * LIPS_HZ).astype(int)
        inside = (places >= 0) & (places < len(measured))
        track[inside] = measured[places[inside]]
    return Utterance(samples, phones, track)


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
    lips = np.full((len(features), 5), np.nan, np.float32)
    if utterance.lips is not None:
        measured = utterance.lips[:: round(STEP_S * LIPS_HZ)][: len(lips)]
        lips[: len(measured)] = measured
    return Stream(features.astype(np.float16), utterance.phones, lips)


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
    elif random.random() < CODEC_SHARE:
        samples = _coded(samples, random)
    return clean_stream(piece._replace(samples=samples.astype(np.float32)))


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
    """Noise of the samples' length, as loud as NOISE_DB says; sometimes coming and going."""
    count = len(samples)
    kind = random.choice(list(NOISE_SHARES), p=list(NOISE_SHARES.values()))
    if kind == "coloured":
        made = noise.coloured(count, random)
    elif kind == "babble":
        made = noise.babble(count, babble, random)
    elif kind == "music":
        made = noise.music(count, random)
    elif kind == "fan":
        made = noise.fan(count, random)
    else:
        made = noise.hum(count, random)
    if random.random() < 0.3:
        steps = max(2, int(count / SAMPLE_RATE / random.uniform(0.3, 3)))
        swell = np.interp(np.arange(count), np.linspace(0, count, steps), random.uniform(0, 1, steps))
        made = np.asarray(made * swell, np.float32)
    loud = np.abs(samples) > 0.02 * max(float(np.abs(samples).max()), 1e-9)
    level = float(np.sqrt(np.mean(samples[loud] ** 2))) if loud.any() else 0.1
    wanted = level * 10 ** (-random.uniform(*NOISE_DB) / 20)
    return np.asarray(made * (wanted / max(float(np.sqrt(np.mean(made**2))), 1e-9)), np.float32)


def _filter(samples: Samples, random: Random) -> Samples:
    """A microphone's or loudspeaker's colour, and sometimes its narrow band."""
    frequencies = np.array([60.0, 200, 500, 1200, 2800, 7000])
    samples = noise.shaped(samples, (frequencies, random.uniform(-FILTER_DB, FILTER_DB, len(frequencies))))
    if random.random() < BAND_SHARE:
        low, high = BANDS_HZ[random.integers(len(BANDS_HZ))]
        edges = np.array([1.0, low * 0.7, low, high, high * 1.2, 16000])
        samples = noise.shaped(samples, (edges, np.array([-60.0, -25, 0, 0, -40, -60])))
    return samples


def _pause(random: Random) -> Samples:
    """Silence, now and then with a breath in it: no phone, so the mouth stays at rest."""
    pause = np.zeros(round(random.uniform(*PAUSE_S) * SAMPLE_RATE), np.float32)
    length = round(random.uniform(*BREATH_S) * SAMPLE_RATE)
    if random.random() < BREATH_SHARE and length < len(pause):
        breath = noise.coloured(length, random) * np.hanning(length)
        at = int(random.integers(len(pause) - length))
        peak = max(float(np.abs(breath).max()), 1e-9)
        pause[at : at + length] = breath * (10 ** (random.uniform(*BREATH_DB) / 20) / peak)
    return pause


def _coded(samples: Samples, random: Random) -> Samples:
    """Through a lossy codec at few bits a second, as calls, radios and videos are."""
    container, codec = CODECS[random.integers(len(CODECS))]
    peak = max(1.0, float(np.abs(samples).max()))
    file = io.BytesIO()
    thrift = random.uniform(*CODEC_THRIFT)
    soundfile.write(
        file, samples / peak, SAMPLE_RATE, format=container, subtype=codec, compression_level=thrift
    )
    file.seek(0)
    coded = soundfile.read(file, dtype="float32")[0] * np.float32(peak)
    return np.asarray(np.resize(coded, len(samples)), np.float32)


def _mu_law(samples: Samples) -> Samples:
    """Through the 8 bits of a telephone exchange (ITU-T G.711, mu = 255)."""
    squeezed = np.sign(samples) * np.log1p(255 * np.abs(np.clip(samples, -1, 1))) / np.log(256)
    coded = np.rint(squeezed * 127) / 127
    return np.asarray(np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255, np.float32)
