"""``liplab bench watch``: how well watching tells lips that go with a sound from lips that do not.

Taken are videos whose sound is known to be in step with one face that speaks, as in the corpus GRID. Their
sound is shifted by known times, as if a file were badly made, and exchanged among them, as if they were
dubbed. Nothing is stored.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from liplab.bench import show_figures
from liplab.eyes.mesh import MeshTracker
from liplab.scores import wilson
from liplab.watch.faces import MOST_FACES, FaceFollower
from liplab.watch.portion import Heard, Stretch, hear, stretches
from liplab.watch.run import find_videos
from liplab.watch.sync import Match, match
from liplab.watch.video import Portion, Samples
from lipwright.audio.decode import RATE
from lipwright.errors import LipwrightError
from lipwright.lips.model import LipModel

# Not all whole steps of 20 ms of the lip model, which would shift its answer along exactly.
SHIFTS_MS = (-200, -157, -113, -71, -33, 0, 37, 79, 118, 163, 200)
GOOD_MS = 20.0  # an offset that is found to within this is right
MOST_DUBBED = 2000  # pairs that are tried; beyond, they are drawn at random
SEED = 5

EXAMPLES = """examples:
  liplab bench watch ~/grid                      all videos of a folder, one face and true sound each
  liplab bench watch ~/grid --only s1 s2         those whose names hold one of these: choose on some,
                                                 check on others
  liplab bench watch ~/grid --json -             the figures as JSON on standard output
