"""MBROLA: speech joined from the recorded diphones of real speakers, with the times of its phones.

Its voices may not be part of anything that is sold, so they only measure what was learned elsewhere: all of
them are held out. espeak-ng reads the text and says which phones to speak how long; MBROLA speaks exactly
that. Debian packages: mbrola (in contrib) and one a voice (in non-free), espeak-ng.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from liplab.scores import Phone
from liplab.speech.phones import SAMPA, spelled, without_short_pauses
from liplab.speech.utterance import SAMPLE_RATE, Utterance
from lipwright.errors import LipwrightError

FOLDER = Path("/usr/share/mbrola")
LICENCE = "MBROLA licence: not for sale, to measure with only"
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Voice:
    """A voice: its language, and what it calls phones that espeak-ng names otherwise ("" for unspoken)."""

    name: str
    language: str
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def package(self) -> str:
        return f"mbrola mbrola-{self.name}"

    @property
    def path(self) -> Path:
        return FOLDER / self.name / self.name


_SPANISH = {"e/": "e", "o/": "o"}
_ITALIAN = {"i/": "i", "ts2": "ts", "eI": "e"}
_ARABIC = {"R": "r"}
VOICES = {
    voice.name: voice
    for voice in (
        Voice("de1", "de"),
        Voice("de2", "de"),
        Voice("de3", "de"),
        Voice("de6", "de"),
        Voice("fr1", "fr"),
        Voice("fr3", "fr"),
        Voice("fr4", "fr"),
        Voice("es1", "es", _SPANISH),
        Voice("es2", "es", _SPANISH),
        Voice("it3", "it", _ITALIAN),
        Voice("it4", "it", _ITALIAN),
        Voice("ar1", "ar", _ARABIC),
        Voice("ar2", "ar", _ARABIC),
        Voice("hb1", "he", {"?": "^", "R": "r", "r/": "r", "l/": "l", ";": "j"}),
        Voice("hb2", "he", {"x": "X", "r/": "R", "l/": "l", ";": "j"}),
    )
}


class Segment(NamedTuple):
    """One phone as MBROLA is told it."""

    name: str
    duration_ms: float
    pitch: tuple[str, ...]  # pairs of percent of the phone and Hz


def mbrola_say(text: str, voice: Voice, rate: int = 160, pitch: int = 50) -> Utterance | None:
    """Speech and its phones; None where the voice lacks a diphone of the text.

    `rate` in words a minute, `pitch` 0..100. Raises LipwrightError when a program or the voice is missing.
    """
    if shutil.which("espeak-ng") is None or shutil.which("mbrola") is None or not voice.path.exists():
        raise LipwrightError(
            f"The MBROLA voice {voice.name} is missing; install it from Debian's contrib and non-free: "
            f"sudo apt install espeak-ng {voice.package}."
        )
    with tempfile.TemporaryDirectory() as name:
        listed, wave = Path(name) / "speech.pho", Path(name) / "speech.wav"
        command = ["espeak-ng", "-v", f"mb-{voice.name}", "-s", str(rate), "-p", str(pitch)]
        subprocess.run(
            [*command, "-q", "--pho", f"--phonout={listed}", text],
            capture_output=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
        segments = _joined(_segments(listed.read_text(encoding="utf-8"), voice.renamed))
        listed.write_text("".join(_line(segment) for segment in segments), encoding="utf-8")
        spoken = subprocess.run(
            ["mbrola", str(voice.path), str(listed), str(wave)],
            capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
        if spoken.returncode != 0 or "nknown" in spoken.stderr or not wave.exists():
            return None
        samples, sample_rate = soundfile.read(wave, dtype="float32")
    phones, start = [], 0.0
    for segment in segments:
        end = start + segment.duration_ms / 1000
        phones.append(Phone(spelled(segment.name, SAMPA), start, end))
        start = end
    return Utterance(
        np.asarray(soxr.resample(samples, sample_rate, SAMPLE_RATE), np.float32), without_short_pauses(phones)
    )


def _segments(text: str, renamed: Mapping[str, str]) -> Iterable[Segment]:
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 2:
            yield Segment(renamed.get(fields[0], fields[0]), float(fields[1]), tuple(fields[2:]))


def _joined(segments: Iterable[Segment]) -> list[Segment]:
    """Segments with the halves of long phones joined: a voice has no diphone from a phone to itself."""
    result: list[Segment] = []
    for segment in segments:
        if result and result[-1].name == segment.name:
            before = result[-1]
            result[-1] = before._replace(duration_ms=before.duration_ms + segment.duration_ms)
        else:
            result.append(segment)
    return result


def _line(segment: Segment) -> str:
    return "\t".join([segment.name, f"{segment.duration_ms:g}", " ".join(segment.pitch)]) + "\n"
