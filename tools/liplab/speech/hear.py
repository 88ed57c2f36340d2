"""Phones of a recording whose words are known, by a network that hears phones: a lip model, or a teacher.

espeak-ng says which phones the words have, in any of its languages; the teacher (`liplab.lips.teacher`) says
how much the sound at every moment is like each class of phones; the best way through the phones in their
order (Viterbi 1967) gives their times. It learned its ear from speech whose times are exact, or were found by
pocketsphinx, so it comes second: `liplab corpus --teacher` aligns recordings anew.

A network that learns from times found so, and then finds times, hands its own delay on: look at the signs of
its errors (tools/checks/hearing.py) before that is done again.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from liplab.lips.labels import CLASS_COUNT, UNKNOWN, class_of
from liplab.lips.network import LOOKAHEAD_STEPS, LipNetwork
from liplab.lips.teacher import load_teacher
from liplab.scores import Phone
from liplab.speech.align import AlignmentError
from liplab.speech.articulation import symbols
from liplab.speech.espeak import Espeak
from liplab.speech.jtalk import jtalk_say
from liplab.speech.phones import without_short_pauses
from liplab.speech.utterance import Samples
from lipwright.audio.features import STEP_SAMPLES, log_mel

MOMENT_S = 0.010  # the network hears in steps of 20 ms; a second hearing lies in between
LEAST_MOMENTS = 2  # of a sound
SILENCE_COST = 4.0  # of a pause within the words, in nats: those that last are worth it
UNKNOWN_SCORE = -3.0  # of a class that the network never learned, in nats
# The mean way that the words' phones lie below what is heard best, in nats a moment: beyond it, the words are
# others than those said.
MOST_BELOW = 1.2

Scores = npt.NDArray[np.float64]


class Heard(NamedTuple):
    """Phones found, and how far they lie below what was heard best, in nats a moment."""

    phones: list[Phone]
    below: float


class Listener:
    """A teacher that says how much a sound is like each class of phones."""

    def __init__(self, teacher: LipNetwork) -> None:
        self._teacher = teacher.eval()

    @classmethod
    def load(cls, path: Path) -> Listener:
        """The teacher whose weights `liplab train --trunk teacher` left at `path`."""
        return cls(load_teacher(path))

    def scores(self, steps: npt.NDArray[np.float32]) -> Scores:
        """Logarithms of the classes' chances (moments, classes), every MOMENT_S, of `steps_of` a sound."""
        with torch.no_grad():
            device = self._teacher.scale.device
            heard = self._teacher(torch.from_numpy(steps).to(device)).phone_scores
            chances = torch.log_softmax(heard, dim=-1)[:, LOOKAHEAD_STEPS:].cpu().numpy()
        scores: Scores = chances.transpose(1, 0, 2).reshape(-1, CLASS_COUNT).astype(np.float64)
        return scores


def steps_of(samples: Samples) -> npt.NDArray[np.float32]:
    """Features (2, steps, 160) of mono 16 kHz samples (n,), heard at every step and between the steps."""
    half = STEP_SAMPLES // 2
    later = np.zeros(LOOKAHEAD_STEPS * STEP_SAMPLES + 2 * half, np.float32)
    heard = [log_mel(np.concatenate([samples[first:], later])).reshape(-1, 160) for first in (0, half)]
    count = min(map(len, heard))
    return np.stack([steps[:count] for steps in heard])


def align_by_hearing(samples: Samples, text: str, language: str, listener: Listener) -> Heard:
    """Phones of mono 16 kHz samples (n,) that say `text` in an espeak-ng language, pauses as empty phones.

    Raises AlignmentError where the words are too many for the sound, or others than those said.
    """
    return phones_in(listener.scores(steps_of(samples)), said_phones(text, language))


