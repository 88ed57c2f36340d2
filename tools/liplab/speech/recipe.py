"""The recipe of the corpus: which voice says how much of what, under which licence, for which purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from liplab.speech import festival, jtalk, mbrola, text
from liplab.speech.held_out_text import HELD_OUT_LANGUAGES
from liplab.speech.recordings import SOURCES

FREE_OUTPUT = "free output (GPL-3 engine)"
# Seconds of each espeak-ng language: American and British English, any other that is learned from, and one
# that is held out.
ESPEAK_ENGLISH_S = 900
ESPEAK_S = 330
ESPEAK_HELD_OUT_S = 240
FLITE = {"slt": ("train", 2400), "awb": ("train", 2400), "kal16": ("train", 1500), "rms": ("dev", 600)}
FESTIVAL = {
    "cmu_us_slt_arctic_hts": 1200, "kal_diphone": 900, "ked_diphone": 1200, "upc_ca_ona_hts": 1500,
    "czech_dita": 900, "czech_machac": 900, "czech_krb": 700, "czech_ph": 700, "suo_fi_lj_diphone": 900,
    "hy_fi_mv_diphone": 900, "hindi_NSK_diphone": 500, "marathi_NSK_diphone": 500,
    "telugu_NSK_diphone": 600, "lp_diphone": 240, "pc_diphone": 240, "msu_ru_nsh_clunits": 240,
}  # fmt: skip
# Voices of real speakers that no training hears.
MBROLA_S = 150  # each voice
JTALK_S = 240
# Seconds of song by voices of other parts.
SUNG = {
    "flite-slt": 300, "flite-awb": 300, "flite-kal16": 180, "festival-cmu_us_slt_arctic_hts": 180,
    "festival-upc_ca_ona_hts": 180, "festival-czech_dita": 180, "festival-czech_krb": 150,
    "festival-suo_fi_lj_diphone": 180, "festival-hy_fi_mv_diphone": 180, "festival-telugu_NSK_diphone": 150,
    "espeak-nl": 120, "espeak-pt-br": 120, "espeak-sw": 120, "espeak-tr": 120,
}  # fmt: skip
# VocalTractLab takes 3.3 s for a second, so it speaks in several parts: a run that is stopped loses one only.
VOCAL_TRACT_PARTS = 4
VOCAL_TRACT_S = 150  # each part


@dataclass(frozen=True)
class Part:
    """One voice's share of the corpus."""

    name: str
    split: str  # train, dev or held_out
    engine: str  # espeak-ng, flite, festival, mbrola, jtalk, singing, vocaltract, or recording
    voice: str
    language: str
    licence: str
    seconds: float


def recipe() -> list[Part]:
    """All parts. The licence is that of the voice or recording; texts are our own (module text)."""
    spoken = [*_espeak(), *_flite(), *_festival(), *_mbrola(), _jtalk()]
    return [*spoken, *_singing(spoken), *_vocal_tract(), *_recordings()]


def _espeak() -> list[Part]:
    amounts = {language: ("train", ESPEAK_S) for language in text.LANGUAGES}
    amounts |= {language: ("train", ESPEAK_ENGLISH_S) for language in text.ENGLISH[:2]}
    amounts |= {language: ("held_out", ESPEAK_HELD_OUT_S) for language in sorted(HELD_OUT_LANGUAGES)}
    return [
        Part(f"espeak-{language}", split, "espeak-ng", language, language, FREE_OUTPUT, seconds)
        for language, (split, seconds) in amounts.items()
    ]


def _flite() -> list[Part]:
    return [
        Part(f"flite-{voice}", split, "flite", voice, "en-us", "BSD-like", seconds)
        for voice, (split, seconds) in FLITE.items()
    ]


def _festival() -> list[Part]:
    parts = []
    for name, seconds in FESTIVAL.items():
        voice = festival.VOICES[name]
        split = "held_out" if voice.language in HELD_OUT_LANGUAGES else "train"
        parts.append(
            Part(f"festival-{name}", split, "festival", name, voice.language, voice.licence, seconds)
        )
    return parts


def _mbrola() -> list[Part]:
    return [
        Part(
            f"mbrola-{voice.name}", "held_out", "mbrola", voice.name, voice.language, mbrola.LICENCE, MBROLA_S
        )
        for voice in mbrola.VOICES.values()
    ]


def _jtalk() -> Part:
    return Part("jtalk-ja", "held_out", "jtalk", jtalk.NAME, "ja", jtalk.LICENCE, JTALK_S)


def _singing(spoken: Sequence[Part]) -> list[Part]:
    return [
        replace(part, name=f"sung-{part.name}", engine="singing", voice=part.name, seconds=SUNG[part.name])
        for part in spoken
        if part.name in SUNG
    ]


def _vocal_tract() -> list[Part]:
    """Nonsense syllables: "zxx" is what ISO 639 calls no language."""
    return [
        Part(
            f"vocaltract-{number}", "train", "vocaltract", "VocalTractLab", "zxx", FREE_OUTPUT, VOCAL_TRACT_S
        )
        for number in range(1, VOCAL_TRACT_PARTS + 1)
    ]


def _recordings() -> list[Part]:
    return [
        Part(
            source.name, source.split, "recording", source.name, source.language, source.licence,
            source.seconds,
        )
        for source in SOURCES
    ]  # fmt: skip
