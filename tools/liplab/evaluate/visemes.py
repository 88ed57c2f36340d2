"""One fixed classifier from articulation to visemes, the same for every row of the table.

Linear discriminants with a common covariance, taught on what the phones of the dev voices ask for (never
on a prediction), each viseme as likely as the next. A phone is judged by the mean of its middle half. The
jaw is left out: it moves with the aperture, and peers do not have one. Phones of the tongue alone belong to
no viseme, since they leave the lips to their neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from liplab.scores import RATE_HZ, Phone
from liplab.speech.articulation import symbols

VISEMES = {
    "closed": "pbmɓʙ", "tucked": "fvɱ", "round": "wʍɥuyʉʊʏoøɵɔœ", "hushing": "ʃʒʧʤʂʐ", "hissing": "szʦʣ",
    "spread": "iɪje", "middle": "ɛəɜʌɘɐæ", "open": "aɑɒɶ",
}  # fmt: skip
PARTS = (0, 1, 2, 4)  # aperture, width, rounding, tuck
SHRINKAGE = 0.05  # of the covariance towards its diagonal
FEWEST = 10  # phones of a viseme that can be taught or judged

Features = npt.NDArray[np.float64]
_OF = {symbol: number for number, symbols_ in enumerate(VISEMES.values()) for symbol in symbols_}


def viseme(phone: Phone) -> int | None:
    """Number of the phone's viseme; None for a phone of the tongue alone, a diphthong, or silence."""
    parts = symbols(phone.ipa)
    return _OF.get(parts[0]) if len(parts) == 1 else None


def judged(phones: Sequence[Phone]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Visemes (n,) of the phones that have one, and the first and last grid place (n, 2) of their middles."""
    known = [(number, phone) for phone in phones if (number := viseme(phone)) is not None]
    middles = [
        ((3 * phone.start_s + phone.end_s) / 4, (phone.start_s + 3 * phone.end_s) / 4) for _, phone in known
    ]
    places = np.rint(np.array(middles).reshape(-1, 2) * RATE_HZ).astype(np.intp)
    return np.array([number for number, _ in known], np.intp), places


def features(track: npt.NDArray[np.floating], places: npt.NDArray[np.intp]) -> Features:  # type: ignore[type-arg]
    """Mean articulation (n, 4) of each phone's middle on a track (m, 5) of RATE_HZ."""
    sums = np.concatenate([np.zeros((1, len(PARTS))), np.cumsum(track[:, PARTS], axis=0, dtype=np.float64)])
    first = np.clip(places[:, 0], 0, len(track) - 1)
    last = np.clip(places[:, 1] + 1, first + 1, len(track))
    means: Features = (sums[last] - sums[first]) / (last - first)[:, None]
    return means


@dataclass(frozen=True)
class Classifier:
    """Weights (visemes, 4) and biases (visemes,); a viseme that was not taught has the bias -inf."""

    weights: Features
    biases: Features

    @classmethod
    def taught(cls, values: Features, visemes: npt.NDArray[np.intp]) -> Classifier | None:
        """From articulation (n, 4) and visemes (n,); None where fewer than two visemes have examples."""
        known = [number for number in range(len(VISEMES)) if np.sum(visemes == number) >= FEWEST]
        if len(known) < 2:
            return None
        means = np.full((len(VISEMES), values.shape[1]), 0.0)
        within = np.zeros((values.shape[1], values.shape[1]))
        for number in known:
            own = values[visemes == number]
            means[number] = own.mean(axis=0)
            within += np.cov(own.T, bias=True) / len(known)
        within = (1 - SHRINKAGE) * within + SHRINKAGE * np.diag(np.diag(within)) + 1e-6 * np.eye(len(within))
        weights = np.linalg.solve(within, means.T).T
        biases = -0.5 * np.sum(weights * means, axis=1)
        biases[[number for number in range(len(VISEMES)) if number not in known]] = -np.inf
        return cls(weights, biases)

    def __call__(self, values: Features) -> npt.NDArray[np.intp]:
        """The likeliest viseme of each articulation (n, 4)."""
        return np.asarray(np.argmax(values @ self.weights.T + self.biases, axis=1), np.intp)


def macro_f1(wanted: npt.NDArray[np.intp], got: npt.NDArray[np.intp]) -> float | None:
    """Mean F1 over the visemes that occur at least FEWEST times; None when there is none."""
    scores = []
    for number in range(len(VISEMES)):
        due, given = wanted == number, got == number
        if np.sum(due) >= FEWEST:
            scores.append(2 * np.sum(due & given) / (np.sum(due) + np.sum(given)))
    return float(np.mean(scores)) if scores else None