def said_phones(text: str, language: str) -> list[str]:
    """The phones (IPA; pauses are empty) of a text in a language of espeak-ng; Japanese by Open JTalk."""
    if language == "ja":
        return [phone.ipa for phone in jtalk_say(text).phones]
    try:
        # In capitals espeak-ng spells words that it cannot read.
        _, said = _engine().say(text.lower() if text.isupper() else text, language)
    except ValueError as error:
        raise AlignmentError(str(error)) from error
    return [phone.ipa for phone in said]


def phones_in(scores: Scores, names: list[str]) -> Heard:
    """Times of phones that are said in this order, IPA; empty ones are pauses, which may be left out."""
    names = [name for name in names if name]
    parts = [(number, letter) for number, name in enumerate(names) for letter in symbols(name) or [name]]
    if not parts:
        raise AlignmentError("nothing to say")
    scores = np.concatenate([scores, np.full((len(scores), 1), UNKNOWN_SCORE)], axis=1)
    classes = np.array([class_of(letter) for _, letter in parts])
    columns = np.where(classes == UNKNOWN, CLASS_COUNT, classes)
    phone = np.array([number for number, _ in parts])
    within = np.diff(phone, prepend=-1) == 0
    way = _best_way(scores, columns, np.where(within, np.inf, SILENCE_COST))
    said = way >= 0
    taken = scores[said, columns[way[said]]]
    below = float(np.mean(scores[said].max(axis=1) - taken))
    if below > MOST_BELOW:
        raise AlignmentError("the words are not those said")
    found: list[Phone] = []
    moments = np.flatnonzero(said)
    edges = np.searchsorted(phone[way[moments]], np.arange(len(names) + 1))
    for name, first, last in zip(names, moments[edges[:-1]], moments[edges[1:] - 1], strict=True):
        # A moment is heard at its own time, so that one phone ends and the next begins halfway between two.
        start, end = max(0.0, (first - 0.5) * MOMENT_S), (last + 0.5) * MOMENT_S
        before = found[-1].end_s if found else 0.0
        if start > before:
            found.append(Phone("", before, start))
        found.append(Phone(name, start, end))
    return Heard(without_short_pauses(found), below)


@lru_cache(maxsize=1)
def _engine() -> Espeak:
    return Espeak()


def _best_way(scores: Scores, columns: npt.NDArray[np.intp], silence_cost: Scores) -> npt.NDArray[np.intp]:
    """Which sound, by its number, every moment belongs to; -1 in silence.

    The states are, for every sound, a silence before it and LEAST_MOMENTS moments of its own, and a silence
    at the end. Each may stay; only a silence may be left out.
    """
    length = 1 + LEAST_MOMENTS
    count = len(columns) * length + 1
    column = np.zeros(count, np.intp)
    owner = np.full(count, -1)
    for moment in range(LEAST_MOMENTS):
        column[1 + moment :: length] = columns
        owner[1 + moment :: length] = np.arange(len(columns))
    into = np.zeros(count)  # what it costs to come from the state before
    into[0:-1:length] = silence_cost
    skips = np.zeros(count, bool)  # states that can be reached past the silence before them
    skips[1 + length :: length] = True
    if len(scores) < len(columns) * LEAST_MOMENTS:
        raise AlignmentError("the sound is too short for its words")
    total = np.full(count, -np.inf)
    total[0] = scores[0, column[0]]
    total[1] = scores[0, column[1]]
    came = np.zeros((len(scores), count), np.int8)
    for moment in range(1, len(scores)):
        stay = total
        step = np.concatenate([[-np.inf], total[:-1]]) - into
        skip = np.where(skips, np.concatenate([[-np.inf] * 2, total[:-2]]), -np.inf)
        options = np.stack([stay, step, skip])
        came[moment] = options.argmax(axis=0)
        total = options.max(axis=0) + scores[moment, column]
    state = count - 1 if total[-1] >= total[-2] else count - 2
    if not np.isfinite(total[state]):
        raise AlignmentError("no way through")
    way = np.empty(len(scores), np.intp)
    for moment in range(len(scores) - 1, -1, -1):
        way[moment] = owner[state]
        state -= int(came[moment, state])
    return way
