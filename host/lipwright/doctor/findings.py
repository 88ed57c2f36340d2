"""What a look at the machine comes to, and how it is told."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from lipwright.errors import LipwrightError

ANSWER_S = 10.0  # a program of the system that takes longer hangs

# How a finding is: all is well, or something is to be known, or a head cannot speak before it is mended.
WELL, NOTE, MISSING = "ok", "--", "!!"


class Note(LipwrightError):
    """Something that a maker should know and may mend; a head speaks all the same."""


class NotHere(Exception):
    """The question does not arise on this machine."""


@dataclass(frozen=True)
class Finding:
    """One answer.

    Attributes:
        name: What was looked at.
        state: `WELL`, `NOTE` or `MISSING`.
        words: What was found and, unless all is well, what to do.
    """

    name: str
    state: str
    words: str


def look(name: str, question: Callable[[], str]) -> Finding | None:
    """Asks a question that answers in words, or raises `Note`, `NotHere` or LipwrightError: that is missing.

    None where the question does not arise.
    """
    try:
        return Finding(name, WELL, question())
    except NotHere:
        return None
    except Note as note:
        return Finding(name, NOTE, str(note))
    except LipwrightError as missing:
        return Finding(name, MISSING, str(missing))


def answer_of(*command: str) -> str:
    """What a program of the system prints; raises NotHere where there is none, or it gives no answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S)
    except (OSError, subprocess.TimeoutExpired):
        raise NotHere from None
    if done.returncode:
        raise NotHere
    return done.stdout.strip()
