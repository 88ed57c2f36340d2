"""What a lip model has to beat, and controls that show what a measure is worth.

Baselines hear the sound: `amplitude` opens the jaw with the level; `formants` opens with F1 and narrows as
F2 falls; `nearest` takes the lips of the training frame that sounds most alike. All may look at the whole
clip, which a stream may not. Their gains are fitted on the dev voices alone.

Controls do not: `still` holds one pose; `shuffled` speaks another clip of the voice; `shifted_1` and
`shifted_15` are the truth 1 and 15 steps of 20 ms late; `oracle` is what the phones ask for, the ceiling of
whatever is taught from phones. Where a camera saw the lips, the truth's aperture and width are the
camera's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from liplab.evaluate.measures import Reference, level_db
from liplab.evaluate.sets import Clip
from liplab.scores import RATE_HZ, resample
from liplab.speech.articulation import articulation
from lipwright.audio.decode import RATE
from lipwright.audio.features import COLUMNS_PER_STEP, STEP_S, log_mel

SOUND_BASELINES = ("amplitude", "formants", "nearest")
CONTROLS = ("still", "shuffled", "shifted_1", "shifted_15", "oracle")
FLOOR_DB = -30.0  # below a clip's loud parts, where the amplitude jaw is closed
LOUD_PERCENTILE = 95
SPREAD = (5, 95)  # percentiles that a fitted gain brings together

FORMANT_RATE = 8000  # Hz: F1 and F2 lie below 4 kHz
ORDER = 10  # of the linear prediction: two poles a kHz and two for the spectrum's slope
WINDOW = 240  # samples: 30 ms
PRE_EMPHASIS = 0.97
LOWEST_HZ, WIDEST_HZ = 150.0, 500.0  # frequency and bandwidth of a pole that can be a formant
VOICED_DB = -25.0

NEIGHBOURS_FRAMES = 4000  # of training speech, to look for the nearest in
CONTEXT_STEPS = (-3, 0, 3)  # that are heard around a frame, in steps of 20 ms
DIMENSIONS = 32  # that principal components leave of them
SEED = 5

Float = npt.NDArray[np.float64]
Track = npt.NDArray[np.float32]
Samples = npt.NDArray[np.float32]
Baseline = Callable[[Clip], Track]


@dataclass(frozen=True)
class Gain:
    """A straight line, cut at the ends of what it was fitted to."""

    slope: float
    offset: float
    low: float
    high: float

    @classmethod
    def fitted(cls, heard: Float, wanted: Float) -> Gain:
        """The line on which the percentiles SPREAD of what is heard fall on those of what is wanted."""
        (left, right), (low, high) = np.percentile(heard, SPREAD), np.percentile(wanted, SPREAD)
        slope = (high - low) / max(right - left, 1e-9)
        # A mouth at rest is 0 in every part, so no line stops short of it.
        least, greatest = min(0.0, float(np.min(wanted))), max(0.0, float(np.max(wanted)))
        return cls(float(slope), float(low - slope * left), least, greatest)

    def __call__(self, values: Float) -> Float:
        """The line at the values."""
        return np.clip(self.slope * values + self.offset, self.low, self.high)


class Baselines:
    """The baselines that hear, fitted; `tracks` are called with a clip and give articulation on its grid."""

    def __init__(self, dev: Sequence[Clip], training: Sequence[Clip]) -> None:
        """`dev` gives the gains and the still pose; `training` (a few minutes) the frames of `nearest`."""
        wanted = np.concatenate([articulation(clip.phones, clip.grid()) for clip in dev]).astype(np.float64)
        speech = np.concatenate([_speech(clip) for clip in dev])
        self.pose = wanted[speech].mean(axis=0).astype(np.float32)
        self._aperture = Gain.fitted(np.concatenate([loudness(clip) for clip in dev])[speech],
                                     wanted[speech, 0])  # fmt: skip
        heard = np.concatenate([np.stack(formants(clip), axis=1) for clip in dev])
        voiced = speech & np.isfinite(heard).all(axis=1)
        self._height = Gain.fitted(heard[voiced, 0], wanted[voiced, 0])
        self._width = Gain.fitted(heard[voiced, 1], wanted[voiced, 1])
        self._rounding = Gain.fitted(-heard[voiced, 1], wanted[voiced, 2])
        self._nearest = _Nearest(training)
        self.tracks: dict[str, Baseline] = {
            "amplitude": self.amplitude,
            "formants": self.formants,
            "nearest": self._nearest,
        }

    def amplitude(self, clip: Clip) -> Track:
        """The jaw follows the level, the rest of the mouth is still."""
        track = _rest(clip)
        track[:, 0] = track[:, 3] = self._aperture(loudness(clip))
        return track

    def formants(self, clip: Clip) -> Track:
        """F1 opens, F2 spreads; where no formants are heard, the mouth is at rest."""
        track = _rest(clip)
        first, second = formants(clip)
        heard = np.isfinite(first) & np.isfinite(second)
        for part, gain, values in (
            (0, self._height, first),
            (1, self._width, second),
            (2, self._rounding, -second),
            (3, self._height, first),
        ):
            track[heard, part] = gain(values[heard])
        return _smoothed(track)


def controls(pose: Track, references: Sequence[Reference], spoken: Sequence[Track]) -> dict[str, list[Track]]:
    """The controls' tracks for the clips of one voice; `spoken` is what the model said on each."""
    made: dict[str, list[Track]] = {name: [] for name in CONTROLS}
    for number, reference in enumerate(references):
        length = len(reference.grid)
        asked = reference.asked if reference.asked is not None else _rest(reference.clip)
        truth = _truth(reference, asked)
        made["still"].append(np.tile(pose, (length, 1)).astype(np.float32))
        made["shuffled"].append(_shuffled(spoken, number, length))
        made["shifted_1"].append(_late(truth, 1))
        made["shifted_15"].append(_late(truth, 15))
        made["oracle"].append(asked)
    return made


