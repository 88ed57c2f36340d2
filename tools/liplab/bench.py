"""``liplab bench ...``: the measurements that the project quotes, each with its command."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from lipwright.cli import Commands, add_commands
from lipwright.files import write_report

BENCHES: Commands = {
    "wire": ("bytes a frame, beside other encodings", "liplab.bench_wire:add_parser"),
    "clock": ("error of the board time that the host predicts", "liplab.bench_clock:add_parser"),
    "firmware": (
        "cost of the firmware's tick, and the load of an RP2040",
        "liplab.bench_firmware:add_parser",
    ),
    "lips": ("time and instructions of the lip model, and what a Pi needs", "liplab.bench_lips:add_parser"),
    "live": ("the running service: late frames, memory, lips against sound", "liplab.bench_live:add_parser"),
    "pipeline": ("time and memory of sound to targets", "liplab.bench_pipeline:add_parser"),
    "scale": ("speed of several workers, and a run of which some die", "liplab.bench_scale:add_parser"),
    "camera": ("lipwright watch in real time on one core", "liplab.bench_camera:add_parser"),
    "improve": (
        "what watching gains on people held out, by how much was watched",
        "liplab.bench_improve:add_parser",
    ),
    "watch": ("offsets found and dubbed clips refused, on videos", "liplab.bench_watch:add_parser"),
}

EXAMPLES = """examples:
  liplab bench wire                   bytes a frame, beside JSON, plain CBOR and five bytes a servo
  liplab bench clock                  how well the host knows the board's clock, over a day
  liplab bench firmware --json -      the figures as JSON on standard output
  liplab bench lips                   the lip model's step here, and estimated on a Raspberry Pi
  liplab bench live --minutes 10      the service in real time: late frames, memory, lips against sound
  liplab bench pipeline clip.wav      real-time factor and the time of one 20 ms step
  liplab bench scale ~/grid           two workers beside one, and a run whose workers are killed
  liplab bench camera ~/grid          lipwright watch in real time on one core, films before the camera
  liplab bench improve ~/grid         what watching gains on people who were not watched
  liplab bench watch ~/grid           offsets found and dubbed clips refused, on a folder of videos
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``bench`` with its own subcommands to the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "bench",
        help="measure the wire, the firmware and the line",
        description="Measures what the project quotes; every figure in its documents comes from these.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_commands(parser, BENCHES)


def show_figures(figures: Mapping[str, float], where: str | None) -> None:
    """Prints figures, a line each, and writes them as JSON to a file; for ``-`` only as JSON."""
    if where != "-":
        for name, value in figures.items():
            print(f"{name:40} {value}")
    write_report(figures, where)