"""


@dataclass(frozen=True)
class Sample:
    """A face that can be used, of one video, and its sound."""

    video: str
    stretch: Stretch
    portion: Portion
    heard: Heard


def add_parser(subparsers: Any) -> None:
    """Adds ``watch`` to ``liplab bench``."""
    parser = subparsers.add_parser(
        "watch",
        help="offsets found and dubbed clips refused, on videos",
        description="Measures liplab watch on videos whose sound is true: speed, clips kept, offsets found "
        "where the sound is shifted, clips refused where it is exchanged among them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="of videos that show one face that speaks")
    parser.add_argument("--only", nargs="+", metavar="PART", help="videos whose names hold one of these")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_bench_watch)


def do_bench_watch(arguments: argparse.Namespace) -> None:
    """Prints the figures, and writes them where asked."""
    videos = find_videos([arguments.folder])
    if arguments.only:
        videos = [path for path in videos if any(part in path.name for part in arguments.only)]
    if len(videos) < 2:
        raise LipwrightError("At least two videos are needed, so that their sounds can be exchanged.")
    show_figures(bench_watch(videos), arguments.json)


def bench_watch(videos: list[Path]) -> dict[str, float]:
    """All figures, flat, with their units in their names; of every video, the first minute counts.

    Raises LipwrightError where a video cannot be read, or no face in them can be used.
    """
    model = LipModel.load()
    samples, figures = _watched(videos, model)
    if not samples:
        raise LipwrightError("None of these videos shows a face that can be used; look at them.")
    true = [_match(sample, sample.heard) for sample in samples]
    kept = sum(not found.reason for found in true)
    figures |= _rate("true_kept", kept, len(videos))
    errors, drifts, shifted = _shifted(samples, true, model)
    figures |= _rate("shifted_kept", len(errors), shifted)
    if errors:
        good = sum(abs(error) <= GOOD_MS for error in errors)
        figures |= _rate("offset_within_20_ms", good, len(errors))
        figures["offset_error_ms_p50"] = _percentile(errors, 50)
        figures["offset_error_ms_p95"] = _percentile(errors, 95)
    if drifts:
        # Against what was found in the same clip unshifted: without what its own film may be off by.
        good = sum(abs(drift) <= GOOD_MS for drift in drifts)
        figures |= _rate("shift_within_20_ms", good, len(drifts))
        figures["shift_error_ms_p95"] = _percentile(drifts, 95)
    refused, tried = _dubbed(samples)
    return figures | _rate("dubbed_refused", refused, tried)


def _watched(videos: list[Path], model: LipModel) -> tuple[list[Sample], dict[str, float]]:
    """The longest usable face of each video; and how fast it was found, with all that watching does."""
    mesh = MeshTracker(MOST_FACES)
    samples: list[Sample] = []
    pictures = 0
    wall, busy = time.perf_counter(), time.process_time()
    try:
        for path in tqdm(videos, unit="video", desc="watch"):
            portion = Portion(path, 0)
            follower = FaceFollower(mesh)
            for picture in portion.pictures():
                follower.look(picture.time_s, picture.pixels)
            pictures += len(follower.times_s)
            found = [stretch for face in follower.faces for stretch in stretches(face)[0]]
            heard = hear(portion, model)
            if found and heard is not None:
                longest = max(found, key=lambda stretch: len(stretch.places))
                _match(sample := Sample(path.name, longest, portion, heard), heard)
                samples.append(sample)
    finally:
        mesh.close()
    busy, wall = time.process_time() - busy, time.perf_counter() - wall
    return samples, {
        "videos": len(videos),
        "videos_usable": len(samples),
        "seconds_mean": round(float(np.mean([_seconds(sample) for sample in samples] or [0])), 2),
        "pictures": pictures,
        # Processor time counts all threads, so this is what one core does with nothing beside it.
        "pictures_per_core_second": round(pictures / max(busy, 1e-9), 1),
        "pictures_per_second": round(pictures / max(wall, 1e-9), 1),
    }


def _seconds(sample: Sample) -> float:
    """How long a face is shown, its last picture included."""
    times = sample.stretch.times_s
    return float(times[-1] - times[0] + np.median(np.diff(times)))


def _match(sample: Sample, heard: Heard, later_s: float = 0.0) -> Match:
    stretch = sample.stretch
    return match(stretch.times_s, stretch.measures, heard.times_s + later_s, heard.articulation)


def _shifted(
    samples: list[Sample], true: list[Match], model: LipModel
) -> tuple[list[float], list[float], int]:
    """Errors in ms of the offsets found in what was kept, against the shift, and against it and the offset
    found without; and how many were tried."""
    errors: list[float] = []
    drifts: list[float] = []
    for sample, own in zip(tqdm(samples, unit="clip", desc="shift"), true, strict=True):
        for shift in SHIFTS_MS:
            assert sample.portion.sound is not None
            moved = Portion(sample.portion.path, 0, _moved(sample.portion.sound, shift))
            heard = hear(moved, model)
            assert heard is not None
            found = _match(sample, heard)
            if not found.reason:
                errors.append(found.offset_s * 1000 - shift)
                if shift and not own.reason:
                    drifts.append((found.offset_s - own.offset_s) * 1000 - shift)
    return errors, drifts, len(samples) * len(SHIFTS_MS)


def _moved(sound: Samples, later_ms: int) -> Samples:
    """The same sound, later; silence comes in from outside."""
    places = abs(later_ms) * RATE // 1000
    silence = np.zeros(places, np.float32)
    whole = [silence, sound] if later_ms >= 0 else [sound[places:], silence]
    return np.concatenate(whole)


def _dubbed(samples: list[Sample]) -> tuple[int, int]:
    """Of all pairs of a face with another video's sound: how many were refused, and how many tried."""
    pairs = [
        (face, voice)
        for face in samples
        for voice in samples
        if face.video != voice.video and _seconds(voice) >= 0.8 * _seconds(face)
    ]
    random = np.random.default_rng(SEED)
    chosen = random.permutation(len(pairs))[:MOST_DUBBED]
    refused = 0
    for number in tqdm(chosen, unit="pair", desc="dub"):
        face, voice = pairs[number]
        later_s = float(face.stretch.times_s[0] - voice.stretch.times_s[0])
        refused += bool(_match(face, voice.heard, later_s).reason)
    return refused, len(chosen)


def _rate(name: str, events: int, trials: int) -> dict[str, float]:
    """A share with its events and Wilson's 95 % interval, which takes trials for independent."""
    interval = wilson(events, trials)
    if interval is None:
        return {}
    return {
        name: round(events / trials, 3),
        f"{name}_low": round(interval[0], 3),
        f"{name}_high": round(interval[1], 3),
        f"{name}_trials": trials,
    }


def _percentile(values: list[float], percent: float) -> float:
    return round(float(np.percentile(np.abs(values), percent)), 1)
