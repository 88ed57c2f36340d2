"""`liplab train`: teach the lip model on the corpus, quantize it, write it with its learning curve."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from liplab.evaluate.quantized import load_weights
from liplab.lips.attention import AttentionTrunk
from liplab.lips.card import CURVE_SUFFIX
from liplab.lips.code import LipCode, learn_code, load_code, save_code
from liplab.lips.dataset import CROP_STEPS, VERSIONS, Streams, make_streams, stored_streams
from liplab.lips.network import CHANNELS, ConvolutionalTrunk
from liplab.lips.outputs import write_codes, write_golden
from liplab.lips.package import write_model
from liplab.lips.teacher import TeacherTrunk, load_teacher
from liplab.lips.train import CROPS, SEED, STEPS, Plan, dev_utterances, train
from liplab.speech.command import add_corpus
from liplab.speech.corpus import held_parts
from lipwright import resources
from lipwright.audio.features import STEP_S
from lipwright.errors import LipwrightError
from lipwright.lips.model import MODEL_NAME

CODE_NAME = "lip_code.npz"
WEIGHTS_SUFFIX = "_weights.npz"
FEWEST_STEPS = 40  # the schedule of the learning rate has to fit in
TRAINED_STEPS = "trained_steps"  # beside the weights: how many steps they took
CALIBRATION_STREAMS, CALIBRATION_STEPS = 64, 600

TRUNKS = {
    "convolutional": ConvolutionalTrunk,
    "attention": AttentionTrunk,
    "teacher": TeacherTrunk,
}

EXAMPLES = """examples:
  liplab corpus && liplab train                remake the shipped lip model, for the shipped lip code;
                                               then judge it, with its card: liplab evaluate --card
  liplab train -o mine.tflite --steps 500      a quick one, beside it
  liplab train --from models/lip_model_weights.npz --steps 2000 -o mine.tflite
                                               go on from the shipped model, say after adding voices of yours
  liplab train --from models/lip_model_weights.npz --keep 0.5 --steps 2000 -o mine.tflite
                                               and stay halfway, so that less is forgotten
  liplab train --trunk attention               teach a transformer of the same cost, to compare: it is not
                                               exported, its dev scores lie in the run's curve.json
  liplab train --trunk teacher -o teacher.tflite && liplab train --teacher teacher_weights.npz
                                               teach a large network, which no head can run, and learn
                                               from its answers too
  liplab train --device cuda --crops 256 --versions 4
                                               on a graphics card: 25 times as much speech a second
  liplab train --babble babble.npz             a new lip code from a head's babbling: every head's face model
                                               must then be taught anew
  liplab train --codes codes.npz               also write what the model puts out on the training speech,
                                               which heads learn to speak with
