"""``liplab bench pipeline``: what one 20 ms step of features, lip model and face model costs here."""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from liplab.bench import show_figures
from lipwright import resources
from lipwright.audio.decode import open_sound
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile
from lipwright.lips.model import LipModel
from lipwright.performance import BLOCK_SAMPLES, Performer

# Enough steps that the 99th percentile rests on some thirty of them.
STEPS = 3000
# The first steps fill caches and are not what a running head pays.
WARM_UP_STEPS = 100


def add_parser(subparsers: Any) -> None:
    """Adds ``pipeline`` to ``liplab bench``."""
    parser = subparsers.add_parser(
        "pipeline",
        help="time features, lip model and face model, single-threaded",
        description="Times the host's whole step (features, lip model, face model) on one thread, "
        "over the shipped sentence or a clip of yours, again and again.",
        epilog="example: liplab bench pipeline --json -",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "clip", nargs="?", type=Path, help="sound to run over (default: the shipped sentence)"
    )
    parser.add_argument("--profile", type=Path, help="head profile (default: the reference head)")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_bench_pipeline)


def do_bench_pipeline(arguments: argparse.Namespace) -> None:
    """Prints the figures, and writes them where asked."""
    show_figures(
        bench_pipeline(arguments.clip or resources.shipped_clip(), arguments.profile), arguments.json
    )


def bench_pipeline(clip: Path, profile_path: Path | None = None) -> dict[str, float]:
    """Runs ``STEPS`` steps over the clip, each timed by itself.

    Returns flat keys with their units. The real-time factor is sound time over processor time of the
    process, so that threads, if any, count against it.
    """
    profile = load_profile(profile_path)
    lip_model, face_model = LipModel.load(), FaceModel.load(profile)
    blocks = list(open_sound(clip).blocks(BLOCK_SAMPLES))
    performer = Performer(lip_model, face_model, profile)
    step_ms: list[float] = []
    busy_s = 0.0
    for index in range(WARM_UP_STEPS + STEPS):
        block = blocks[index % len(blocks)]
        wall, busy = time.perf_counter(), time.process_time()
        for _pose in performer.push(block):
            pass
        if index >= WARM_UP_STEPS:
            busy_s += time.process_time() - busy
            step_ms.append((time.perf_counter() - wall) * 1000)
    p50, p99 = np.percentile(step_ms, [50, 99])
    sound_s = STEPS * performer.step_s
    return {
        "realtime_factor": round(sound_s / busy_s, 1),
        "step_ms_p50": round(float(p50), 4),
        "step_ms_p99": round(float(p99), 4),
        "step_ms_max": round(max(step_ms), 4),
        "steps": STEPS,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
