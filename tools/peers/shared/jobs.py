"""Does the jobs that `liplab evaluate` writes: for each sound, a track of articulation from visemes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

TRACKS = ("aperture", "width", "rounding", "tuck")

# A moment in seconds, and the weights of the visemes at that moment.
Frame = tuple[float, Mapping[str, float]]


def do_jobs(follow: Callable[[str], Iterable[Frame]]) -> None:
    """Does each job of the file that the command line names; `follow` gives the frames of a sound's path.

    Shapes come from `mapping.json` in the working folder. Weights that add up to less than 1 leave the rest
    to the mouth at rest; more than 1 are scaled down to 1. What the peer documents or was measured as its
    latency is taken off the times.
    """
    mapping = json.loads(Path("mapping.json").read_text(encoding="utf-8"))
    visemes, rest = mapping["visemes"], mapping["visemes"][mapping["rest"]]
    for job in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        tracks: dict[str, list[float]] = {name: [] for name in ("t", *TRACKS)}
        for seconds, weights in follow(job["sound"]):
            tracks["t"].append(seconds - mapping["latency_ms"] / 1000)
            total = sum(weights.values())
            for name in TRACKS:
                spoken = sum(weight * visemes[viseme][name] for viseme, weight in weights.items())
                tracks[name].append(rest[name] * max(0.0, 1 - total) + spoken / max(1.0, total))
        Path(job["out"]).write_text(json.dumps(tracks), encoding="utf-8")
