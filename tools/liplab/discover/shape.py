"""What lips measure, from the places of their points: for arrays and tensors alike."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from liplab.head.geometry import CORNER_LEFT, CORNER_RIGHT

# Points in the order of `liplab.head.geometry.LIP_NODE_NAMES`, then the chin.
UPPER, LOWER, CHIN = slice(CORNER_RIGHT + 1, CORNER_LEFT), slice(CORNER_LEFT + 1, 20), 20

Lips = TypeVar("Lips", NDArray[np.float64], NDArray[np.float32], torch.Tensor)


def gaps_mm(lips: Lips) -> Lips:
    """Gaps (..., 9) in mm between facing points of lips (..., 20, 3) that were closed at rest."""
    return lips[..., UPPER, 2] - lips[..., LOWER, 2]


def width_mm(lips: Lips) -> Lips:
    """How much wider than at rest (...) in mm the mouth of lips (..., 20, 3) is."""
    return lips[..., CORNER_LEFT, 0] - lips[..., CORNER_RIGHT, 0]
