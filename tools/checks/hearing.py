"""How well a lip model or teacher finds phones whose times are known, and whether it notices other words.

    python tools/checks/hearing.py --corpus ~/.cache/lipwright/corpus --teacher models/lip_model_weights.npz

Voices that it never heard, of the corpus: engines whose times are exact, and nathalie, whose times came with
her. "Late": the median of the onsets' errors with their signs. The last column: of sounds that were given the
words of another one, how many were refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from liplab.scores import BILABIALS, Phone
from liplab.speech.align import AlignmentError
from liplab.speech.corpus import load_part, part_path
from liplab.speech.hear import Listener, Scores, phones_in, steps_of
from liplab.speech.recipe import recipe

VOICES = (
    "nathalie-dev",
    "flite-rms",
    "espeak-de",
    "mbrola-de6",
    "mbrola-es1",
    "mbrola-fr1",
    "mbrola-it4",
    "jtalk-ja",
)
UTTERANCES = 25  # of each
ANOTHER = 7  # whose words are tried: so many places further


def main() -> None:
    """Prints a line for each voice."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    listener = Listener.load(arguments.teacher.expanduser())
    print(
        "voice          onsets, 50 and 90 %, ms   late, ms   middles of p, b, m, 50 and 90 %, ms   refused   "
        "other words"
    )
    for part in recipe():
        if part.name in VOICES and part_path(arguments.corpus.expanduser(), part).exists():
            utterances = load_part(arguments.corpus.expanduser(), part)[:UTTERANCES]
            sounds = [listener.scores(steps_of(one.samples)) for one in utterances]
            words = [[phone for phone in one.phones if phone.ipa] for one in utterances]
            late: list[float] = []
            middles: list[float] = []
            refused = noticed = 0
            for number, (scores, said) in enumerate(zip(sounds, words, strict=True)):
                other = words[(number + ANOTHER) % len(words)]
                noticed += _found(scores, [phone.ipa for phone in other]) is None
                found = _found(scores, [phone.ipa for phone in said])
                if found is None or len(found) != len(said):
                    refused += 1
                    continue
                for true, heard in zip(said, found, strict=True):
                    late.append((heard.start_s - true.start_s) * 1000)
                    if BILABIALS & set(true.ipa):
                        middles.append(abs(true.start_s + true.end_s - heard.start_s - heard.end_s) * 500)
            figures = [
                float(np.percentile(errors, share))
                for errors in (np.abs(late), middles)
                for share in (50, 90)
            ]
            print(
                f"{part.name:14} {figures[0]:14.0f} {figures[1]:8.0f} {np.median(late):10.0f} "
                f"{figures[2]:22.0f} {figures[3]:8.0f} "
                f"{refused:16}/{len(words)} {noticed:10}/{len(words)}"
            )


def _found(scores: Scores, names: list[str]) -> list[Phone] | None:
    try:
        return [phone for phone in phones_in(scores, names).phones if phone.ipa]
    except AlignmentError:
        return None


if __name__ == "__main__":
    main()
