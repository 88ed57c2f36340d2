"""Asks before anything of anybody is kept, and says plainly what that is.

For videos once for a store; for a camera each time, since others may come before it.
"""

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
  Not kept: pictures, the sound itself, the rest of the face. {where}
  liplab watch forget NAME removes a person, a day or a clip. A lip model that has learned from them already
  is not changed by that.
  Watch only people who agreed to it, and videos that you may use for it."""
HERE = "Nothing leaves this machine."
CLUSTER = """The machines of the cluster read the
  videos, and tracks come from them over the network, which all who share it may read; nothing else leaves."""
QUESTION = "Have they agreed, and may tracks be kept? [y/N] "

CAMERA_CONSENT = "consent-camera.json"
CAMERA_TEXT = """Watching people before this camera and microphone: what is kept
  Kept, in {folder}, for your user only:
  - how lips and chin moved, as numbers, and how loud each of 80 bands of the sound was, 100 times a second;
  - the day and the time, and whom you say that it shows; what was refused, and why.
  From the loudness of 80 bands a voice can be made again that can be understood and perhaps known.
  Not kept: {kept}. Nothing leaves this machine.
  lipwright watch forget NAME removes a person, a day or a clip. A lip model that has learned from them
  already is not changed by that.
  Everybody whom camera and microphone may see and hear has to agree. Ctrl-C ends it."""
CAMERA_VIDEO = """  AND ALL PICTURES AND THE SOUND ARE KEPT in {video}, as --keep-video asks.
  Lipwright does not look after that file: forget does not remove it."""
CAMERA_QUESTION = "Has everybody agreed, and may tracks be kept? [y/N] "


def ask(folder: Path, yes: bool, cluster: bool = False) -> None:
    """Returns where consent was given, now or before. `yes`: it is given by an option; `cluster`: other
    machines watch.

    Raises LipwrightError where it is not given, or nobody can be asked.
    """
    if is_given(folder, cluster):
        return
    text = TEXT.format(folder=folder, where=CLUSTER if cluster else HERE)
    _ask(text, QUESTION, yes)
    _note(folder, CONSENT, text, cluster)


def ask_before_camera(folder: Path, yes: bool, video: Path | None = None) -> None:
    """As `ask`, each time anew. `video`: where pictures and sound are to be kept, too."""
    kept = "pictures, the sound itself, the rest of the face"
    text = CAMERA_TEXT.format(folder=folder, kept=kept if video is None else "anything else")
    if video is not None:
        text += "\n" + CAMERA_VIDEO.format(video=video)
    _ask(text, CAMERA_QUESTION, yes)
    _note(folder, CAMERA_CONSENT, text)


def is_given(folder: Path, cluster: bool = False) -> bool:
    """Whether consent to the text of today was given for this folder; and to a cluster, if one is asked."""
    try:
        given = json.loads((folder / CONSENT).read_text())
        return bool(given["version"] == VERSION and (given.get("cluster") or not cluster))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _ask(text: str, question: str, yes: bool) -> None:
    print(text, file=sys.stderr)
    if yes:
        return
    if not sys.stdin.isatty():
        raise LipwrightError("Nobody can be asked for consent here; give it with --yes.")
    print(question, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise LipwrightError("Without consent nothing is watched, and nothing was kept.")


def _note(folder: Path, name: str, text: str, cluster: bool = False) -> None:
    try:
        folder.mkdir(mode=OWN, parents=True, exist_ok=True)
        given = {"version": VERSION, "day": date.today().isoformat(), "cluster": cluster, "text": text}
        write_atomically(folder / name, (json.dumps(given, indent=1) + "\n").encode())
    except OSError as error:
        raise LipwrightError(f"cannot write to {folder}: {error.strerror}.") from None
