"""`liplab evaluate`: judge a lip model on speech that it never heard, beside baselines and peers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from liplab.evaluate.page import write_page
from liplab.evaluate.peers import find_peers
from liplab.evaluate.quantized import load_weights
from liplab.evaluate.report import Judged, make_report
from liplab.evaluate.sets import (
    Clip,
    JudgedSet,
    Voice,
    corpus_voices,
    grid_voice,
    judged_sets,
    own_voice,
    song_voice,
)
from liplab.evaluate.table import training_clips
from liplab.evaluate.text import text_table
from liplab.lips.card import write_card
from liplab.speech.command import add_corpus
from liplab.speech.corpus import Part, held_parts
from lipwright import resources
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile
from lipwright.files import make_folder, write_report
from lipwright.lips.model import MODEL_NAME

LIMITS = "## Limits"  # the card's last section, which people write

EXAMPLES = """examples:
  liplab evaluate                              the shipped model, after the actuator of the simulated head
  liplab evaluate --before-actuator            straight from the model
  liplab evaluate --grid DIR --songs DIR       people before a camera, and singers, as well
  liplab evaluate --sets fr ja all             only these rows
  liplab evaluate --clip me.wav --track me.npz --before-actuator
                                               one recording against the lips that a camera measured
  liplab evaluate --before-actuator --peers tools/peers --page report.html
                                               other people's lip models beside it, on a page with plots
  liplab evaluate --before-actuator --card     write what was measured into the model's card
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
    parser.add_argument(
        "--profile", type=Path, help="head that speaks after the actuator (default: the reference head)"
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
    parser.add_argument(
        "--peers", type=Path, metavar="DIR", help="other lip models beside it (tools/peers, installed)"
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE.npz",
        help="the network before it was quantized: also say what int8 loses",
    )
    parser.add_argument(
        "--page", type=Path, metavar="FILE.html", help="write tables and plots as one page to look at"
    )
    parser.add_argument(
        "--card",
        action="store_true",
        help="write the model's card and scores beside it; the card's section on limits stays as it is",
    )
    parser.add_argument("--json", metavar="FILE", help="write every figure as JSON; - for standard output")
    parser.set_defaults(do=do_evaluate)


def do_evaluate(arguments: argparse.Namespace) -> None:
    """Runs `liplab evaluate`."""
    if (arguments.clip is None) != (arguments.track is None):
        raise LipwrightError("A recording and its lips go together; give both --clip and --track.")
    if arguments.card and not arguments.before_actuator:
        raise LipwrightError("The card tells what the model does before the actuator; add --before-actuator.")
    if arguments.json not in (None, "-"):
        make_folder(Path(arguments.json).parent)
    if arguments.page is not None:
        make_folder(arguments.page.parent)
    judged = _judged(arguments)
    path = arguments.model or resources.models_dir() / MODEL_NAME
    report = make_report(path, judged)
    print(text_table(report), file=sys.stderr)
    write_report(report, arguments.json)
    if arguments.card:
        _write_card(path, report)
    if arguments.page is not None:
        write_page(report, arguments.page)
        print(f"wrote {arguments.page}", file=sys.stderr)


def _write_card(path: Path, report: dict[str, Any]) -> None:
    card = path.with_suffix(".md")
    held = card.read_text(encoding="utf-8") if card.is_file() else ""
    _, heading, limits = held.partition(LIMITS)
    write_card(
        path, report, heading + limits if heading else f"{LIMITS}\n\nNobody has written them down yet."
    )
    write_report(report, str(path.with_name(f"{path.stem}_scores.json")))
    print(f"wrote {card}", file=sys.stderr)


def _judged(arguments: argparse.Namespace) -> Judged:
    folder = arguments.corpus.expanduser()
    parts = _parts(arguments)
    voices, sets = _chosen(arguments, parts)
    training: list[Clip] = []
    if parts:
        training = training_clips(folder, parts)
        if not any(voice.split == "dev" for voice in voices):
            print(f"The corpus in {folder} has no dev voice: no baselines and no viseme F1.", file=sys.stderr)
    return Judged(
        voices,
        sets,
        training,
        weights=load_weights(arguments.weights) if arguments.weights else None,
        peers=find_peers(arguments.peers) if arguments.peers else (),
        head=None if arguments.before_actuator else load_profile(arguments.profile),
    )


def _parts(arguments: argparse.Namespace) -> list[Part]:
    """The corpus's parts; none for a recording of one's own, or where people were given and no corpus is."""
    if arguments.clip is not None:
        return []
    try:
        return held_parts(arguments.corpus.expanduser())
    except LipwrightError as error:
        if arguments.grid is None and arguments.songs is None:
            raise
        print(f"{error} Only people are judged: no baselines, no noise, no viseme F1.", file=sys.stderr)
        return []


def _chosen(arguments: argparse.Namespace, parts: list[Part]) -> tuple[list[Voice], list[JudgedSet]]:
    """Voices and sets that were asked for; dev voices are always among the voices, since they set gains."""
    if arguments.clip is not None:
        voice = own_voice(arguments.clip, arguments.track)
        return [voice], [JudgedSet(voice.name, (voice,))]
    folder = arguments.corpus.expanduser()
    voices = corpus_voices(folder, parts)
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
