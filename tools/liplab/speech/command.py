"""`liplab corpus`: make the speech that the lip model learns from."""

from __future__ import annotations

import argparse
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

from liplab.lips.dataset import make_streams
from liplab.speech.corpus import Part, make_parts, recipe
from liplab.speech.festival import VOICES
from lipwright.errors import LipwrightError

DEFAULT_FOLDER = Path("~/.cache/lipwright/corpus")
FESTIVAL_VOICES = Path("/usr/share/festival/voices")

EXAMPLES = """examples:
  liplab corpus                                speech of all synthetic voices, then its augmented versions
  liplab corpus --recordings ~/voices          also recordings of people, cloned there beforehand:
      git clone https://github.com/rhasspy/dataset-voice-kathleen     (CC0; to learn from)
      git clone https://github.com/rhasspy/dataset-voice-nathalie     (CC0; to choose by)
  liplab corpus --list                         every source with its licence, and nothing else
A run that was stopped goes on where it stopped.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `liplab corpus`."""
    parser = subparsers.add_parser(
        "corpus",
        help="make the speech that the lip model learns from",
        description="Make speech with exact phone times from espeak-ng, flite, Festival and recordings, and "
        "augment it with rooms, noise, filters and other speeds.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_corpus(parser)
    parser.add_argument(
        "--recordings", type=Path, metavar="DIR", help="folder that holds clones of recordings of people"
    )
    parser.add_argument("--list", action="store_true", help="list the sources and their licences")
    parser.set_defaults(do=do_corpus)


def add_corpus(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says where the corpus lies."""
    parser.add_argument(
        "--corpus", type=Path, metavar="DIR", default=DEFAULT_FOLDER, help="where it lies (%(default)s)"
    )


def do_corpus(arguments: argparse.Namespace) -> None:
    """Runs `liplab corpus`."""
    parts = recipe()
    if arguments.list:
        for part in parts:
            minutes = round(part.seconds / 60)
            print(f"{part.split:9} {part.name:34} {part.language:16} {minutes:4} min  {part.licence}")
        return
    recordings = arguments.recordings.expanduser() if arguments.recordings else None
    if recordings is not None and not recordings.is_dir():
        raise LipwrightError(
            f"There is no folder {recordings}; clone the recordings there first (see --help)."
        )
    missing = missing_packages(parts)
    if missing:
        raise LipwrightError(
            f"Speech engines are missing; install them: sudo apt install {' '.join(missing)}."
        )
    folder = arguments.corpus.expanduser()
    held = make_parts(folder, parts, recordings)
    make_streams(folder, held)
    hours: defaultdict[str, float] = defaultdict(float)
    for part in held:
        hours[part.split] += part.seconds / 3600
    print(", ".join(f"{split} {value:.1f} h" for split, value in hours.items()), f"in {folder}")


def missing_packages(parts: list[Part]) -> list[str]:
    """Debian packages that some part needs and this machine lacks."""
    missing = []
    for program in ("espeak-ng", "flite", "festival"):
        if any(part.engine == program for part in parts) and shutil.which(program) is None:
            missing.append(program)
    installed = {path.name for path in FESTIVAL_VOICES.glob("*/*")}
    for part in parts:
        if part.engine == "festival" and part.voice not in installed:
            missing.append(VOICES[part.voice].package)
    return missing
