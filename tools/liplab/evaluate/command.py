"""`liplab evaluate`: judge a lip model on speech that it never heard, beside baselines and peers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from liplab.evaluate import noise
from liplab.evaluate.bars import bars
from liplab.evaluate.sets import (
    JudgedSet,
    Voice,
    corpus_voices,
    grid_voice,
    judged_sets,
    own_voice,
    song_voice,
)
from liplab.evaluate.table import (
    Evaluation,
    drift,
    fitted_baselines,
    hearing,
    model_facts,
    training_clips,
)
from liplab.evaluate.text import text_table
from liplab.lips.measures import predict
from liplab.speech.command import add_corpus
from liplab.speech.corpus import held_parts
from lipwright import resources
from lipwright.errors import LipwrightError
from lipwright.files import make_folder, write_report
from lipwright.lips.model import MODEL_NAME, LipModel

EXAMPLES = """examples:
  liplab evaluate                              the shipped model, after the actuator of the simulated head
  liplab evaluate --before-actuator            straight from the model
  liplab evaluate --grid DIR --songs DIR       people before a camera, and singers, as well
  liplab evaluate --sets fr ja all             only these rows
  liplab evaluate --clip me.wav --track me.npz --before-actuator
                                               one recording against the lips that a camera measured
  liplab evaluate --json report.json           every figure as JSON; - for standard output
"""


def add_parser(subparsers: Any) -> None:
    """Adds `liplab evaluate`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="judge a lip model on speech that it never heard",
        description="Judge a lip model on every held-out language and voice of the corpus, beside baselines "
        "and controls, with events and 95 % intervals.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_corpus(parser)
    parser.add_argument(
        "--model", type=Path, metavar="FILE", help="another .tflite (default: the shipped one)"
    )
    parser.add_argument(
        "--before-actuator", action="store_true", help="straight from the model, without the simulated head"
    )
    parser.add_argument("--sets", nargs="+", metavar="NAME", help="only these rows of the table")
    parser.add_argument(
        "--grid", type=Path, metavar="DIR", help="GRID clips (grid_*.mpg, each with a lip track .npz)"
    )
    parser.add_argument(
        "--songs", type=Path, metavar="DIR", help="songs (NAME.wav with NAME.lab or NAME.phones.json)"
    )
    parser.add_argument("--clip", type=Path, metavar="SOUND", help="judge one recording, and nothing else")
    parser.add_argument(
        "--track", type=Path, metavar="FILE.npz", help="its measured lips: t (s), aperture, width"
    )
    parser.add_argument("--json", metavar="FILE", help="write every figure as JSON; - for standard output")
    parser.set_defaults(do=do_evaluate)


def do_evaluate(arguments: argparse.Namespace) -> None:
    """Runs `liplab evaluate`."""
    if (arguments.clip is None) != (arguments.track is None):
        raise LipwrightError("A recording and its lips go together; give both --clip and --track.")
    if arguments.json not in (None, "-"):
        make_folder(Path(arguments.json).parent)
    path = arguments.model or resources.models_dir() / MODEL_NAME
    model = LipModel.load(path)
    report = {"model": model_facts(path, model)} | _evaluated(arguments, model)
    report["bars"] = bars(report, report["sets"])
    print(text_table(report), file=sys.stderr)
    write_report(report, arguments.json)


def _evaluated(arguments: argparse.Namespace, model: LipModel) -> dict[str, Any]:
    voices, sets = _chosen(arguments)
    evaluation = Evaluation(voices, sets)
    hear = hearing(model)
    tracks = evaluation.heard(hear, "lip model")
    scored = evaluation.scored(tracks)
    report: dict[str, Any] = {
        "actuator": "before",
        "sets": evaluation.measured(scored),
        "voices": evaluation.by_voice(scored),
    }
    if arguments.clip is not None:
        return report
    folder = arguments.corpus.expanduser()
    training = training_clips(folder, held_parts(folder))
    baselines = fitted_baselines(voices, training)
    if baselines is not None:
        rows = {name: evaluation.heard(hears, name) for name, hears in baselines.tracks.items()}
        rows |= evaluation.control_tracks(baselines.pose, tracks)
        report["baselines"] = {
            name: {"sets": evaluation.measured(evaluation.scored(row))} for name, row in rows.items()
        }
    report["noise"] = evaluation.in_noise(hear, tracks, training)
    report["noise_alone"] = noise.alone(lambda samples: predict(model, samples)[1])
    report["drift"] = drift(model, np.concatenate([clip.samples for voice in voices for clip in voice.clips]))
    return report


def _chosen(arguments: argparse.Namespace) -> tuple[list[Voice], list[JudgedSet]]:
    """Voices and sets that were asked for; dev voices are always among the voices, since they set gains."""
    if arguments.clip is not None:
        voice = own_voice(arguments.clip, arguments.track)
        return [voice], [JudgedSet(voice.name, (voice,))]
    folder = arguments.corpus.expanduser()
    voices = corpus_voices(folder, held_parts(folder))
    if arguments.grid is not None:
        voices.append(grid_voice(arguments.grid.expanduser()))
    if arguments.songs is not None:
        voices.append(song_voice(arguments.songs.expanduser()))
    sets = judged_sets(voices)
    if arguments.sets:
        names = [judged.name for judged in sets]
        unknown = [name for name in arguments.sets if name not in names]
        if unknown:
            raise LipwrightError(f"There is no set {unknown[0]}; there are: {', '.join(names)}.")
        sets = [judged for judged in sets if judged.name in arguments.sets]
        kept = {voice.name for judged in sets for voice in judged.voices}
        voices = [voice for voice in voices if voice.name in kept or voice.split == "dev"]
    if not sets:
        raise LipwrightError(f"The corpus in {folder} holds nothing to judge on; make more: liplab corpus.")
    return voices, sets
