"""``liplab bench lips``: what one 20 ms step of features and lip model costs, here and, estimated, on a Pi.

Time is measured on one thread. Instructions are counted by callgrind (Debian's package valgrind; hardware
counters are missing in most virtual machines) on a small process that does a number of steps more than
another: the difference leaves the start of Python out. Counts are exact and do not depend on how busy the
machine is.

The estimate for a Raspberry Pi is reasoning, not measurement: time = instructions / (clock x instructions a
cycle), between two bounds.

- Low: the Pi needs as many instructions as were counted here, and gets the higher rate of `BOARDS`.
- High: Python, numpy and the runtime's own code need `PLAIN_FACTOR` as many (A64 needs about as many as
  x86-64; 15 % for what vectors of 128 bits cost numpy). The multiply-accumulates are added once more at the
  board's own rate, as if none of the counted instructions had done them, and the rate is the lower one.

The rates are assumptions. A Cortex-A53 issues at most two instructions a cycle, in order, and waits for every
miss: interpreted code whose data (model, Python) does not fit into 512 kB of shared cache gets 0.5 to 0.9. A
Cortex-A72 reorders three, an A76 four. Multiply-accumulates an instruction: int8 without the dot-product
instructions (A53, A72) takes a widening multiply and a pairwise add for 8, and a load for every few: 2.5; an
A76 has SDOT, which does 16, with its loads 8.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from liplab.bench import show_figures
from lipwright import resources, tflite
from lipwright.audio.decode import open_sound
from lipwright.audio.features import STEP_S, STEP_SAMPLES, StreamingLogMel
from lipwright.errors import LipwrightError
from lipwright.lips.model import MODEL_NAME, LipModel

# Enough steps that the 99th percentile rests on some thirty of them.
STEPS = 3000
# The first steps fill caches and are not what a running head pays.
WARM_UP_STEPS = 100
COUNTED_STEPS = 40  # callgrind is slow; the count of a step varies by less than 1 %
PLAIN_FACTOR = 1.15
DENSE = "FULLY_CONNECTED"
# Operators that multiply nothing with weights.
LIGHT = frozenset({"CONCATENATION", "ADD", "DELEGATE", "RESHAPE", "QUANTIZE"})
PARTS = ("start", "features", "step")

_COLLECTED = re.compile(r"Collected : (\d+)")


class Board(NamedTuple):
    """What is assumed of a Raspberry Pi: clock, instructions a cycle, multiply-accumulates an instruction."""

    name: str
    key: str
    ghz: float
    slow: float
    fast: float
    multiplies: float


BOARDS = (
    Board("Pi Zero 2 W (Cortex-A53)", "pi_zero_2_w", 1.0, 0.5, 0.9, 2.5),
    Board("Pi 4 (Cortex-A72)", "pi_4", 1.8, 0.9, 1.6, 2.5),
    Board("Pi 5 (Cortex-A76)", "pi_5", 2.4, 1.4, 2.5, 8.0),
)

EXAMPLES = """examples:
  liplab bench lips                          time, instructions, and what a Pi would need
  liplab bench lips --model my.tflite        another lip model, with its .json beside it
  liplab bench lips --json -                 the figures as JSON on standard output
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``lips`` to ``liplab bench``."""
    parser = subparsers.add_parser(
        "lips",
        help="time and instructions of features and lip model, with an estimate for a Raspberry Pi",
        description="Times a 20 ms step of features and lip model on one thread over the shipped sentence, "
        "counts its instructions with callgrind where valgrind is installed, and estimates from them what a "
        "Raspberry Pi would need.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="a .tflite (default: the shipped one)")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_bench_lips)


def do_bench_lips(arguments: argparse.Namespace) -> None:
    """Prints the figures and how the estimate came about, and writes the figures where asked."""
    figures = bench_lips(arguments.model)
    show_figures(figures, arguments.json)
    if arguments.json != "-" and "instructions_per_step" in figures:
        print("\n" + reasoning(figures))


def bench_lips(model_path: Path | None = None) -> dict[str, Any]:
    """All figures, flat, with their units in their names; without valgrind `instructions_missing` says so.

    Raises LipwrightError when the model cannot be read or has operators whose cost is not known.
    """
    path = model_path or resources.models_dir() / MODEL_NAME
    figures: dict[str, Any] = {
        **time_steps(path),
        "model_bytes": path.stat().st_size,
        "multiply_accumulates_per_step": multiply_accumulates(path),
    }
    if shutil.which("valgrind") is None:
        figures["instructions_missing"] = "install valgrind: sudo apt install valgrind"
        return figures
    counts = count_instructions(path)
    figures |= counts
    for board in BOARDS:
        figures |= estimate(board, counts["instructions_per_step"], figures["multiply_accumulates_per_step"])
    return figures


def time_steps(path: Path) -> dict[str, float]:
    """Times STEPS steps, each by itself, over the shipped sentence again and again.

    The real-time factor is sound time over processor time of the process, so that threads count against it.
    """
    model, features = LipModel.load(path), StreamingLogMel()
    state = model.initial_state()
    blocks = list(open_sound(resources.shipped_clip()).blocks(STEP_SAMPLES))[:-1]  # the last may be shorter
    step_ms: list[float] = []
    busy_s = 0.0
    for number in range(WARM_UP_STEPS + STEPS):
        block = blocks[number % len(blocks)]
        wall, busy = time.perf_counter(), time.process_time()
        for step in features.push(block):
            model.step(step, state)
        if number >= WARM_UP_STEPS:
            busy_s += time.process_time() - busy
            step_ms.append((time.perf_counter() - wall) * 1000)
    p50, p99 = np.percentile(step_ms, [50, 99])
    return {
        "realtime_factor": round(STEPS * STEP_S / busy_s, 1),
        "step_ms_p50": round(float(p50), 4),
        "step_ms_p99": round(float(p99), 4),
        "step_ms_max": round(max(step_ms), 4),
        "steps": STEPS,
        "lookahead_ms": model.lookahead_ms,
        "state_bytes": sum(ring.nbytes for ring in state.rings),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def multiply_accumulates(path: Path) -> int:
    """Multiply-accumulates of one step: every weight of a dense layer is used once.

    Raises LipwrightError for a graph with other operators that multiply, whose count would be wrong.
    """
    # Neither runtime tells its operators through anything public.
    interpreter = tflite.Interpreter(tflite.read_model(path)[0])._interpreter
    shapes = {tensor["index"]: tensor["shape"] for tensor in interpreter.get_tensor_details()}
    total = 0
    for operator in interpreter._get_ops_details():
        if operator["op_name"] == DENSE:
            total += int(np.prod(shapes[operator["inputs"][1]]))
        elif operator["op_name"] not in LIGHT:
            raise LipwrightError(
                f"{path} has the operator {operator['op_name']}, whose multiply-accumulates this bench does "
                "not know; teach it in multiply_accumulates()."
            )
    return total


def count_instructions(path: Path) -> dict[str, Any]:
    """Instructions of a step, and of its features alone, by callgrind."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",  # so that two runs start alike
    }
    collected = {}
    for part in tqdm(PARTS, unit="run", desc="callgrind"):
        program = f"from liplab.bench_lips import drive; drive({part!r}, {str(path)!r})"
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        done = subprocess.run(
            [*command, sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        match = _COLLECTED.search(done.stderr)
        if done.returncode or match is None:
            raise LipwrightError(f"valgrind could not run Python: {done.stderr.strip()[-300:]}.")
        collected[part] = int(match[1])
    by_part = {
        part: round((collected[part] - collected["start"]) / COUNTED_STEPS) for part in ("features", "step")
    }
    return {
        "instructions_per_step": by_part["step"],
        "features_instructions_per_step": by_part["features"],
        "instructions_counted_by": "callgrind",
    }


def drive(part: str, path: str) -> None:
    """What callgrind watches: everything once or twice, then COUNTED_STEPS more of a part of `PARTS`."""
    # Counted are the kernels that a Pi runs, whatever is faster here.
    tflite.OPTIONS.pop("experimental_op_resolver_type", None)
    model, features = LipModel.load(Path(path)), StreamingLogMel()
    state = model.initial_state()
    random = np.random.default_rng(0)
    for number in range(2 + COUNTED_STEPS):
        samples = random.standard_normal(STEP_SAMPLES).astype(np.float32)
        if number >= 2 and part == "start":
            continue
        for step in features.push(samples):
            if number < 2 or part == "step":
                model.step(step, state)


def estimate(board: Board, instructions: int, multiplies: int) -> dict[str, float]:
    """Milliseconds of a step on a board, low and high, and the share of the 20 ms that the high one takes."""
    low = instructions / (board.fast * board.ghz * 1e6)
    most = instructions * PLAIN_FACTOR + multiplies / board.multiplies
    high = most / (board.slow * board.ghz * 1e6)
    return {
        f"{board.key}_step_ms_low": round(low, 2),
        f"{board.key}_step_ms_high": round(high, 2),
        f"{board.key}_load_percent_high": round(high / (STEP_S * 1000) * 100, 1),
    }


def reasoning(figures: dict[str, Any]) -> str:
    """How the estimate came about, in words, with its numbers."""
    instructions, multiplies = (
        figures["instructions_per_step"],
        figures["multiply_accumulates_per_step"],
    )
    lines = [
        f"Estimate: {instructions:,} instructions a step, counted here by callgrind, of which"
        f" {figures['features_instructions_per_step']:,} are features; time = instructions / (clock x"
        " instructions a cycle).",
        f"Low: as many instructions. High: {PLAIN_FACTOR} times as many, and the {multiplies:,}"
        " multiply-accumulates once more at the board's own rate. Rates are assumptions, not measured:",
    ]
    lines += [
        f"  {board.name}: {board.ghz} GHz, {board.slow} to {board.fast} a cycle, {board.multiplies}"
        f" multiply-accumulates an instruction: {figures[board.key + '_step_ms_low']} to"
        f" {figures[board.key + '_step_ms_high']} ms of 20"
        for board in BOARDS
    ]
    return "\n".join(lines)
