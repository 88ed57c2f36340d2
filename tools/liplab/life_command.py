"""``liplab life``: what a living face does, beside what people do."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from liplab.life_closures import closure_figures, script, speak, with_life
from liplab.life_picture import draw_life
from liplab.life_statistics import live, outside, ranges_of, spoken_poses, statistics
from lipwright import resources
from lipwright.errors import LipwrightError
from lipwright.face.expressions import EXPRESSIONS
from lipwright.face.manners import MANNERS
from lipwright.face.profile import load_profile
from lipwright.files import write_report

OFF = "life off"

EXAMPLES = """examples:
  liplab life                        ten minutes of every mood, and a picture of it as life.png
  liplab life --seed 3 --json -      another face, the figures as JSON on standard output
  liplab life --closures             do lips close while the head speaks with each expression?
  liplab life --closures grid_*.flac    the same, on clips of GRID too
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``liplab life``."""
    parser = subparsers.add_parser(
        "life",
        help="blinks, gaze, nods and expressions, beside what people do",
        description="Lets the reference head live in every mood and says how often and how long it blinks, "
        "looks and nods, beside what people do; or speaks with every expression and counts closures.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--closures",
        nargs="*",
        type=Path,
        metavar="CLIP",
        help="count closures with each expression instead, on the shipped sentence and these clips of GRID",
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="of each mood (%(default)g)")
    parser.add_argument("--seed", type=int, default=0, help="of the life layer (%(default)s)")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("life.png"), help="PNG to write (%(default)s)"
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_life)


def do_life(arguments: argparse.Namespace) -> None:
    """Runs ``liplab life``."""
    if arguments.closures is not None:
        report = _closures(arguments.closures, arguments.seed)
        columns = list(report)
    else:
        if arguments.minutes < 1:
            raise LipwrightError("Blinks need time to be counted; give 1 minute or more.")
        report = _moods(arguments)
        columns = list(MANNERS)
    if arguments.json != "-":
        _show(report, columns)
        for mood in MANNERS if arguments.closures is None else ():
            for line in outside(mood, report[mood]):
                print(f"unlike people: {line}")
    write_report(report, arguments.json)


def _moods(arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    profile = load_profile()
    poses = spoken_poses(profile)
    lives = [
        live(profile, mood, arguments.minutes * 60, arguments.seed, poses)
        for mood in tqdm(MANNERS, desc="living", unit="mood", leave=False)
    ]
    title = f"A minute of every mood, and what {arguments.minutes:g} minutes hold; seed {arguments.seed}"
    try:
        draw_life(arguments.output, lives, title)
    except OSError as error:
        raise LipwrightError(
            f"The picture {arguments.output} cannot be written: {error.strerror}."
        ) from error
    return {lived.mood: statistics(lived) for lived in lives}


def _closures(clips: list[Path], seed: int) -> dict[str, dict[str, float]]:
    profile = load_profile()
    said = script([resources.shipped_clip(), *clips], profile)
    plain = None
    report = {}
    for name in tqdm((OFF, *EXPRESSIONS), desc="speaking", unit="face", leave=False):
        targets = np.array([pose.targets for pose in said.poses])
        if name != OFF:
            targets = with_life(said.poses, profile, name, seed)
        spoken = speak(targets, said, profile)
        plain = plain or spoken
        report[name] = closure_figures(spoken, plain, said.phones)
    return report


def _show(report: dict[str, dict[str, float]], columns: list[str]) -> None:
    names = list(report[columns[0]])
    if len(columns) > len(names):  # many faces, few figures: a face a line
        print(f"{'':<12}" + "".join(f"{name:>27}" for name in names))
        for column in columns:
            print(f"{column:<12}" + "".join(f"{report[column][name]:>27g}" for name in names))
        return
    print(f"{'':<28}" + "".join(f"{column:>12}" for column in columns) + "   people")
    for name in names:
        people = dict.fromkeys(ranges_of(mood).get(name) for mood in columns)
        told = "; ".join(f"{one.low:g} to {one.high:g} ({one.source})" for one in people if one)
        print(f"{name:<28}" + "".join(f"{report[column][name]:>12g}" for column in columns) + f"   {told}")
