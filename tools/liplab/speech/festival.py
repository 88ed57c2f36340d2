"""flite and Festival: speech of their voices with the times of its phones.

Debian packages: flite, festival, and one festvox package a voice (see VOICES).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from liplab.scores import Phone
from liplab.speech.phones import (
    ARPABET,
    CATALAN,
    CZECH,
    FINNISH,
    INDIC,
    ITALIAN,
    RUSSIAN,
    spelled,
    without_short_pauses,
)
from lipwright.errors import LipwrightError

SAMPLE_RATE = 16000
FLITE_VOICES = ("slt", "awb", "kal16", "rms")
_TIMEOUT_S = 300

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Voice:
    """A Festival voice: its name, Debian package, licence, text encoding, the table of its phones."""

    name: str
    package: str
    licence: str
    language: str
    encoding: str
    table: Mapping[str, str]


VOICES = {
    voice.name: voice
    for voice in (
        Voice("cmu_us_slt_arctic_hts", "festvox-us-slt-hts", "BSD-like", "en-us", "ascii", ARPABET),
        Voice("kal_diphone", "festvox-kallpc16k", "BSD-like", "en-us", "ascii", ARPABET),
        Voice("ked_diphone", "festvox-kdlpc16k", "BSD-like", "en-us", "ascii", ARPABET),
        Voice("upc_ca_ona_hts", "festvox-ca-ona-hts", "LGPL-2.1+", "ca", "iso-8859-1", CATALAN),
        Voice("czech_dita", "festvox-czech-dita", "GPL-3+", "cs", "iso-8859-2", CZECH),
        Voice("czech_machac", "festvox-czech-machac", "GPL-3+", "cs", "iso-8859-2", CZECH),
        Voice("czech_krb", "festvox-czech-krb", "GPL-3+", "cs", "iso-8859-2", CZECH),
        Voice("czech_ph", "festvox-czech-ph", "GPL-2+", "cs", "iso-8859-2", CZECH),
        Voice("suo_fi_lj_diphone", "festvox-suopuhe-lj", "LGPL-2+", "fi", "iso-8859-1", FINNISH),
        Voice("hy_fi_mv_diphone", "festvox-suopuhe-mv", "LGPL-2+", "fi", "iso-8859-1", FINNISH),
        Voice("hindi_NSK_diphone", "festvox-hi-nsk festival-hi", "GPL-2+", "hi", "utf-8", INDIC),
        Voice("marathi_NSK_diphone", "festvox-mr-nsk festival-mr", "GPL-2+", "mr", "utf-8", INDIC),
        Voice("telugu_NSK_diphone", "festvox-te-nsk festival-te", "GPL-2+", "te", "utf-8", INDIC),
        Voice("lp_diphone", "festvox-italp16k", "GPL-2+", "it", "iso-8859-1", ITALIAN),
        Voice("pc_diphone", "festvox-itapc16k", "GPL-2+", "it", "iso-8859-1", ITALIAN),
        Voice("msu_ru_nsh_clunits", "festvox-ru", "BSD-like", "ru", "utf-8", RUSSIAN),
    )
}


def flite_say(text: str, voice: str, stretch: float = 1.0) -> tuple[Samples, list[Phone]]:
    """Samples (n,) at 16 kHz and phones, by a voice of FLITE_VOICES; `stretch` 1.2 speaks slower.

    Raises LipwrightError when flite is not installed.
    """
    if shutil.which("flite") is None:
        raise LipwrightError("flite is missing; install it: sudo apt install flite.")
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}", "-psdur", "-t", text]
        result = subprocess.run(
            [*command, "-o", str(wave)], capture_output=True, text=True, check=True, timeout=_TIMEOUT_S
        )
        samples = _read(wave)
    phones, start = [], 0.0
    for name, end in re.findall(r"(\S+):([0-9.]+)", result.stdout):
        phones.append(Phone(spelled(name, ARPABET), start, float(end)))
        start = float(end)
    return samples, without_short_pauses(phones)


def festival_say(
    texts: Sequence[str], voice: Voice, stretches: Sequence[float]
) -> Iterator[tuple[Samples, list[Phone]]]:
    """Samples (n,) at 16 kHz and phones of each text, all by one process.

    A text that the voice cannot say, says with a phone that its table lacks, or hangs on, is left out. Raises
    LipwrightError when Festival or the voice is not installed.
    """
    if shutil.which("festival") is None:
        raise LipwrightError("Festival is missing; install it: sudo apt install festival.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = [f"(voice_{voice.name})"]
        for number, (text, stretch) in enumerate(zip(texts, stretches, strict=True)):
            quoted = text.replace("\\", "").replace('"', "")
            script += [
                f"(Parameter.set 'Duration_Stretch {stretch:.3f})",
                f'(set! spoken (unwind-protect (SynthText "{quoted}") nil))',
                f'(if spoken (utt.save.wave spoken "{folder}/{number}.wav" \'riff))',
                f'(if spoken (utt.save.segs spoken "{folder}/{number}.segs"))',
            ]
        (folder / "say.scm").write_bytes("\n".join(script).encode(voice.encoding, "ignore"))
        complaint = _run(folder / "say.scm")
        if not (folder / "0.wav").exists() and b"voice_" in complaint:
            raise LipwrightError(
                f"The Festival voice {voice.name} is missing; install it: sudo apt install {voice.package}."
            )
        for number in range(len(texts)):
            wave, segments = folder / f"{number}.wav", folder / f"{number}.segs"
            if wave.exists() and segments.exists():
                try:
                    yield _read(wave), _segments(segments.read_text(voice.encoding), voice.table)
                except KeyError:
                    continue


def _run(script: Path) -> bytes:
    """Festival's complaints; one that hangs is stopped, and what it has said by then remains."""
    command = ["festival", "-b", str(script)]
    try:
        return subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False).stderr
    except subprocess.TimeoutExpired:
        return b""


def _segments(text: str, table: Mapping[str, str]) -> list[Phone]:
    phones, start = [], 0.0
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 3:
            end = float(fields[0])
            phones.append(Phone(spelled(fields[2], table), start, end))
            start = end
    return without_short_pauses(phones)


def _read(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="float32")
    return np.asarray(soxr.resample(samples, rate, SAMPLE_RATE), np.float32)