A run that was stopped goes on where it stopped.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `liplab train`."""
    parser = subparsers.add_parser(
        "train",
        help="teach the lip model and export it",
        description="Teach the lip model on the corpus, quantize it to int8, and write the model, its "
        "metadata, its float weights and its learning curve.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_corpus(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: the shipped model")
    parser.add_argument("--steps", type=int, default=STEPS, help="of training (%(default)s)")
    parser.add_argument("--crops", type=int, default=CROPS, help="of 6 s, a step (%(default)s)")
    parser.add_argument(
        "--versions", type=int, default=VERSIONS, help="augmented versions of the corpus (%(default)s)"
    )
    parser.add_argument("--device", default="cpu", help="torch's name of what computes (%(default)s)")
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        help="that work at once (%(default)s); the weights depend on it a little",
    )
    parser.add_argument("--trunk", choices=TRUNKS, default="convolutional", help="%(default)s by default")
    parser.add_argument(
        "--from",
        type=Path,
        dest="start",
        metavar="FILE.npz",
        help="begin with the weights of another run",
    )
    parser.add_argument(
        "--keep",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="with --from: so much of the weights begun with stays in those that come out (0 to 1), which "
        "forgets less (Wortsman et al. 2022)",
    )
    parser.add_argument(
        "--teacher", type=Path, metavar="FILE.npz", help="weights of a trained teacher to learn from too"
    )
    parser.add_argument(
        "--babble", type=Path, metavar="FILE", help="learn a lip code from this babbling first"
    )
    parser.add_argument("--codes", type=Path, metavar="FILE", help="write lip codes of speech here as well")
    parser.set_defaults(do=do_train)


def do_train(arguments: argparse.Namespace) -> None:
    """Runs `liplab train`."""
    output = arguments.output or resources.models_dir() / MODEL_NAME
    if output.suffix != ".tflite" or not output.absolute().parent.is_dir():
        raise LipwrightError("The output must end in .tflite and lie in a folder that exists.")
    if arguments.steps < FEWEST_STEPS:
        raise LipwrightError(f"Training needs at least {FEWEST_STEPS} steps; give a larger --steps.")
    if not 0 <= arguments.keep < 1 or (arguments.keep and arguments.start is None):
        raise LipwrightError("--keep is a share of what --from begins with: from 0 to below 1.")
    torch.set_num_threads(max(1, arguments.threads))
    folder = arguments.corpus.expanduser()
    parts = held_parts(folder)
    make_streams(folder, parts, arguments.versions)
    streams = stored_streams(folder, parts, arguments.versions, _device(arguments.device))
    code_path = output.with_name(CODE_NAME)
    if arguments.babble:
        code = _learned_code(arguments.babble, streams, code_path)
    else:
        code = load_code(code_path if code_path.exists() else resources.models_dir() / CODE_NAME)
    start = load_weights(arguments.start) if arguments.start else None
    before = int(start.get(TRAINED_STEPS, 0)) if start else 0
    run = folder / "runs" / f"{output.stem}-{arguments.trunk}-{before}-{arguments.steps}"
    plan = Plan(
        arguments.steps,
        arguments.crops,
        TRUNKS[arguments.trunk],
        start,
        load_teacher(arguments.teacher) if arguments.teacher else None,
    )
    try:
        network = train(run, streams, code, dev_utterances(folder, parts), plan)
    except ValueError as error:
        raise LipwrightError(f"Training cannot go on from {arguments.start}: {error}.") from error
    kept = output.with_name(output.stem + WEIGHTS_SUFFIX)
    weights = network.weights()
    if start is not None:
        weights = {
            name: value + np.float32(arguments.keep) * (start[name] - value)
            for name, value in weights.items()
        }
    np.savez_compressed(kept, **weights, **{TRAINED_STEPS: np.array(before + arguments.steps)})
    if arguments.trunk != "convolutional":
        print(f"{kept}; the dev scores of the {arguments.trunk} trunk lie in {run / 'curve.json'}.")
        return
    recordings = streams.recordings(CALIBRATION_STREAMS, CALIBRATION_STEPS, np.random.default_rng(SEED))
    facts = {
        "training": {
            "seed": SEED,
            "steps": arguments.steps,
            "steps_before": before,
            "kept": arguments.keep,
            "threads": arguments.threads,
            "channels": CHANNELS,
            "crops": arguments.crops,
            "device": arguments.device,
            "teacher": arguments.teacher is not None,
            "crop_s": CROP_STEPS * STEP_S,
            "augmented_hours": round(streams.hours, 1),
            "sources": [asdict(part) for part in parts if part.split == "train"],
        }
    }
    write_model(weights, recordings, output, facts)
    write_golden(output)
    shutil.copyfile(run / "curve.png", output.with_name(output.stem + CURVE_SUFFIX))
    print(f"{output}; its float weights: {kept}")
    if arguments.codes is not None:
        write_codes(output, folder, parts, arguments.codes)


def _device(name: str) -> torch.device:
    try:
        return torch.zeros(1, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise LipwrightError(f"torch cannot compute on {name} here; try --device cpu.") from error


def _learned_code(babble: Path, streams: Streams, path: Path) -> LipCode:
    try:
        with np.load(babble) as stored:
            lips, measured = stored["lips"], stored["articulation"]
    except (OSError, KeyError, ValueError) as error:
        raise LipwrightError(f"{babble} is no babbling; record it with: liplab head --babble.") from error
    code, errors = learn_code(lips.reshape(len(lips), -1), measured, streams.wanted())
    print("lip code:", ", ".join(f"{name} {value:.3f}" for name, value in errors.items()))
    save_code(code, path)
    return code
