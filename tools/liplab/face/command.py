"""`liplab face`: babble, teach a face model, and judge it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from liplab.face.babble import Babble, babble
from liplab.face.evaluate import FaceScores, perform_speech, score
from liplab.face.speech import load_speech
from liplab.head.measures import ARTICULATION
from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile
from lipwright.files import write_report
from lipwright.resources import models_dir

LIP_CODE = "lip_code.npz"

EXAMPLES = """examples:
  liplab face babble -o babble.npz                 20 minutes of trying mouths on the simulated head
  liplab face train --codes codes.npz              babble, then teach the reference head's face model
  liplab face evaluate --codes codes.npz --json -  how well its lips do what they are asked
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``liplab face``."""
    parser = subparsers.add_parser(
        "face",
        help="teach the face model of a head",
        description="Teach the simulated head's face model from babbling, and judge it after the actuator.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    babbling = actions.add_parser("babble", help="record what the lips do on random mouths")
    babbling.add_argument("-o", "--output", type=Path, required=True, help="the .npz file to write")
    babbling.add_argument("--frames", type=int, default=60_000, help="frames of 20 ms (default: %(default)s)")
    babbling.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    babbling.set_defaults(do=do_babble)

    training = actions.add_parser("train", help="make the model, its card and its curves")
    _add_codes(training)
    training.add_argument("--babble", type=Path, metavar="FILE", help="use this babble instead of a new one")
    training.add_argument("--lip-code", type=Path, metavar="FILE", help="the code (default: the shipped one)")
    training.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    training.add_argument(
        "-o", "--output", type=Path, help="the .tflite to write (default: what the profile names)"
    )
    training.set_defaults(do=do_train)

    judging = actions.add_parser("evaluate", help="judge a model on speech that it was not taught with")
    _add_codes(judging)
    judging.add_argument("--seconds", type=float, default=300.0, help="of speech (default: %(default)s)")
    judging.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    judging.set_defaults(do=do_evaluate)


def _add_codes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--codes", type=Path, required=True, help="lip codes of speech, from `liplab train --codes`"
    )
    parser.add_argument("--profile", type=Path, help="head profile (default: the reference head)")


def do_babble(arguments: argparse.Namespace) -> None:
    """Runs ``liplab face babble``."""
    if arguments.frames < 1000:
        raise LipwrightError("A babble needs at least 1000 frames; give a larger --frames.")
    babbled = babble(load_profile(), arguments.frames, arguments.seed)
    try:
        babbled.save(arguments.output)
    except OSError as error:
        raise LipwrightError(
            f"The babble cannot be written to {arguments.output}: {error.strerror}."
        ) from error
    print(f"wrote {arguments.output}: {arguments.frames} frames")


def do_train(arguments: argparse.Namespace) -> None:
    """Runs ``liplab face train``."""
    from liplab.face.card import draw_curves, write_card
    from liplab.face.train import train
    from liplab.lips.code import load_code

    profile = load_profile(arguments.profile)
    speech = load_speech(arguments.codes)
    path = arguments.output or models_dir() / profile.face_model
    babbled = None
    if arguments.babble is not None:
        try:
            babbled = Babble.load(arguments.babble)
        except (OSError, KeyError, ValueError) as error:
            raise LipwrightError(
                f"The babble {arguments.babble} cannot be read ({error}); make one with `liplab face babble`."
            ) from error
    decode = load_code(arguments.lip_code or models_dir() / LIP_CODE).articulation
    lesson = train(profile, speech, decode, arguments.seed, path, babbled)
    card = write_card(path, profile, speech, arguments.seed, lesson)
    curves = draw_curves(path.with_suffix(".png"), lesson, profile)
    print(summary(lesson.scores))
    print(f"wrote {path}, {path.with_suffix('.json').name}, {card.name} and {curves.name}")


def do_evaluate(arguments: argparse.Namespace) -> None:
    """Runs ``liplab face evaluate``."""
    profile = load_profile(arguments.profile)
    _, held_out = load_speech(arguments.codes).split()
    model = FaceModel.load(profile)
    scores = score(perform_speech(model, profile, held_out, arguments.seconds, "speaking"), profile)
    print(summary(scores), file=sys.stderr if arguments.json == "-" else sys.stdout)
    write_report(scores.as_dict(), arguments.json)


def summary(scores: FaceScores) -> str:
    """The scores in a few lines for people."""
    lines = [f"{'after the actuator':<20}" + "".join(f"{name:>10}" for name in ARTICULATION)]
    for title, row in (
        ("r", scores.r),
        ("rmse, normalised", scores.rmse),
        ("range ratio", scores.range_ratio),
    ):
        lines.append(f"{title:<20}" + "".join(f"{row[name]:10.3f}" for name in ARTICULATION))
    lines.append(
        f"closures made {scores.closure_rate:.3f} of {scores.closures}, false ones "
        f"{scores.false_closures_per_minute:.1f} a minute; offset {scores.offset_ms} ms "
        f"(negative: lips lead), p95 {scores.offset_p95_ms} ms; {scores.seconds:.0f} s judged"
    )
    return "\n".join(lines)
