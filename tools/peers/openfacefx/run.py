"""OpenFaceFX on sound files, without the words: its energy mode, which follows loudness."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from openfacefx.energy import generate_from_energy

sys.path.insert(0, str(Path(__file__).parents[1] / "shared"))
from jobs import Frame, do_jobs


def follow(sound: str) -> Iterator[Frame]:
    """The weights of its channels between their key frames, as often as it would draw them."""
    track = generate_from_energy(sound)
    keys = {
        channel.name: np.array([(key.time, key.value) for key in channel.keys]) for channel in track.channels
    }
    duration = max(key[-1, 0] for key in keys.values())
    for seconds in np.arange(0, duration, 1 / track.fps):
        yield (
            float(seconds),
            {name: float(np.interp(seconds, key[:, 0], key[:, 1])) for name, key in keys.items()},
        )


do_jobs(follow)
