"""People's articulation on the scale that all heads share, from all that was seen of a person.

A clip of a few seconds does not show how far somebody opens; all clips together do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liplab.eyes.sight import Floats
from liplab.speech.fit import CLOSED, OPEN
from liplab.watch.shapes import REST_SHARE
from lipwright.face.profile import load_profile
from lipwright.lips.model import ARTICULATION

WIDE_PERCENTILE = 95  # of a person's openings: nearly as open as in speech
JAW_OPEN = 0.85  # of the articulation's jaw, at that percentile
LEAST_WAY = 0.02  # of the eyes' distance, that lips and jaw move in speech


def articulation(measures: Sequence[Floats]) -> list[NDArray[np.float32]]:
    """Articulation (n, 5) of all clips of one person, from their measures (n, 3) over the eyes' distance.

    NaN where a camera in front sees nothing of it: rounding and tuck. As in `liplab.speech.fit`, lips are
    closed at CLOSED, and nearly as open as in speech at a person's own 95th percentile.
    """
    every = np.concatenate([np.asarray(one, np.float64) for one in measures])
    widest, jaw_open = (float(np.percentile(every[:, part], WIDE_PERCENTILE)) for part in (0, 2))
    closed = every[:, 0] <= np.percentile(every[:, 0], 100 * REST_SHARE)
    rest_width, rest_jaw = (float(np.median(every[closed, part])) for part in (1, 2))
    head = load_profile().articulation
    spread, pucker = (
        abs(mm / head.width_neutral_mm - 1) for mm in (head.width_spread_mm, head.width_pucker_mm)
    )
    made = []
    for one in measures:
        aperture, width, jaw = np.asarray(one, np.float64).T
        wider = width / rest_width - 1
        columns = {
            "aperture": (aperture - CLOSED) * OPEN / max(widest - CLOSED, LEAST_WAY),
            "width": np.clip(np.where(wider > 0, wider / spread, wider / pucker), -1, 1),
            "jaw": np.maximum(jaw - rest_jaw, 0) * JAW_OPEN / max(jaw_open - rest_jaw, LEAST_WAY),
        }
        unknown = np.full(len(one), np.nan)
        rows = [columns.get(name, unknown) for name in ARTICULATION]
        made.append(np.stack(rows, axis=1).astype(np.float32))
    return made
