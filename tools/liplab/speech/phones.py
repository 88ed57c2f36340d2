"""Phones with times: their file, and the spellings that engines use brought to IPA."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from liplab.scores import Phone
from lipwright.errors import LipwrightError

SIDECAR_SUFFIX = ".phones.json"
# Engines put gaps of a few hundredths of a second between words. The mouth does not go to rest in them.
SHORTEST_PAUSE_S = 0.06

# ARPABET, of CMU's dictionary, pocketsphinx, flite and Festival's English voices.
ARPABET = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "ɚ", "ay": "aɪ", "eh": "ɛ",
    "er": "ɝ", "ey": "eɪ", "ih": "ɪ", "ix": "ɪ", "iy": "i", "ow": "oʊ", "oy": "ɔɪ", "uh": "ʊ", "uw": "u",
    "b": "b", "ch": "tʃ", "d": "d", "dh": "ð", "dx": "ɾ", "el": "l", "em": "m", "en": "n", "f": "f", "g":
    "ɡ", "hh": "h", "hv": "h", "jh": "dʒ", "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "nx": "ŋ",
    "p": "p", "r": "ɹ", "s": "s", "sh": "ʃ", "t": "t", "th": "θ", "v": "v", "w": "w", "y": "j", "z": "z",
    "zh": "ʒ",
}  # fmt: skip
CZECH = {
    "a": "a", "a:": "aː", "b": "b", "c": "ts", "c~": "tʃ", "ch": "x", "d": "d", "d~": "ɟ", "dz": "dz",
    "dz~": "dʒ", "e": "ɛ", "e:": "ɛː", "f": "f", "g": "ɡ", "h": "ɦ", "i": "ɪ", "i:": "iː", "j": "j", "k":
    "k", "l": "l", "m": "m", "n": "n", "n*": "ŋ", "n~": "ɲ", "o": "o", "o:": "oː", "p": "p", "r": "r",
    "r~": "ʒ", "r~*": "ʃ", "s": "s", "s~": "ʃ", "t": "t", "t~": "c", "u": "u", "u:": "uː", "v": "v", "z":
    "z", "z~": "ʒ",
}  # fmt: skip
FINNISH = {
    "a": "ɑ", "e": "e", "i": "i", "o": "o", "u": "u", "y": "y", "@": "æ", "7": "ø", "&": "ə", "p": "p",
    "t": "t", "k": "k", "b": "b", "d": "d", "g": "ɡ", "f": "f", "T": "θ", "D": "ð", "s": "s", "S": "ʃ",
    "z": "z", "Z": "ʒ", "h": "h", "v": "ʋ", "m": "m", "n": "n", "N": "ŋ", "l": "l", "L": "ʎ", "r": "r",
    "j": "j", "w": "w",
}  # fmt: skip
CATALAN = {
    "ax": "ə", "a": "a", "b": "b", "d": "d", "e": "e", "E": "ɛ", "f": "f", "g": "ɡ", "i": "i", "j": "j",
    "J": "ɲ", "k": "k", "l": "l", "L": "ʎ", "m": "m", "n": "n", "o": "o", "O": "ɔ", "p": "p", "r": "ɾ",
    "rr": "r", "s": "s", "S": "ʃ", "t": "t", "u": "u", "w": "w", "z": "z", "Z": "ʒ",
}  # fmt: skip
ITALIAN = {
    "i": "i", "e": "e", "E": "ɛ", "a": "a", "o": "o", "O": "ɔ", "u": "u", "j": "j", "w": "w", "p": "p",
    "t": "t", "k": "k", "b": "b", "d": "d", "g": "ɡ", "f": "f", "s": "s", "S": "ʃ", "v": "v", "z": "z",
    "Z": "ʒ", "ts": "ts", "tS": "tʃ", "dz": "dz", "dZ": "dʒ", "m": "m", "n": "n", "J": "ɲ", "ng": "ŋ",
    "nf": "ɱ", "l": "l", "L": "ʎ", "r": "r",
}  # fmt: skip
RUSSIAN = {
    "ii": "i", "yy": "ɨ", "uu": "u", "ee": "e", "oo": "o", "aa": "a", "a": "ɐ", "e": "ɪ", "i": "ɪ", "y":
    "ɨ", "u": "ʊ", "ae": "ɪ", "ay": "ə", "ur": "ʊ", "c": "ts", "ch": "tɕ", "sh": "ʂ", "sch": "ɕ", "zh":
    "ʐ", "h": "x", "hh": "x", "j": "j", **{letter * count: letter for letter in "pbtdkgfvszmnlr" for count
    in (1, 2)},
}  # fmt: skip
INDIC = {  # Festival's Hindi, Marathi and Telugu share it
    "a": "ə", "aa": "aː", "ih": "ɪ", "iy": "iː", "uh": "ʊ", "uw": "uː", "eh": "ɛ", "ee": "eː", "ay": "ɛː",
    "oh": "ɔ", "oo": "oː", "aw": "ɔː", "f": "f", "k": "k", "g": "ɡ", "ch": "tʃ", "T": "ʈ", "D": "ɖ", "N":
    "ɳ", "th": "t", "dh": "d", "n": "n", "p": "p", "b": "b", "m": "m", "y": "j", "r": "r", "l": "l", "v":
    "ʋ", "L": "ɭ", "R": "ɽ", "s": "s", "sh": "ʃ", "j": "dʒ", "h": "h", "ksh": "kʃ", "x": "x", "kh": "k",
    "gh": "ɡ", "td": "ʈ", "tth": "ʈ", "ddh": "ɖ", "bh": "b", "zh": "ʒ", "@": "ə", "w": "w",
}  # fmt: skip
# MBROLA's voices write SAMPA, with a few letters of their own.
SAMPA = {
    "a": "a", "a:": "aː", "a.": "a", "a~": "ɑ̃", "e": "e", "e:": "eː", "e~": "ɛ̃", "E": "ɛ", "i": "i", "i:":
    "iː", "I": "ɪ", "o": "o", "o:": "oː", "o~": "ɔ̃", "O": "ɔ", "u": "u", "u:": "uː", "u.": "u", "U": "ʊ",
    "y": "y", "y:": "yː", "Y": "ʏ", "2": "ø", "2:": "øː", "9": "œ", "9~": "œ̃", "6": "ɐ", "@": "ə", "aI":
    "aɪ", "aU": "aʊ", "OY": "ɔʏ", "p": "p", "b": "b", "t": "t", "t.": "t", "d": "d", "d.": "d", "k": "k",
    "g": "ɡ", "q": "q", "?": "ʔ", "^": "ʔ", "pf": "pf", "ts": "ts", "tS": "tʃ", "dz": "dz", "dZ": "dʒ",
    "f": "f", "v": "v", "T": "θ", "D": "ð", "s": "s", "s.": "s", "z": "z", "z.": "z", "S": "ʃ", "Z": "ʒ",
    "C": "ç", "x": "x", "X": "χ", "G": "ɣ", "H": "ʕ", "h": "h", "m": "m", "n": "n", "nf": "ɱ", "ng": "ŋ",
    "N": "ŋ", "J": "ɲ", "l": "l", "L": "ʎ", "r": "r", "R": "ʁ", "j": "j", "w": "w",
}  # fmt: skip
# Open JTalk: capitals are vowels without voice, N is the nasal that ends a syllable, cl the closure of a long
# consonant, which the tongue or the lips hold for the consonant that follows.
JAPANESE = {
    "a": "a", "i": "i", "u": "ɯ", "e": "e", "o": "o", "A": "a", "I": "i", "U": "ɯ", "E": "e", "O": "o",
    "N": "ɴ", "k": "k", "ky": "kʲ", "g": "ɡ", "gy": "ɡʲ", "s": "s", "sh": "ɕ", "z": "z", "j": "dʑ", "t":
    "t", "ty": "tʲ", "ts": "ts", "ch": "tɕ", "d": "d", "dy": "dʲ", "n": "n", "ny": "ɲ", "h": "h", "hy":
    "ç", "f": "ɸ", "b": "b", "by": "bʲ", "p": "p", "py": "pʲ", "m": "m", "my": "mʲ", "y": "j", "r": "ɾ",
    "ry": "ɾʲ", "w": "w", "v": "v", "cl": "ʔ",
}  # fmt: skip
PAUSES = frozenset(
    {"pau", "h#", "brth", "#", "_", "##", "sil", "+noise+", "+breath+", "+cough+", "+smack+", ""}
)

_MARKS = re.compile("[ˈˌ.‿|?\u0361\u035c]")
# What espeak-ng writes where it has no IPA: a Greek epsilon in Danish, ASCII letters in Kirghiz and Uzbek.
# The implosive ɓ is a b to lips, and to those who count closures.
_LOOKALIKES = str.maketrans({"ε": "ɛ", "ʼ": None, "S": "ʃ", "Z": "ʒ", "N": "ŋ", "Φ": "ɸ", "ɓ": "b"})


def spelled(name: str, table: Mapping[str, str]) -> str:
    """IPA of an engine's phone name; empty for a pause. Stress digits and Finnish length fall away.

    Raises KeyError for a phone that the table lacks, so that no sound is taken for another in silence.
    """
    if name.lower() in PAUSES:
        return ""
    for candidate in (name, name.rstrip("012"), name.rstrip(":"), name.lower().rstrip("012")):
        if candidate in table:
            return table[candidate]
    raise KeyError(name)


def plain(ipa: str) -> str:
    """IPA without stress marks, ties and dots; a palatal off-glide by itself is a j."""
    if ipa == "ʲ":
        return "j"
    return _MARKS.sub("", unicodedata.normalize("NFC", ipa)).translate(_LOOKALIKES)


def without_short_pauses(phones: Iterable[Phone]) -> list[Phone]:
    """Phones in order, gaps shorter than SHORTEST_PAUSE_S closed by the phone before them."""
    result: list[Phone] = []
    for phone in phones:
        if phone.end_s <= phone.start_s:
            continue
        if not phone.ipa and result and result[-1].ipa and phone.end_s - phone.start_s < SHORTEST_PAUSE_S:
            result[-1] = result[-1]._replace(end_s=phone.end_s)
        else:
            result.append(phone)
    return result


def retimed(phones: Iterable[Phone], factor: float = 1.0, shift_s: float = 0.0) -> list[Phone]:
    """Phones of a sound whose times were multiplied by `factor` and then moved by `shift_s`."""
    return [Phone(ipa, start * factor + shift_s, end * factor + shift_s) for ipa, start, end in phones]


def sidecar(sound: Path) -> Path:
    """Where the phones of a sound file stand: clip.wav has clip.phones.json."""
    return sound.with_name(sound.stem + SIDECAR_SUFFIX)


def save_phones(path: Path, phones: Sequence[Phone], source: str) -> None:
    """Write phones as JSON; `source` says where the times come from."""
    rows = [[ipa, round(start, 4), round(end, 4)] for ipa, start, end in phones]
    text = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(
        f'{{"source": {json.dumps(source)},\n "phones": [\n  {text}\n ]}}\n',
        encoding="utf-8",
    )


def load_phones(path: Path) -> list[Phone]:
    """Read phones written by save_phones: {"phones": [[ipa, start_s, end_s], ...]}.

    Raises LipwrightError when the file is not that.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["phones"]
        return [Phone(str(ipa), float(start), float(end)) for ipa, start, end in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise LipwrightError(
            f'{path} does not list phones; it must read {{"phones": [["b", 0.10, 0.18], ...]}}.'
        ) from error
