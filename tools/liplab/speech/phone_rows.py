"""Phones of many stretches of speech as arrays, as `.npz` files keep them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from liplab.scores import Phone


class PhoneRows(NamedTuple):
    """A row for each phone, those of the first stretch first."""

    stretch: npt.NDArray[np.int32]  # (rows,) number of the stretch that a phone is of
    ipa: npt.NDArray[np.str_]  # (rows,)
    times: npt.NDArray[np.floating[Any]]  # (rows, 2) start and end, in s from the stretch's start

    @staticmethod
    def of(said: Sequence[Sequence[Phone]]) -> PhoneRows:
        """The rows of stretches."""
        rows = [(number, phone) for number, phones in enumerate(said) for phone in phones]
        return PhoneRows(
            np.array([number for number, _ in rows], np.int32),
            np.array([phone.ipa for _, phone in rows], np.str_),
            np.array([[phone.start_s, phone.end_s] for _, phone in rows], np.float64).reshape(-1, 2),
        )

    def phones(self, stretches: int) -> list[list[Phone]]:
        """The phones of each of so many stretches."""
        bounds = np.searchsorted(self.stretch, np.arange(stretches + 1))
        ipa, times = self.ipa.tolist(), self.times.tolist()
        return [
            [Phone(ipa[row], *times[row]) for row in range(first, last)] for first, last in pairwise(bounds)
        ]
