"""``liplab bench wire``: what a frame costs on the wire, beside other ways to write the same targets."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cbor2
import numpy as np

from facewire import framing
from facewire.constants import TICKS_MASK
from liplab.bench import show_figures
from lipwright import resources
from lipwright.audio.decode import open_sound
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile
from lipwright.link.frames import FrameEncoder, positions_of
from lipwright.link.messages import FullFrame, encode
from lipwright.lips.model import LipModel
from lipwright.performance import BLOCK_SAMPLES, Performer

# A board that has been on for some minutes: the count of its clock is then as long as it stays for hours.
BOARD_START_MS = 600_000
# Start, servo, two bytes of position, checksum: what simple servo protocols send for each servo.
SERVO_FRAME_BYTES = 5

Encoder = Callable[[int, int, Sequence[int]], int]


def add_parser(subparsers: Any) -> None:
    """Adds ``wire`` to ``liplab bench``."""
    parser = subparsers.add_parser(
        "wire",
        help="bytes a frame, beside other encodings",
        description="Speaks a clip through the models and writes every frame as it goes to a board, "
        "and beside it as JSON, as a plain CBOR array (same framing and CRC) and as five bytes a servo.",
        epilog="example: liplab bench wire clip.wav --json -",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clip", nargs="?", type=Path, help="sound to speak (default: the shipped sentence)")
    parser.add_argument("--profile", type=Path, help="head profile (default: the reference head)")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_bench_wire)


def do_bench_wire(arguments: argparse.Namespace) -> None:
    """Prints the figures, and writes them where asked."""
    show_figures(bench_wire(arguments.clip or resources.shipped_clip(), arguments.profile), arguments.json)


def bench_wire(clip: Path, profile_path: Path | None = None) -> dict[str, float]:
    """Bytes of each frame of a spoken clip, mean and maximum, in four encodings; flat keys."""
    profile = load_profile(profile_path)
    performer = Performer(LipModel.load(), FaceModel.load(profile), profile)
    encoder = FrameEncoder(len(profile.channels))
    sizes: dict[str, list[int]] = {name: [] for name in ("", *OTHERS)}
    full_sizes = []
    sound = open_sound(clip)
    for block in sound.blocks(BLOCK_SAMPLES):
        for pose in performer.push(block):
            positions = positions_of(pose.targets)
            time_ms = (BOARD_START_MS + round(pose.time_s * 1000)) & TICKS_MASK
            number = len(sizes[""])
            sizes[""].append(len(encoder.encode(positions, time_ms, pose.time_s)))
            full_sizes.append(len(encode(FullFrame(number, time_ms, positions))))
            for name, other in OTHERS.items():
                sizes[name].append(other(number, time_ms, positions))
    figures: dict[str, float] = {
        "frames": len(sizes[""]),
        "channels": len(profile.channels),
        "bytes_full_frame_max": max(full_sizes),
    }
    for name, values in sizes.items():
        figures[f"{name}bytes_frame_mean"] = round(float(np.mean(values)), 2)
        figures[f"{name}bytes_frame_max"] = max(values)
    return figures


def _json(number: int, time_ms: int, positions: Sequence[int]) -> int:
    message = {"type": "motion", "seq": number, "t": time_ms, "positions": positions}
    return len(json.dumps(message, separators=(",", ":"))) + 1  # a line


def _cbor_array(number: int, time_ms: int, positions: Sequence[int]) -> int:
    return len(framing.wrap(cbor2.dumps([1, number, time_ms, list(positions)])))


def _servo_by_servo(number: int, time_ms: int, positions: Sequence[int]) -> int:
    return SERVO_FRAME_BYTES * len(positions)


OTHERS: dict[str, Encoder] = {
    "json_": _json,
    "cbor_array_": _cbor_array,
    "five_byte_per_servo_": _servo_by_servo,
}