def _shuffled(spoken: Sequence[Track], number: int, length: int) -> Track:
    """The next clip's track, cut or repeated to a length; of a lone clip its other half first."""
    other = spoken[(number + 1) % len(spoken)]
    if len(spoken) == 1:
        other = np.roll(other, len(other) // 2, axis=0)
    repeated: Track = np.concatenate([other] * (1 + length // max(len(other), 1)))
    return repeated[:length]


def _late(track: Track, steps: int) -> Track:
    places = round(steps * STEP_S * RATE_HZ)
    late: Track = np.concatenate([np.repeat(track[:1], places, axis=0), track])[: len(track)]
    return late


def _truth(reference: Reference, asked: Track) -> Track:
    seen = reference.clip.seen
    if seen is None:
        return asked
    truth = asked.copy()
    aperture = np.interp(reference.grid, seen.times_s, seen.aperture)
    width = np.interp(reference.grid, seen.times_s, seen.width)
    truth[:, 0] = (aperture - aperture.min()) / max(np.ptp(aperture), 1e-9)
    truth[:, 1] = 2 * (width - width.min()) / max(np.ptp(width), 1e-9) - 1
    return truth


def _rest(clip: Clip) -> Track:
    return articulation((), clip.grid())


def _speech(clip: Clip) -> npt.NDArray[np.bool_]:
    """Where on the clip's grid a phone is."""
    grid = clip.grid()
    inside = np.zeros(len(grid), bool)
    for phone in clip.phones:
        if phone.ipa:
            inside[slice(*np.searchsorted(grid, [phone.start_s, phone.end_s]))] = True
    return inside


def loudness(clip: Clip) -> Float:
    """The level (m,) on the clip's grid: 1 is the loud parts', 0 is FLOOR_DB below."""
    level = level_db(clip.samples, len(clip.grid()))
    share: Float = np.clip(1 - (np.percentile(level, LOUD_PERCENTILE) - level) / -FLOOR_DB, 0, 1)
    return share


def formants(clip: Clip) -> tuple[Float, Float]:
    """F1 and F2 in Hz on the clip's grid, from the poles of linear prediction; NaN where the clip is quiet
    or fewer than two poles can be formants."""
    grid = clip.grid()
    low_rate = np.asarray(soxr.resample(clip.samples, RATE, FORMANT_RATE), np.float64)
    steps = int(len(grid) * STEP_S**-1 // RATE_HZ) + 1
    hop = round(STEP_S * FORMANT_RATE)
    sharp = np.append(low_rate[:1], low_rate[1:] - PRE_EMPHASIS * low_rate[:-1])
    padded = np.pad(sharp, (WINDOW // 2, WINDOW + steps * hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::hop][:steps] * np.hamming(WINDOW)
    hertz = _poles(_prediction(frames))
    hertz.sort(axis=1)  # NaN last
    level = level_db(clip.samples, len(grid))
    at = np.clip(np.rint(grid / STEP_S).astype(int), 0, steps - 1)
    first, second = hertz[at, 0], hertz[at, 1]
    quiet = level < np.percentile(level, LOUD_PERCENTILE) + VOICED_DB
    return np.where(quiet, np.nan, first), np.where(quiet, np.nan, second)


def _prediction(frames: Float) -> Float:
    """Linear prediction coefficients (n, ORDER) of frames (n, WINDOW), by the autocorrelation method."""
    spectrum = np.abs(np.fft.rfft(frames, 512, axis=1)) ** 2
    lags = np.fft.irfft(spectrum, axis=1)[:, : ORDER + 1]
    lags[:, 0] = lags[:, 0] * 1.0001 + 1e-9
    places = np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
    return np.asarray(np.linalg.solve(lags[:, places], lags[:, 1:, None])[..., 0])


def _poles(coefficients: Float) -> Float:
    """Frequencies (n, ORDER) of the poles that can be formants, NaN for the others."""
    companion = np.zeros((len(coefficients), ORDER, ORDER))
    companion[:, 0] = coefficients
    companion[:, np.arange(1, ORDER), np.arange(ORDER - 1)] = 1
    poles = np.linalg.eigvals(companion)
    hertz = np.angle(poles) * FORMANT_RATE / (2 * np.pi)
    bandwidth = -np.log(np.maximum(np.abs(poles), 1e-9)) * FORMANT_RATE / np.pi
    return np.where((hertz > LOWEST_HZ) & (bandwidth < WIDEST_HZ), hertz, np.nan)


def _smoothed(track: Track) -> Track:
    """A running mean over 50 ms, ends held."""
    reach = round(0.025 * RATE_HZ)
    padded = np.concatenate(
        [np.repeat(track[:1], reach, axis=0), track, np.repeat(track[-1:], reach, axis=0)]
    )
    sums = np.cumsum(np.concatenate([np.zeros((1, track.shape[1])), padded]), axis=0)
    window = 2 * reach + 1
    return np.asarray((sums[window:] - sums[:-window]) / window, np.float32)


class _Nearest:
    """The lips of the training frame whose log-mel surroundings are the nearest."""

    def __init__(self, training: Sequence[Clip]) -> None:
        heard, lips = [], []
        for clip in training:
            sounds = _surroundings(clip.samples)
            heard.append(sounds)
            lips.append(articulation(clip.phones, np.arange(len(sounds)) * STEP_S))
        sounds, poses = np.concatenate(heard), np.concatenate(lips)
        chosen = np.random.default_rng(SEED).permutation(len(sounds))[:NEIGHBOURS_FRAMES]
        sounds, self._poses = sounds[chosen], poses[chosen]
        self._mean = sounds.mean(axis=0)
        self._axes = np.linalg.svd(sounds - self._mean, full_matrices=False)[2][:DIMENSIONS].T
        self._places = (sounds - self._mean) @ self._axes
        self._sizes = np.sum(self._places**2, axis=1)

    def __call__(self, clip: Clip) -> Track:
        places = (_surroundings(clip.samples) - self._mean) @ self._axes
        nearest = np.argmin(self._sizes - 2 * places @ self._places.T, axis=1)
        poses = self._poses[nearest]
        return resample(np.arange(len(poses)) * STEP_S, poses, clip.grid()).astype(np.float32)


def _surroundings(samples: Samples) -> Track:
    """Features (steps, 240) of a sound: each step and those CONTEXT_STEPS away, less the clip's mean."""
    steps = log_mel(samples)
    columns = steps.reshape(len(steps), COLUMNS_PER_STEP, -1).mean(axis=1)
    columns = columns - columns.mean(axis=0)
    places = np.arange(len(columns))[:, None] + np.array(CONTEXT_STEPS)
    surroundings: Track = columns[np.clip(places, 0, len(columns) - 1)].reshape(len(columns), -1)
    return surroundings
