"""Asks before anything of anybody is kept, once for a store, and says plainly what that is."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

from liplab.watch.store import CONSENT, OWN
from lipwright.errors import LipwrightError
from lipwright.files import write_atomically

VERSION = 1  # of the text: when what is kept changes, it is asked again
TEXT = """Watching people: what is kept
  Kept, in {folder}, for your user only:
  - how lips and chin moved, as numbers, and how loud each of 80 bands of the sound was, 100 times a second;
  - the name of the video's file, a fingerprint of its content, who you say that it shows, and the day.
  From the loudness of 80 bands a voice can be made again that can be understood and perhaps known.
  Not kept: pictures, the sound itself, the rest of the face. Nothing leaves this machine.
  liplab watch forget NAME removes a person, a day or a clip. A lip model that has learned from them already
  is not changed by that.
  Watch only people who agreed to it, and videos that you may use for it."""
QUESTION = "Have they agreed, and may tracks be kept? [y/N] "


def ask(folder: Path, yes: bool) -> None:
    """Returns where consent was given, now or before. `yes`: it is given by an option.

    Raises LipwrightError where it is not given, or nobody can be asked.
    """
    path = folder / CONSENT
    if is_given(folder):
        return
    print(TEXT.format(folder=folder), file=sys.stderr)
    if not yes:
        if not sys.stdin.isatty():
            raise LipwrightError("Nobody can be asked for consent here; give it with --yes.")
        print(QUESTION, end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise LipwrightError("Without consent nothing is watched, and nothing was kept.")
    try:
        folder.mkdir(mode=OWN, parents=True, exist_ok=True)
        given = {"version": VERSION, "day": date.today().isoformat(), "text": TEXT.format(folder=folder)}
        write_atomically(path, (json.dumps(given, indent=1) + "\n").encode())
    except OSError as error:
        raise LipwrightError(f"cannot write to {folder}: {error.strerror}.") from None


def is_given(folder: Path) -> bool:
    """Whether consent to the text of today was given for this folder."""
    try:
        return bool(json.loads((folder / CONSENT).read_text())["version"] == VERSION)
    except (OSError, ValueError, KeyError, TypeError):
        return False
