"""`liplab predict`: the articulation that the lip model streams out for a sound, with no head in between."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from liplab.lips.measures import predict
from lipwright.audio.decode import RATE, open_sound
from lipwright.errors import LipwrightError
from lipwright.lips.model import ARTICULATION, LipModel

EXAMPLES = """example:
  liplab predict clip.wav -o lips.npz
the file holds t (seconds) and aperture, width, rounding, jaw and tuck (normalised), 50 times a second
"""


def add_parser(subparsers: Any) -> None:
    """Adds `liplab predict`."""
    parser = subparsers.add_parser(
        "predict",
        help="write the articulation that the lip model hears",
        description="Run the lip model over a sound as a stream and write what the lips should do.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sound", type=Path, help="any sound file, or a video with sound")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.npz", help="file to write")
    parser.add_argument(
        "--model", type=Path, metavar="FILE", help="another .tflite (default: the one in use)"
    )
    parser.set_defaults(do=do_predict)


def do_predict(arguments: argparse.Namespace) -> None:
    """Runs `liplab predict`."""
    if arguments.output.suffix != ".npz":
        raise LipwrightError(f"The output must end in .npz; write to {arguments.output.with_suffix('.npz')}.")
    if not arguments.output.absolute().parent.is_dir():
        raise LipwrightError(f"There is no folder {arguments.output.parent}; make it first.")
    samples = np.concatenate([np.zeros(0, np.float32), *open_sound(arguments.sound).blocks(RATE)])
    times, track = predict(LipModel.load(arguments.model), samples)
    np.savez(arguments.output, t=times, **{name: track[:, part] for part, name in enumerate(ARTICULATION)})
    print(f"{arguments.output}: {len(times)} steps of 20 ms")
