"""How well a lip model hears, before any actuator: the measures of the design on speech with phones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from liplab.scores import RATE_HZ, Phone, closures, correlation, range_ratio, resample
from liplab.speech.articulation import articulation
from liplab.speech.utterance import Utterance
from lipwright.audio.features import STEP_S, log_mel
from lipwright.lips.model import ARTICULATION, LipModel

APERTURE_MM = 20.0  # that normalised 1 stands for, of the reference head: scores count in mm
PUCKERED = frozenset("wʍɥuyʃʒ")
LABIODENTAL = frozenset("fvɱ")
SLACK_S = 0.040
PUCKER_WIDTH_PERCENTILE, PUCKER_ROUNDING_PERCENTILE = 30, 70
TUCKED = 0.5

Track = npt.NDArray[np.float32]
# Samples (n,) to times (m,) and articulation (m, 5).
Predictor = Callable[[npt.NDArray[np.float32]], tuple[npt.NDArray[np.float64], Track]]


@dataclass(frozen=True)
class Scores:
    """Measures over a set of utterances."""

    closure_rate: float | None  # a rate is None where there was no such phone
    false_closures_per_minute: float
    bilabials: int
    pucker_rate: float | None
    labiodental_rate: float | None
    r: dict[str, float | None]  # Pearson's r with what the phones ask for, by part of the articulation
    range_ratio: float | None  # of the aperture
    minutes: float


def predict(model: LipModel, samples: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], Track]:
    """What the streaming model puts out for a whole clip: times (m,) within it, articulation (m, 5)."""
    state = model.initial_state()
    padding = np.zeros(round(model.steps_ahead * STEP_S * 16000) + 320, np.float32)
    steps = log_mel(np.concatenate([samples, padding]))
    frames = [model.step(step, state).articulation for step in steps]
    times = np.array([model.sound_time(step) for step in range(len(frames))])
    inside = (times >= 0) & (times <= len(samples) / 16000)
    return times[inside], np.array(frames, np.float32).reshape(-1, len(ARTICULATION))[inside]


def score(utterances: Sequence[Utterance], predictor: Predictor) -> Scores:
    """Measures of a predictor on utterances with known phones."""
    made: list[bool] = []
    wrong = wrong_minutes = seconds = 0.0
    tracks, wanted, rows = [], [], []
    for utterance in utterances:
        times, track = predictor(utterance.samples)
        seconds += len(utterance.samples) / 16000
        grid = np.arange(0, len(utterance.samples) / 16000, 1 / RATE_HZ)
        fine = resample(times, track, grid)
        result = closures(grid, fine[:, 0] * APERTURE_MM, utterance.phones)
        made += result.made
        if result.false_per_minute is not None:
            minutes = _minutes(grid, utterance.phones)
            wrong += result.false_per_minute * minutes
            wrong_minutes += minutes
        tracks.append(fine)
        wanted.append(articulation(utterance.phones, grid))
        rows.append((grid, utterance.phones))
    asked, got = np.concatenate(wanted), np.concatenate(tracks)
    narrow = np.percentile(got[:, 1], PUCKER_WIDTH_PERCENTILE)
    round_ = np.percentile(got[:, 2], PUCKER_ROUNDING_PERCENTILE)
    pucker = [
        _reached((track[:, 1] <= narrow) & (track[:, 2] >= round_), grid, phone)
        for track, (grid, phones) in zip(tracks, rows, strict=True)
        for phone in phones
        if PUCKERED & set(phone.ipa)
    ]
    tucked = [
        _reached(track[:, 4] >= TUCKED, grid, phone)
        for track, (grid, phones) in zip(tracks, rows, strict=True)
        for phone in phones
        if LABIODENTAL & set(phone.ipa)
    ]
    return Scores(
        closure_rate=_share(made),
        false_closures_per_minute=wrong / max(wrong_minutes, 1e-9),
        bilabials=len(made),
        pucker_rate=_share(pucker),
        labiodental_rate=_share(tucked),
        r={
            name: correlation(asked[:, part].astype(np.float64), got[:, part])
            for part, name in enumerate(ARTICULATION)
        },
        range_ratio=range_ratio(asked[:, 0].astype(np.float64), got[:, 0]),
        minutes=seconds / 60,
    )


def _minutes(grid: npt.NDArray[np.float64], phones: Sequence[Phone]) -> float:
    """Speech time, by which an utterance's false closures weigh."""
    return sum(phone.end_s - phone.start_s for phone in phones if phone.ipa) / 60


def _reached(mask: npt.NDArray[np.bool_], grid: npt.NDArray[np.float64], phone: Phone) -> bool:
    return bool(np.any(mask[(grid >= phone.start_s - SLACK_S) & (grid <= phone.end_s + SLACK_S)]))


def _share(events: Sequence[bool]) -> float | None:
    return float(np.mean(events)) if events else None
