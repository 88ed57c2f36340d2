"""Open JTalk: Japanese speech with the times of its phones, by a voice that is held out.

Debian packages: open-jtalk, open-jtalk-mecab-naist-jdic and, in contrib, the voice (CC BY 3.0).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
import soxr

from liplab.scores import BILABIALS, Phone
from liplab.speech.phones import JAPANESE, spelled, without_short_pauses
from liplab.speech.utterance import SAMPLE_RATE, Utterance
from lipwright.errors import LipwrightError

DICTIONARY = Path("/var/lib/mecab/dic/open-jtalk/naist-jdic")
NAME = "nitech-jp-atr503-m001"
VOICE = Path("/usr/share/hts-voice/nitech-jp-atr503-m001/nitech_jp_atr503_m001.htsvoice")
PACKAGE = "open-jtalk open-jtalk-mecab-naist-jdic hts-voice-nitech-jp-atr503-m001"
LICENCE = "CC BY 3.0"
_TIMEOUT_S = 60
# A label: start and end in 100 ns, then the phone between its neighbours, "w^a-t+a=sh/...".
_LABEL = re.compile(r"^(\d+) (\d+) [^-]*-([^+]+)\+", re.MULTILINE)


def jtalk_say(text: str, speed: float = 1.0, half_tones: float = 0.0) -> Utterance:
    """Speech and its phones; `speed` 1.2 is faster, `half_tones` higher. Spaces are not read.

    Raises LipwrightError when a part of Open JTalk is not installed.
    """
    if shutil.which("open_jtalk") is None or not DICTIONARY.exists() or not VOICE.exists():
        raise LipwrightError(
            f"Open JTalk is missing; install it from Debian's main and contrib: sudo apt install {PACKAGE}."
        )
    with tempfile.TemporaryDirectory() as name:
        wave, trace = Path(name) / "speech.wav", Path(name) / "trace.txt"
        command = ["open_jtalk", "-x", str(DICTIONARY), "-m", str(VOICE), "-ow", str(wave), "-ot", str(trace)]
        subprocess.run(
            [*command, "-r", f"{speed:.3f}", "-fm", f"{half_tones:.2f}"],
            input=text.replace(" ", ""), encoding="utf-8",
            capture_output=True, timeout=_TIMEOUT_S, check=True,
        )  # fmt: skip
        samples, rate = soundfile.read(wave, dtype="float32")
        labels = trace.read_text(encoding="utf-8")
    phones = [
        Phone(spelled(name, JAPANESE), int(start) * 1e-7, int(end) * 1e-7)
        for start, end, name in _LABEL.findall(labels)
    ]
    return Utterance(
        np.asarray(soxr.resample(samples, rate, SAMPLE_RATE), np.float32),
        without_short_pauses(_assimilated(phones)),
    )


def _assimilated(phones: Sequence[Phone]) -> list[Phone]:
    """Phones whose syllable-final nasal is an m before b, p and m, and whose long p is closed throughout."""
    result = list(phones)
    for number, (phone, following) in enumerate(pairwise(phones)):
        if phone.ipa == "ɴ" and BILABIALS & set(following.ipa[:1]):
            result[number] = phone._replace(ipa="m")
        elif phone.ipa == "ʔ" and following.ipa.startswith("p"):
            result[number] = phone._replace(ipa="p")
    return result
