"""pyLipSync on sound files: its analyzer with its own templates."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pylipsync import PhonemeAnalyzer

sys.path.insert(0, str(Path(__file__).parents[1] / "shared"))
from jobs import Frame, do_jobs

analyzer = PhonemeAnalyzer()


def follow(sound: str) -> Iterator[Frame]:
    """The weights in the middle of each segment; below its threshold of silence they are none."""
    for segment in analyzer.extract_phoneme_segments(sound, return_seconds=True):
        yield (
            (segment.start + segment.end) / 2,
            {phoneme.name: float(phoneme.target) for phoneme in segment.phonemes},
        )


do_jobs(follow)
