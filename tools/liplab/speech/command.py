"""`liplab corpus`: make the speech that the lip model learns from."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from liplab.lips.dataset import make_streams
from liplab.speech import festival, jtalk, mbrola, singing, vocaltract
from liplab.speech.corpus import Part, make_parts, recipe
from liplab.speech.recordings import SOURCES
from liplab.workers import add_workers, crew_of
from lipwright.errors import LipwrightError

DEFAULT_FOLDER = Path("~/.cache/lipwright/corpus")
FESTIVAL_VOICES = Path("/usr/share/festival/voices")

EXAMPLES = """examples:
  liplab corpus                                speech of all synthetic voices, then its augmented versions
  liplab corpus --recordings ~/voices          also recordings of people, laid there beforehand
  liplab corpus --recordings ~/voices --teacher models/lip_model_weights.npz
                                               their phones found by the shipped lip model, which aligns more
                                               languages, and better; or by liplab train --trunk teacher
  liplab corpus --workers 8                    eight processes share the voices; every file is the same
  liplab corpus --list                         every source with its licence and, for recordings, its home
A run that was stopped goes on where it stopped; a part whose recipe changed is made anew.
Some voices that only measure are in Debian's contrib and non-free; without them the rest is made.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `liplab corpus`."""
    parser = subparsers.add_parser(
        "corpus",
        help="make the speech that the lip model learns from",
        description="Make speech and song with exact phone times from espeak-ng, flite, Festival, MBROLA, "
        "Open JTalk, VocalTractLab and recordings, and augment it with rooms, noise, filters and other "
        "speeds.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_corpus(parser)
    parser.add_argument(
        "--recordings", type=Path, metavar="DIR", help="folder that holds recordings of people (see --list)"
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        metavar="FILE.npz",
        help="a trained network, to find phones with",
    )
    add_workers(parser)
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
        _list(parts)
        return
    recordings = arguments.recordings.expanduser() if arguments.recordings else None
    if recordings is not None and not recordings.is_dir():
        raise LipwrightError(f"There is no folder {recordings}; lay the recordings there first (see --list).")
    learned = [part for part in parts if part.split != "held_out"]
    teacher = arguments.teacher.expanduser() if arguments.teacher else None
    if teacher is not None and not teacher.is_file():
        raise LipwrightError(f"There is no {teacher}; take models/lip_model_weights.npz.")
    missing = missing_packages(learned)
    if missing:
        raise LipwrightError(
            f"Speech engines are missing; install them: sudo apt install {' '.join(missing)}."
        )
    if importlib.util.find_spec("pyworld") is None:
        raise LipwrightError(f"The vocoder that sings is missing; install it: pip install {singing.PACKAGE}.")
    vocaltract.engine()
    measuring = [part for part in parts if part.split == "held_out" and not missing_packages([part])]
    _tell_missing([part for part in parts if part.split == "held_out" and part not in measuring])
    folder = arguments.corpus.expanduser()
    if arguments.cluster is not None:  # its workers stand in other folders
        folder, recordings = folder.absolute(), recordings and recordings.absolute()
        teacher = teacher and teacher.absolute()
    with crew_of(arguments.workers, arguments.cluster) as crew:
        held = make_parts(folder, [*learned, *measuring], recordings, crew, teacher)
        make_streams(folder, held, crew=crew)
    hours: defaultdict[str, float] = defaultdict(float)
    for part in held:
        hours[part.split] += part.seconds / 3600
    print(", ".join(f"{split} {value:.1f} h" for split, value in hours.items()), f"in {folder}")


def _list(parts: Sequence[Part]) -> None:
    homes = {source.name: f"; {source.home}" for source in SOURCES}
    for part in parts:
        minutes = round(part.seconds / 60)
        home = homes[part.voice] if part.engine == "recording" else ""
        print(f"{part.split:9} {part.name:36} {part.language:16} {minutes:4} min  {part.licence}{home}")


def missing_packages(parts: Sequence[Part]) -> list[str]:
    """Debian packages that some part needs and this machine lacks, each once."""
    missing: list[str] = []
    for part in parts:
        for package in _packages(part):
            if package not in missing:
                missing.append(package)
    return missing


def _packages(part: Part) -> list[str]:
    if part.engine in ("espeak-ng", "flite"):
        return _unless(shutil.which(part.engine), part.engine)
    if part.engine == "festival":
        voice = next(FESTIVAL_VOICES.glob(f"*/{part.voice}"), None)
        return [
            *_unless(shutil.which("festival"), "festival"),
            *_unless(voice, festival.VOICES[part.voice].package),
        ]
    if part.engine == "mbrola":
        speaker = mbrola.VOICES[part.voice]
        return [
            *_unless(shutil.which("espeak-ng"), "espeak-ng"),
            *_unless(shutil.which("mbrola") and speaker.path.exists(), speaker.package),
        ]
    if part.engine == "jtalk":
        there = shutil.which("open_jtalk") and jtalk.DICTIONARY.exists() and jtalk.VOICE.exists()
        return _unless(there, jtalk.PACKAGE)
    return []  # songs are by voices of other parts, and recordings need no engine


def _unless(there: object, packages: str) -> list[str]:
    return [] if there else packages.split()


def _tell_missing(parts: Sequence[Part]) -> None:
    if parts:
        tqdm.write(
            f"Left out, for measuring only: {', '.join(part.name for part in parts)}. To have them, enable "
            f"Debian's contrib and non-free, then: sudo apt install {' '.join(missing_packages(parts))}."
        )
